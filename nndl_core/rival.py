"""A larger network beside a run that stands still: is what it reached the limit of its data?"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from nndl_core.config import RunConfig
from nndl_core.data_rules import asks_for_rival
from nndl_core.datasets import Dataset
from nndl_core.findings import Facts
from nndl_core.runner import Runner

LEAST_WIDTH, BATCH, EPOCHS, RATE = 16, 32, 200, 0.01
KEPT = 8


def rival_of(config: RunConfig) -> RunConfig:
    """Return the config of the larger network: two ReLU layers twice as wide, He's weights, Adam.

    Data, loss and seeds are those of the run.
    """
    width = min(config.most_units, max(LEAST_WIDTH, 2 * max(config.hidden, default=0)))
    return replace(
        config,
        hidden=(width, width),
        activation="relu",
        init="he_normal",
        init_scale=1.0,
        bias=0.0,
        optimizer="adam",
        momentum=0.9,
        learning_rate=RATE,
        weight_decay=0.0,
        batch_size=BATCH,
        epochs=EPOCHS,
    )


@lru_cache(maxsize=KEPT)
def reached(config: RunConfig, dataset: Dataset) -> tuple[float, float]:
    """Train a config; return its least dev loss and the dev accuracy there.

    The dev part judges, because a larger network learns a training part by heart.
    """
    runner = Runner.from_config(config, dataset)
    while not runner.finished:
        runner.advance(config.epochs)
    loss = runner.records.column("dev_loss")
    if not len(loss):
        return float("inf"), 0.0
    best = int(loss.argmin())
    return float(loss[best]), float(runner.records.column("dev_accuracy")[best])


def add_rival(runner: Runner) -> bool:
    """Put beside a run what a larger network reaches, if its diagnosis asks for it; tell whether.

    It asks where the run stands still and nobody knows the limit of its data. The evidence stands
    in the records, where `diagnose` reads it.
    """
    config, dataset, data = runner.config, runner.dataset, runner.records.data
    if config is None or dataset is None or data is None:
        return False
    if not asks_for_rival(Facts.of(config, runner.records)):
        return False
    loss, accuracy = reached(rival_of(config), dataset)
    runner.records.data = replace(data, rival_loss=loss, rival_accuracy=accuracy)
    return True
