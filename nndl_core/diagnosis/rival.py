"""A larger network beside a run that stands still: is what it reached the limit of its data?"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from torch import Tensor

from nndl_core.base.checks import MOST_CLASSES, class_indices
from nndl_core.base.config import RunConfig
from nndl_core.data.catalog import Dataset, Split
from nndl_core.diagnosis import limits
from nndl_core.diagnosis.data_rules import asks_for_rival
from nndl_core.diagnosis.facts import Facts
from nndl_core.engine.runner import Runner

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
    config, data = runner.described, runner.records.data
    if data is None or not asks_for_rival(Facts.of(config, runner.records)):
        return False
    dataset = runner.dataset or _given(runner)
    if dataset is None or max(config.hidden, default=0) > limits.LARGEST_WIDTH:
        return False
    loss, accuracy = reached(rival_of(config), dataset)
    runner.records.data = replace(data, rival_loss=loss, rival_accuracy=accuracy)
    return True


def _given(runner: Runner) -> Dataset | None:
    """Return the sets that a Runner was given as a data set; None if they are no table of classes.

    Nothing is chosen with the dev part but the rival's best epoch, so it is the test part too.
    """
    try:
        train, dev = (
            Split(x.float().cpu(), class_indices(_labels(y), MOST_CLASSES)) for x, y in runner.sets
        )
        classes = tuple(map(str, range(max(2, int(max(train.y.max(), dev.y.max())) + 1))))
        features = tuple(f"x{i + 1}" for i in range(train.x.shape[1]))
        return Dataset("given", train, dev, dev, classes, features)
    except (ValueError, TypeError, IndexError):
        return None


def _labels(y: Tensor) -> Tensor:
    return y.argmax(1) if y.ndim == 2 and y.shape[1] > 1 else y
