"""The loops in PyTorch that the engine is compared with, each from the engine's weights."""

from __future__ import annotations

import importlib
import itertools
import logging
import math
import time
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader

from nndl_core.base.config import RunConfig
from nndl_core.data.catalog import Dataset
from nndl_core.network.model import MLP


class Trained(NamedTuple):
    """What training some epochs took, and the training loss of each run in the last of them.

    The loss is that of the state before the last update. Seconds are of the processor, of all
    threads of the process: other work on the machine then counts for little.
    """

    seconds: float
    losses: list[float]


Train = Callable[[int], Trained]
"""Train so many epochs; further calls go on or begin anew, as the contender does."""


def timed(train: Callable[[int], list[float]]) -> Train:
    """Measure the processor time of a function that trains some epochs."""

    def measured(epochs: int) -> Trained:
        start = time.process_time()
        losses = train(epochs)
        return Trained(time.process_time() - start, losses)

    return measured


def each(epoch: Callable[[], float]) -> Train:
    """Train epoch by epoch with a function that trains one."""

    def train(epochs: int) -> list[float]:
        loss = math.nan
        for _ in range(epochs):
            loss = epoch()
        return [loss]

    return timed(train)


def labelled(data: Dataset) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Return train x, train y, dev x, dev y with labels [n, 1]."""
    train, dev = data.train, data.dev
    return train.x, train.y.float()[:, None], dev.x, dev.y.float()[:, None]


def start(config: RunConfig, data: Dataset) -> MLP:
    """Make the engine's network with its first weights."""
    return MLP.from_config(config, len(data.features), len(data.classes))


def network(config: RunConfig, data: Dataset, ends_in_sigmoid: bool = True) -> nn.Sequential:
    """Build the same network from torch's own layers."""
    act = {"sigmoid": nn.Sigmoid, "relu": nn.ReLU, "tanh": nn.Tanh}[config.activation]
    mlp = start(config, data)
    layers: list[nn.Module] = []
    for (fan_in, fan_out), given in zip(itertools.pairwise(mlp.sizes), mlp.layers, strict=True):
        linear = nn.Linear(fan_in, fan_out)
        linear.load_state_dict(given.state_dict())
        layers += [linear, act()]
    return nn.Sequential(*layers[:-1], *([nn.Sigmoid()] if ends_in_sigmoid else []))


def score(p: Tensor, y: Tensor) -> float:
    """Return the accuracy as the course computes it."""
    return ((p >= 0.5).float() == y).float().mean().item()


def eager(config: RunConfig, data: Dataset) -> Train:
    """Make the loop that one writes by hand with autograd, BCE and SGD."""
    model, loss_fn = network(config, data), nn.BCELoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=config.learning_rate)
    x, y, dev_x, dev_y = labelled(data)
    size = config.batch_size or len(x)

    def epoch() -> float:
        order = torch.randperm(len(x)) if size < len(x) else None
        for first in range(0, len(x), size):
            rows = slice(None) if order is None else order[first : first + size]
            p = model(x[rows])
            loss = loss_fn(p, y[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        train_loss = loss.item()
        score(p, y[rows])
        with torch.no_grad():
            p = model(dev_x)
            loss_fn(p, dev_y).item(), score(p, dev_y)
        return float(train_loss)

    return each(epoch)


class CourseRunner:
    """The shape of the course's RunnerV2_2: histories, evaluate, best score."""

    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer) -> None:
        self.model, self.optimizer, self.loss_fn = model, optimizer, nn.BCELoss()
        self.train_loss: list[float] = []
        self.train_scores: list[float] = []
        self.dev_loss: list[float] = []
        self.dev_scores: list[float] = []
        self.best_score = 0.0

    def train_epoch(self, x: Tensor, y: Tensor, dev_x: Tensor, dev_y: Tensor) -> None:
        """Train one epoch and evaluate the dev set."""
        self.model.train()
        p = self.model(x)
        loss = self.loss_fn(p, y)
        self.train_loss.append(loss.item())
        self.train_scores.append(score(p, y))
        loss.backward()
        self.optimizer.step()
        self.optimizer.zero_grad()
        dev_score = self.evaluate(dev_x, dev_y)
        if dev_score > self.best_score:
            self.best_score = dev_score

    @torch.no_grad()
    def evaluate(self, x: Tensor, y: Tensor) -> float:
        """Append dev loss and score."""
        self.model.eval()
        p = self.model(x)
        self.dev_loss.append(self.loss_fn(p, y).item())
        self.dev_scores.append(score(p, y))
        return self.dev_scores[-1]


def course(config: RunConfig, data: Dataset) -> Train:
    """Make the course's loop."""
    model = network(config, data)
    runner = CourseRunner(model, torch.optim.SGD(model.parameters(), lr=config.learning_rate))
    sets = labelled(data)

    def epoch() -> float:
        runner.train_epoch(*sets)
        return runner.train_loss[-1]

    return each(epoch)


def skorch(config: RunConfig, data: Dataset) -> Train:
    """Make a skorch classifier that evaluates the dev set, as it does by default."""
    library: Any = importlib.import_module("skorch")
    helper: Any = importlib.import_module("skorch.helper")
    x, y, dev_x, dev_y = (t.numpy() for t in labelled(data))
    dev = importlib.import_module("skorch.dataset").Dataset(dev_x, dev_y[:, 0])
    net = library.NeuralNetBinaryClassifier(
        network(config, data, ends_in_sigmoid=False),
        optimizer=torch.optim.SGD,
        lr=config.learning_rate,
        batch_size=-1,
        train_split=helper.predefined_split(dev),
        callbacks__print_log=None,
    ).initialize()

    def train(epochs: int) -> list[float]:
        net.fit_loop(x, y[:, 0].astype(np.float32), epochs=epochs)
        return [float(net.history[-1, "train_loss"])]

    return timed(train)


def lightning(config: RunConfig, data: Dataset) -> Train:
    """Make a LightningModule and a Trainer without logs, checkpoints and bars."""
    library: Any = importlib.import_module("lightning")
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    x, y, dev_x, dev_y = labelled(data)
    losses: list[float] = []

    class Module(library.LightningModule):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.network, self.loss_fn = network(config, data), nn.BCELoss()

        def training_step(self, batch: list[Tensor], index: int) -> Tensor:
            p = self.network(batch[0])
            loss: Tensor = self.loss_fn(p, batch[1])
            losses.append(loss.item())
            score(p, batch[1])
            return loss

        def validation_step(self, batch: list[Tensor], index: int) -> None:
            p = self.network(batch[0])
            self.loss_fn(p, batch[1]).item(), score(p, batch[1])

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.network.parameters(), lr=config.learning_rate)

    module = Module()
    sets = [[(x, y)], [(dev_x, dev_y)]]
    loaders: list[Any] = [DataLoader(one, batch_size=None) for one in sets]  # type: ignore[arg-type]
    quiet = ("logger", "enable_checkpointing", "enable_progress_bar", "enable_model_summary")

    def train(epochs: int) -> list[float]:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that the data need no worker processes
            trainer = library.Trainer(
                max_epochs=epochs,
                accelerator="cpu",
                num_sanity_val_steps=0,
                **dict.fromkeys(quiet, False),
            )
            trainer.fit(module, *loaders)
        return [losses[-1]]

    return timed(train)
