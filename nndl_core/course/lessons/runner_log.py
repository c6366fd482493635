"""The course's Runner at work: its printed log, and checkpoints that go through a file."""

from __future__ import annotations

from contextlib import redirect_stdout
from dataclasses import dataclass, replace
from functools import lru_cache
from io import StringIO
from pathlib import Path
from tempfile import TemporaryDirectory

import torch

from nndl_core.base.config import RunConfig
from nndl_core.base.i18n import mark
from nndl_core.data.catalog import dataset_of
from nndl_core.engine.runner import Runner
from nndl_core.network.model import MLP
from nndl_core.network.optimizers import Optimizer

RECENT = 16


@dataclass(frozen=True)
class ReloadedModel:
    """A checkpoint that was saved, loaded into a new model and evaluated on the test set."""

    name: str
    epoch: int
    score: float
    loss: float
    is_equal: bool


@lru_cache(maxsize=RECENT)
def training_log(config: RunConfig, log_epochs: int) -> str:
    """Train a config as the course does and return what the Runner prints, and its test score."""
    runner = _runner(config)
    data = dataset_of(config)
    with redirect_stdout(StringIO()) as printed:
        runner.train(data.train, data.dev, num_epochs=config.epochs, log_epochs=log_epochs)
    score, loss = runner.evaluate(data.test)
    return f"{printed.getvalue()}[Test] score/loss: {score:.4f}/{loss:.4f}"


@lru_cache(maxsize=RECENT)
def evaluate_kept(config: RunConfig) -> tuple[ReloadedModel, ...]:
    """Train a config, save the best-on-dev and the last model, load both, evaluate both."""
    trained = Runner.from_config(config)
    trained.advance(config.epochs)
    with TemporaryDirectory() as folder:
        return tuple(
            _through_file(trained, name, best, Path(folder) / "model.safetensors")
            for name, best in ((mark("best on dev"), True), (mark("last epoch"), False))
        )


def _through_file(trained: Runner, name: str, best: bool, path: Path) -> ReloadedModel:
    trained.save_model(path, best=best)
    assert trained.config is not None
    assert trained.dataset is not None
    loaded = _runner(replace(trained.config, init_seed=trained.config.init_seed + 1))
    loaded.load_model(path)
    test = trained.dataset.test
    same = torch.equal(loaded.predict(test.x), trained.predict(test.x, best=best))
    epoch = trained.best.epoch if best and trained.best else trained.epoch
    return ReloadedModel(name, epoch, *loaded.evaluate(test), same)


def _runner(config: RunConfig) -> Runner:
    """Build a Runner from model, optimizer and loss, as the course does."""
    data = dataset_of(config)
    model = MLP.from_config(config, len(data.features), len(data.classes))
    return Runner(model, Optimizer.from_config(model.parameters(), config), loss_fn=config.loss)
