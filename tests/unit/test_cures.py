"""What a diagnosis offers: every remedy is a possible config, and changes something."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nndl_core.config import ActivationName, OptimizerName, RunConfig
from nndl_core.cures import Remedy, remedies_for, remedy_between, tempting_fix
from nndl_core.diagnosis_words import change_in_words
from nndl_core.findings import Disease, Finding

DISEASES = [d for d in get_args(Disease) if d not in ("healthy", "none_of_these")]
CONFIGS = st.builds(
    RunConfig,
    activation=st.sampled_from(get_args(ActivationName)),
    optimizer=st.sampled_from(get_args(OptimizerName)),
    hidden=st.lists(st.integers(1, 64), min_size=1, max_size=16).map(tuple),
    learning_rate=st.floats(1e-6, 1000),
    momentum=st.floats(0, 0.999),
    bias=st.floats(-10, 10),
    batch_size=st.integers(0, 5000),
    epochs=st.integers(1, 100_000),
    points=st.integers(20, 5000),
)


@given(config=CONFIGS, disease=st.sampled_from(DISEASES), born=st.booleans())
def test_every_remedy_can_be_built_and_changes_what_it_says(
    config: RunConfig, disease: Disease, born: bool
) -> None:
    finding = Finding(disease, "severe", 3, born=born, best_epoch=2)
    offered = remedies_for(config, finding)
    for remedy in offered:
        cured = remedy.applied(config)
        assert cured != config
        assert {k for k in remedy.change if getattr(config, k) != getattr(cured, k)} == set(
            remedy.change
        )
        assert (cured.data_seed, cured.init_seed) == (config.data_seed, config.init_seed)
        assert all(name in change_in_words(config, remedy.change) for name in remedy.change)
    changes = [remedy.change for remedy in offered]
    assert all(changes.count(change) == 1 for change in changes)
    tempting = tempting_fix(config, finding)
    assert tempting is not None
    assert tempting.applied(config).epochs <= 100_000


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
    config = RunConfig(hidden=(3,) * 4, init_scale=0.01, bias=-8.0, learning_rate=1e-4)
    assert remedies_for(config, Finding(disease, "severe", 3, best_epoch=2))


@pytest.mark.parametrize("disease", ["healthy", "none_of_these"])
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
