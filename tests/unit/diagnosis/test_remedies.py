"""What a diagnosis offers: every remedy is a possible config, and changes something."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from nndl_core.base.config import (
    KNOBS,
    ActivationName,
    InitializerName,
    OptimizerName,
    RunConfig,
    ScaleName,
)
from nndl_core.diagnosis.facts import Disease, Finding
from nndl_core.diagnosis.remedies import Remedy, remedies_for, remedy_between, tempting_fix
from nndl_core.diagnosis.remedy_words import change_in_words

NO_SETTING = ("healthy", "none_of_these", "one_class", "nan_in_data")
DISEASES = [d for d in get_args(Disease) if d not in NO_SETTING]
CONFIGS = st.builds(
    RunConfig,
    dataset=st.sampled_from(["moons", "csv"]),
    scale=st.sampled_from(get_args(ScaleName)),
    activation=st.sampled_from(get_args(ActivationName)),
    optimizer=st.sampled_from(get_args(OptimizerName)),
    hidden=st.lists(st.integers(1, 64), max_size=16).map(tuple),
    init=st.sampled_from(get_args(InitializerName)),
    init_scale=st.sampled_from([0.0, 0.01, 0.3, 1.0, 8.0, 100.0]),
    weight_decay=st.floats(0, 1),
    learning_rate=st.floats(1e-6, 1000),
    momentum=st.floats(0, 0.999),
    bias=st.floats(-10, 10),
    batch_size=st.integers(0, 5000),
    epochs=st.integers(1, 100_000),
    points=st.integers(20, 5000),
)


Agrees = Callable[[RunConfig, RunConfig], bool]
BEGINNING = {"init", "init_scale", "bias"}


def _only(*names: str) -> Agrees:
    return lambda config, cured: _changed(config, cured) == set(names)


def _changed(config: RunConfig, cured: RunConfig) -> set[str]:
    return {name for name in KNOBS if getattr(config, name) != getattr(cured, name)}


def _shorter_steps(config: RunConfig, cured: RunConfig) -> bool:
    return cured.learning_rate < config.learning_rate


def _longer_steps(config: RunConfig, cured: RunConfig) -> bool:
    return cured.learning_rate > config.learning_rate


def _more_steps(config: RunConfig, cured: RunConfig) -> bool:
    return cured.batch_size < (config.batch_size or 5001)


def _more_units(config: RunConfig, cured: RunConfig) -> bool:
    pairs = list(zip(config.hidden, cured.hidden, strict=False))
    longer = len(cured.hidden) > len(config.hidden)
    return all(a <= b for a, b in pairs) and (longer or cured.hidden != config.hidden)


def _less_room(config: RunConfig, cured: RunConfig) -> bool:
    return cured.weight_decay >= config.weight_decay and cured.epochs <= config.epochs


SAYS: dict[str, list[Agrees]] = {
    "A start that keeps the signal": [lambda c, d: bool(_changed(c, d) & BEGINNING)],
    "The same change with adam": [lambda c, d: d.optimizer == "adam" != c.optimizer],
    "Leaky ReLU with a fresh start": [lambda c, d: d.activation == "leaky_relu" != c.activation],
    "Layers that pass the signal": [lambda c, d: bool(_changed(c, d) & {"activation", "hidden"})],
    "Steps that suit the weights": [lambda c, d: _changed(c, d) <= {"learning_rate", "batch_size"}],
    "Only the weights": [lambda c, d: _changed(c, d) <= {"init", "init_scale"}],
    "Only the initialization": [_only("init")],
    "Only the size of the weights": [_only("init_scale")],
    "Only bias 0": [_only("bias"), lambda c, d: d.bias == 0],
    "Only tanh": [_only("activation"), lambda c, d: d.activation == "tanh"],
    "Only ReLU": [_only("activation"), lambda c, d: d.activation == "relu"],
    "just ReLU": [_only("activation"), lambda c, d: d.activation == "relu"],
    "just Leaky ReLU": [lambda c, d: (d.activation, d.slope) == ("leaky_relu", 0.01)],
    "Only wider layers": [_only("hidden"), _more_units],
    "Only two hidden layers": [_only("hidden"), lambda c, d: len(d.hidden) == 2 < len(c.hidden)],
    "Only more units": [_only("hidden"), _more_units],
    "more units": [_only("hidden"), _more_units],
    "more layers": [_only("hidden"), lambda c, d: len(d.hidden) > len(c.hidden)],
    "A hidden layer": [lambda c, d: len(d.hidden) == 1 > len(c.hidden)],
    "Only another start": [_only("init_seed")],
    "Only shorter steps": [_only("learning_rate"), _shorter_steps],
    "Smaller steps": [_shorter_steps, lambda c, d: d.momentum <= c.momentum],
    "Only a smaller learning rate": [_only("learning_rate"), _shorter_steps],
    "just a smaller learning rate": [_only("learning_rate"), _shorter_steps],
    "Only larger batches": [_only("batch_size"), lambda c, d: d.batch_size > c.batch_size],
    "Longer steps": [_only("learning_rate"), _longer_steps],
    "Longer and more steps": [_longer_steps, _more_steps],
    "Only small batches": [_only("batch_size"), _more_steps],
    "Ten times as many epochs": [_only("epochs"), lambda c, d: d.epochs == 10 * c.epochs],
    "Only more epochs": [_only("epochs"), lambda c, d: d.epochs > c.epochs],
    "more epochs": [_only("epochs"), lambda c, d: d.epochs > c.epochs],
    "Adam": [lambda c, d: d.optimizer == "adam" != c.optimizer],
    "More points": [_only("points"), lambda c, d: d.points > c.points],
    "Fewer units, weight decay, and stop in time": [
        _less_room, lambda c, d: sum(d.hidden) < sum(c.hidden)
    ],
    "Weight decay, and stop in time": [_less_room, lambda c, d: d.hidden == c.hidden],
    "Only stop where the dev loss was least": [_only("epochs"), lambda c, d: d.epochs < c.epochs],
    "Only weight decay": [_only("weight_decay"), lambda c, d: d.weight_decay > c.weight_decay],
    "Only scale the columns": [_only("scale")],
}  # fmt: skip
"""What a config and its remedy must have, for the remedy to do what its name says."""


@settings(max_examples=500)
@given(config=CONFIGS, disease=st.sampled_from(DISEASES), born=st.booleans())
def test_every_remedy_can_be_built_and_does_what_its_name_says(
    config: RunConfig, disease: Disease, born: bool
) -> None:
    finding = Finding(disease, "severe", 3, born=born, best_epoch=2)
    tempting = tempting_fix(config, finding)
    offered = remedies_for(config, finding)
    for remedy in [*offered, *([tempting] if tempting else [])]:
        cured = remedy.applied(config)
        assert _changed(config, cured) == set(remedy.change) != set()
        assert cured.data_seed == config.data_seed
        assert all(agrees(config, cured) for agrees in SAYS[remedy.name]), remedy.name
        words = change_in_words(config, remedy.change)
        assert all(KNOBS[name].label in words for name in remedy.change)
        assert remedy.why
    changes = [remedy.change for remedy in offered]
    assert all(changes.count(change) == 1 for change in changes)


@settings(max_examples=300)
@given(config=CONFIGS, disease=st.sampled_from(DISEASES), born=st.booleans())
def test_one_of_the_first_two_remedies_changes_a_single_setting(
    config: RunConfig, disease: Disease, born: bool
) -> None:
    assume(disease != "unscaled_inputs" or (config.dataset, config.scale) == ("csv", "off"))
    # neither a layer without a curve nor a curve without a layer makes a line a curve
    assume(disease != "linear_network" or config.hidden or config.activation != "identity")
    assume(disease != "linear_network" or not config.hidden or config.activation == "identity")
    offered = remedies_for(config, Finding(disease, "severe", 3, born=born, best_epoch=2))
    assert any(len(remedy.change) == 1 for remedy in offered[:2])


def test_what_stays_as_it_is_is_not_listed_as_a_change() -> None:
    config = RunConfig(hidden=(16, 16), activation="relu", init="he_normal", bias=-4.0)
    tempting = tempting_fix(config, Finding("dying_relu", "fatal", 1, born=True))
    assert tempting is not None
    assert tempting.change == {"activation": "leaky_relu"}
    assert "0.01" not in change_in_words(config, tempting.change)
    assert change_in_words(config, {"slope": 0.01, "bias": 0.0}) == "Bias value -4 → 0"


def test_longer_steps_never_shorten() -> None:
    config = RunConfig(
        dataset="circles", noise=0.1, activation="identity", init="xavier_normal",
        learning_rate=0.5, epochs=2000,
    )  # fmt: skip
    offered = remedies_for(config, Finding("slow_convergence", "mild", 1999))
    of_sgd = [remedy.applied(config) for remedy in offered if "optimizer" not in remedy.change]
    assert of_sgd
    assert all(cured.learning_rate >= 0.5 for cured in of_sgd)


def test_a_tempting_fix_is_not_the_remedy_itself() -> None:
    config = RunConfig(hidden=(16,) * 3, activation="relu", init="he_normal", learning_rate=100.0)
    thrown = Finding("exploding_gradient", "fatal", 3, born=False)
    assert "learning_rate" in remedies_for(config, thrown)[0].change
    assert tempting_fix(config, thrown) is None
    # weights of Xavier's size: there the activation is the reason, and ReLU no mistake
    deep = RunConfig(hidden=(16,) * 6, init="xavier_normal")
    assert tempting_fix(deep, Finding("vanishing_gradient", "fatal", 3, born=True)) is None


@given(config=CONFIGS, disease=st.sampled_from(DISEASES), best=st.integers(1, 100_000))
def test_a_remedy_is_known_again_by_what_it_changes(
    config: RunConfig, disease: Disease, best: int
) -> None:
    finding = Finding(disease, "severe", 3, best_epoch=min(best, config.epochs))
    names = {remedy.name for each in DISEASES for remedy in _offers(config, each, finding)}
    for remedy in _offers(config, disease, finding):
        cured = remedy.applied(config)
        if cured == config:
            continue
        found = remedy_between(config, cured)
        assert found.applied(config) == cured
        assert found.name in names
        assert all(getattr(config, name) != value for name, value in found.change.items())
    noisier = remedy_between(config, replace(config, label_noise=0.5))
    assert (noisier.name, noisier.change) == ("Changed settings", {"label_noise": 0.5})


def _offers(config: RunConfig, disease: Disease, finding: Finding) -> list[Remedy]:
    finding = replace(finding, disease=disease)
    tempting = tempting_fix(config, finding)
    return [*remedies_for(config, finding), *([tempting] if tempting else [])]


@pytest.mark.parametrize("disease", DISEASES)
def test_every_disease_of_a_usual_network_has_a_remedy(disease: Disease) -> None:
    config = RunConfig(
        dataset="csv", scale="off", hidden=(3,) * 4, init_scale=0.01, bias=-8.0, learning_rate=1e-4
    )
    if disease == "linear_network":
        config = replace(config, activation="identity")
    assert remedies_for(config, Finding(disease, "severe", 3, best_epoch=2))


@pytest.mark.parametrize("disease", NO_SETTING)
def test_where_nothing_is_known_nothing_is_offered(disease: Disease) -> None:
    assert remedies_for(RunConfig(), Finding(disease, "fine", 3)) == []
    assert tempting_fix(RunConfig(), Finding(disease, "fine", 3)) is None


def test_the_first_remedy_of_a_dead_deep_network_changes_all_that_killed_it() -> None:
    config = RunConfig(hidden=(3,) * 4, activation="relu", init_scale=0.01, bias=-8.0)
    first = remedies_for(config, Finding("dying_relu", "fatal", 1, born=True))[0]
    cured = first.applied(config)
    assert (cured.activation, cured.init, cured.bias) == ("leaky_relu", "he_normal", 0.0)
    assert cured.hidden == (8,) * 4


def test_more_points_are_offered_only_where_they_can_be_made() -> None:
    finding = Finding("overfitting", "severe", 30, best_epoch=20)
    config = RunConfig(points=100, hidden=(64,))
    assert remedies_for(config, finding)[0].change == {"points": 5000}
    for foreign in (replace(config, dataset="iris"), replace(config, dataset="csv")):
        assert all("points" not in r.change for r in remedies_for(foreign, finding))
    assert "points" not in remedies_for(config, finding, made_to_order=False)[0].change
