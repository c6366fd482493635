"""The Bayes limits of the generated sets: calibrated, unbeaten, and exact where a form is known."""

from __future__ import annotations

import math

import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from nndl_core.base.config import LossName
from nndl_core.data.bayes import posterior
from nndl_core.data.catalog import DATASETS, Source, make_dataset
from nndl_core.engine.data_facts import limit
from nndl_core.theory.baselines import bayes_accuracy

GENERATED = [name for name, spec in DATASETS.items() if not spec.tabular]
POINTS = 3200


@pytest.mark.parametrize("name", GENERATED)
@pytest.mark.parametrize("noise", [0.1, 0.4])
@pytest.mark.parametrize("flipped", [0.0, 0.2])
def test_a_posterior_is_right_as_often_as_it_says(name: str, noise: float, flipped: float) -> None:
    """Accuracy is the mean of its largest probability, and the loss the mean of its entropy."""
    train = make_dataset(name, 5000, noise, flipped, 3).train
    assert train.source is not None
    p = posterior(train.source, train.x)
    loss, accuracy = limit(p, train.y, "cross_entropy", p.shape[1])
    entropy = float(-(p * p.clamp(min=1e-300).log()).sum(1).mean())
    error = 3 * float((-p.gather(1, train.y[:, None]).clamp(1e-30).log()).std()) / POINTS**0.5
    assert loss == pytest.approx(entropy, abs=max(error, 0.01))  # few rows make a small loss
    assert accuracy == pytest.approx(float(p.amax(1).mean()), abs=3 * 0.5 / POINTS**0.5)
    assert p.sum(1) == pytest.approx(torch.ones(len(p)).double())


@pytest.mark.parametrize("name", GENERATED)
def test_no_neighbours_beat_the_posterior(name: str) -> None:
    data = make_dataset(name, 5000, 0.4, 0.0, 5)
    source = data.train.source
    assert source is not None
    neighbours = KNeighborsClassifier(50).fit(data.train.x.numpy(), data.train.y.numpy())
    test = data.test
    _, best = limit(posterior(source, test.x), test.y, "cross_entropy", len(data.classes))
    assert neighbours.score(test.x.numpy(), test.y.numpy()) <= best + 0.02


@pytest.mark.parametrize("name", GENERATED)
@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_without_noise_nothing_need_be_missed(name: str, loss: LossName) -> None:
    train = make_dataset(name, 1000, 0.0, 0.0, 1).train
    assert train.source is not None
    p = posterior(train.source, train.x)
    least, accuracy = limit(p, train.y, loss, p.shape[1])
    assert least == pytest.approx(0, abs=1e-4)
    assert accuracy == 1


def test_two_blobs_have_the_posterior_of_two_gaussians() -> None:
    """log p1 / p0 = (|x - m0|^2 - |x - m1|^2) / 2 s^2 with s^2 = .25^2 + .6^2."""
    x = torch.tensor([[0.3, -0.2], [0.6, 0.4], [-1.0, 2.0]])
    p = posterior(Source("blobs2", 0.6, 0.0), x)
    for point, row in zip(x.tolist(), p.tolist(), strict=True):
        far = [(point[0] - a) ** 2 + (point[1] - b) ** 2 for a, b in ((-0.5, -0.4), (1.5, 1.0))]
        odds = math.exp((far[0] - far[1]) / (2 * (0.25**2 + 0.6**2)))
        assert row[1] == pytest.approx(odds / (1 + odds))


@pytest.mark.parametrize("noise", [0.2, 0.5])
def test_the_limit_on_many_moons_is_that_of_the_integral(noise: float) -> None:
    train = make_dataset("moons", 5000, noise, 0.0, 2).train
    assert train.source is not None
    _, accuracy = limit(posterior(train.source, train.x), train.y, "bce", 1)
    assert accuracy == pytest.approx(bayes_accuracy(noise), abs=3 * 0.4 / POINTS**0.5)


def test_flipped_labels_bound_the_probabilities() -> None:
    p = posterior(Source("spirals3", 0.0, 0.3), make_dataset("spirals3", 300, 0.0).train.x)
    assert float(p.max()) == pytest.approx(0.7)
    assert float(p.min()) == pytest.approx(0.15)
