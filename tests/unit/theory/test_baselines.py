"""Logistic regression against scikit-learn, the Bayes limit against sampling."""

import pytest
import torch
from sklearn.linear_model import LogisticRegression

from nndl_core.base.config import RunConfig
from nndl_core.data.catalog import dataset_of
from nndl_core.data.points import make_moons
from nndl_core.theory.baselines import bayes_accuracy, logistic_accuracy


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_logistic_regression_is_that_of_scikit_learn(seed: int) -> None:
    config = RunConfig(data_seed=seed)
    data = dataset_of(config)
    model = LogisticRegression(C=1e9).fit(data.train.x.numpy(), data.train.y.numpy())
    assert logistic_accuracy(config) == pytest.approx(
        model.score(data.test.x.numpy(), data.test.y.numpy()), abs=1e-9
    )


def test_logistic_regression_is_for_two_classes() -> None:
    with pytest.raises(ValueError, match="two classes"):
        logistic_accuracy(RunConfig(dataset="blobs3", loss="cross_entropy"))


@pytest.mark.parametrize("noise", [0.2, 0.5])
def test_no_sample_beats_the_bayes_limit(noise: float) -> None:
    """Classify 40 000 sampled points by their true densities, computed by brute force."""
    arcs, labels = make_moons(2000, shuffle=False, noise=None)
    x, y = make_moons(40_000, noise=noise, seed=3)
    density = [
        torch.cat(
            [
                torch.exp(-(torch.cdist(part, arcs[labels == k]) ** 2) / (2 * noise**2)).mean(1)
                for part in torch.split(x.double(), 4000)
            ]
        )
        for k, arcs in ((0, arcs.double()), (1, arcs.double()))
    ]
    right = ((density[1] > density[0]).float() == y).double().mean()
    assert bayes_accuracy(noise) == pytest.approx(float(right), abs=0.006)


def test_without_noise_everything_can_be_told_apart() -> None:
    assert bayes_accuracy(0.0) == 1.0
