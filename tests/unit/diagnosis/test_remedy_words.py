"""What a remedy has done: the sentence agrees with both verdicts, whatever they are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nndl_core.base.config import RunConfig
from nndl_core.diagnosis.facts import Disease, Facts, Finding, Severity
from nndl_core.diagnosis.remedies import remedies_for, tempting_fix
from nndl_core.diagnosis.remedy_words import Diagnosed, change_in_words, compared
from nndl_core.diagnosis.rules import diagnose
from nndl_core.engine.runner import Runner

EPOCHS = 100
NAMES: list[Disease] = ["vanishing_gradient", "stalled", "none_of_these", "healthy"]


def facts(progress: float, gradient: float, epochs: int = EPOCHS) -> Facts:
    """The facts of a run as far as a comparison reads them."""
    runner = Runner.from_config(RunConfig(hidden=(2, 2), epochs=EPOCHS, points=40))
    runner.advance(1)
    run = Facts.of(RunConfig(hidden=(2, 2), epochs=EPOCHS), runner.records)
    return replace(
        run,
        loss=np.full(epochs, 0.5),
        progress=np.full(epochs, progress),
        gradient=np.full((epochs, 3), gradient),
    )


def found(disease: Disease | None, over: bool = False) -> list[Finding]:
    if disease is None:
        return []
    severity: Severity = "fine" if disease == "healthy" else "severe"
    past = [Finding("vanishing_gradient", "fatal", 1, until=50)] if over else []
    return [Finding(disease, severity, 9), *past]


def outcome(sick: Diagnosed, cured: Diagnosed) -> str:
    return compared(sick, cured).rpartition(": ")[2]


@given(
    diseases=st.tuples(*[st.sampled_from([None, *NAMES])] * 2),
    progress=st.tuples(*[st.floats(-1, 1)] * 2),
    gradient=st.tuples(*[st.sampled_from([0.0, 1e-9, 0.1])] * 2),
    epochs=st.sampled_from([1, 50, EPOCHS]),
)
def test_it_never_contradicts_the_two_verdicts(
    diseases: tuple[Disease | None, Disease | None],
    progress: tuple[float, float],
    gradient: tuple[float, float],
    epochs: int,
) -> None:
    runs = [facts(p, g, epochs) for p, g in zip(progress, gradient, strict=True)]
    sick, cured = ((found(d), run) for d, run in zip(diseases, runs, strict=True))
    said = outcome(sick, cured)
    if None in diseases:
        assert said == "too early to tell."
    elif diseases[1] == "healthy":
        assert not any(word in said for word in ("not cured", "does not learn", "is not"))
    else:
        assert not any(word in said for word in ("the run learns", "cured, for", "both"))
    if diseases == ("healthy", "healthy"):
        assert "both" in said


def test_a_run_that_recovered_by_itself_is_said_to_have() -> None:
    sick = found("healthy", over=True), facts(0.8, 0.1)
    cured = found("healthy"), facts(1.0, 0.1)
    assert outcome(sick, cured).startswith("both learn, for the run without the remedy has rec")
    assert outcome((found("healthy"), sick[1]), cured).startswith("both are healthy")


def test_a_gradient_that_is_back_is_not_yet_a_cure() -> None:
    sick = found("vanishing_gradient"), facts(0.0, 1e-9)
    back = found("vanishing_gradient"), facts(0.0, 0.1)
    cured = found("healthy"), facts(0.9, 0.1)
    assert "the gradient is back, but the run does not learn" in compared(sick, back)
    assert outcome(sick, cured) == "the run learns."
    assert outcome(sick, sick) == "not cured."
    assert outcome((sick[0], facts(0, 1e-9, 50)), (sick[0], facts(0, 1e-9, 50))).endswith("so far.")
    assert outcome(sick, (found("stalled"), back[1])).startswith("Vanishing gradient is no longer")
    assert compared(sick, (found("healthy"), facts(0.9, 0.1, 0))) == ""


def test_it_is_cured_where_more_points_end_an_overfitting_and_not_where_the_run_is_young() -> None:
    sick = found("overfitting"), facts(1.0, 0.1)
    end = outcome(sick, (found("healthy"), facts(0.8, 0.1)))
    assert end == "cured, for it ends without Overfitting."
    assert "so far" in outcome(sick, (found("healthy"), facts(0.8, 0.1, 50)))


def test_six_layers_of_sigmoid_recover_and_their_remedy_is_not_called_no_cure() -> None:
    config = RunConfig(hidden=(5,) * 6)

    def trained(settings: RunConfig) -> Diagnosed:
        runner = Runner.from_config(settings)
        while not runner.finished:
            runner.advance(settings.epochs)
        return diagnose(settings, runner.records), Facts.of(settings, runner.records)

    sick = trained(config)
    begin = Finding("vanishing_gradient", "fatal", 100, born=True)
    cured = trained(remedies_for(config, begin)[0].applied(config))
    assert (sick[0][0].disease, cured[0][0].disease) == ("healthy", "healthy")
    assert "not cured" not in compared(sick, cured)
    assert "recovered by itself" in compared(sick, cured)


@pytest.mark.parametrize("hidden", [(5,), (16, 16)])
def test_what_is_said_of_a_tempting_leaky_relu_is_true(hidden: tuple[int, ...]) -> None:
    config = RunConfig(hidden=hidden, activation="relu", bias=-8.0, init="he_normal", epochs=60)
    tempting = tempting_fix(config, Finding("dying_relu", "fatal", 1, born=True))
    assert tempting is not None
    runner = Runner.from_config(tempting.applied(config))
    runner.advance(60)
    gradient = runner.records.column("weight_grad_norm")[0]
    assert "a hundred times smaller" in tempting.why
    assert gradient[0] > 0
    assert change_in_words(config, tempting.change) == "Activation relu → leaky_relu"
    sound = Runner.from_config(replace(config, bias=0.0))
    sound.advance(1)
    healthy = sound.records.column("weight_grad_norm")[0]
    assert gradient[0] < healthy[0] * 0.1 ** len(hidden)
