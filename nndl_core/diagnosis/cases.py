"""Labelled training runs from a file: a list of cases as JSON, and their data as npz."""

from __future__ import annotations

import math
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nndl_core.base.checks import MOST_CLASSES, check_examples, class_indices
from nndl_core.base.config import ConfigError, RunConfig
from nndl_core.base.i18n import tr
from nndl_core.base.json_text import JsonError, parsed
from nndl_core.base.knobs import short
from nndl_core.data.catalog import Dataset, Split
from nndl_core.engine.runner import Runner
from nndl_core.network.losses import output_units

PARTS = ("x_train", "y_train", "x_test", "y_test")
NEEDED = ("id", "data", "hidden", "activation", "init", "optimizer", "lr", "epochs", "loss")
SIZES = {"normal": "std", "constant": "value"}
ADAM_BETA = 0.9
NAMED_BCE = 3
"""The classes of which the format of cases calls the cross entropy "bce"; for any other number
beyond two it is refused, as everywhere."""
Arrays = Mapping[str, NDArray[Any]]
Bounds = tuple[float, float]


class LargeConfig(RunConfig):
    """The config of a case, which may go beyond what a page offers."""

    most_layers: ClassVar[int] = 64
    most_units: ClassVar[int] = 512
    wider_bounds: ClassVar[Mapping[str, tuple[float, float]]] = {
        "bias": (-1e3, 1e3),
        "epochs": (1, 1e6),
        "init_scale": (0, 1e4),
        "learning_rate": (0, 1e6),
        "slope": (0, 10),
    }


@dataclass(frozen=True)
class LabelledCase:
    """One run to be diagnosed: its config, its data, and whether its weights lie in [low, high].

    note says what of it was read otherwise than it is written, empty if nothing was. The held-out
    part of the data serves as dev and as test set: nothing is chosen with it.
    """

    name: str
    config: LargeConfig
    dataset: Dataset
    bounds: Bounds | None = None
    note: str = ""

    def runner(self, config: RunConfig) -> Runner:
        """Build the run of a config on the data of this case, with the seed in it."""
        runner = Runner.from_config(config, self.dataset)
        if self.bounds is not None and config.init == self.config.init:
            generator = torch.Generator().manual_seed(config.init_seed)
            with torch.no_grad():
                for layer in runner.model.layers:
                    layer.weight.uniform_(*self.bounds, generator=generator)
        return runner

    def seeded(self, seed: int) -> RunConfig:
        """Return the config with this seed of the weights and of the order of the batches."""
        return replace(self.config, init_seed=seed)


def read_cases(path: Path) -> list[dict[str, Any]]:
    """Read the list of cases; raise ConfigError with a sentence for anything else."""
    try:
        cases = parsed(path.read_bytes())
    except JsonError as error:
        raise ConfigError(tr("{path} is not valid JSON: {why}.", path=path, why=error)) from None
    if not isinstance(cases, list) or not all(isinstance(case, dict) for case in cases):
        raise ConfigError(f"{path} is not a list of cases, each an object with {_listed(NEEDED)}.")
    return cases


def read_data(path: Path) -> dict[str, NDArray[Any]]:
    """Read the arrays of all data sets; raise ConfigError with a sentence for another file."""
    with path.open("rb") as file:
        try:
            if zipfile.is_zipfile(file):
                file.seek(0)
                return dict(np.load(file, allow_pickle=False))
        except Exception:  # what is damaged in the archive decides which of a dozen kinds it is
            pass
    raise ConfigError(
        tr("{path} is not an npz file of arrays; numpy.savez writes such files.", path=path)
    )


def case_of(values: Mapping[str, Any], arrays: Arrays) -> LabelledCase:
    """Build a case; raise ConfigError with a sentence that names the case and what is wrong."""
    name = str(values.get("id", "a case without id"))
    missing = [key for key in NEEDED if key not in values]
    if missing:
        raise ConfigError(f"{name}: {_listed(missing)} is missing.")
    try:
        dataset = _dataset(str(values["data"]), arrays)
        config, bounds = _config(values, len(dataset.classes))
    except ConfigError as error:
        raise ConfigError(f"{name}: {error}") from None
    except (TypeError, ValueError, AttributeError):
        raise ConfigError(
            tr("{name}: a value in it is not of the kind that a case has there.", name=name)
        ) from None
    note = ""
    if config.loss != values["loss"]:
        note = tr("{name}: its loss of three classes is cross entropy, not 'bce'.", name=name)
    return LabelledCase(name, config, dataset, bounds, note)


def _dataset(name: str, arrays: Arrays) -> Dataset:
    keys = [f"{name}.{part}" for part in PARTS]
    missing = [key for key in keys if key not in arrays]
    if missing:
        raise ConfigError(f"the data file has no array {missing[0]}.")
    x_train, y_train, x_test, y_test = (torch.from_numpy(np.asarray(arrays[k])) for k in keys)
    for x, y in ((x_train, y_train), (x_test, y_test)):
        if x.ndim != 2 or y.ndim != 1 or len(x) != len(y) or len(x) == 0:
            raise ConfigError(f"the arrays of {name} do not hold one label for each row.")
    count = _class_count(torch.cat([y_train.double(), y_test.double()]))
    classes = tuple(map(str, range(count)))
    features = tuple(f"x{i + 1}" for i in range(x_train.shape[1]))
    try:
        for x in (x_train, x_test):
            check_examples(x)
        train, test = (
            Split(x.float(), class_indices(y, count))
            for x, y in ((x_train, y_train), (x_test, y_test))
        )
        return Dataset(name, train, test, test, classes, features)
    except (TypeError, ValueError) as error:
        raise ConfigError(f"{name}: {error}") from None


def _class_count(labels: Tensor) -> int:
    """Return how many classes labels seem to count, whatever else is wrong with them."""
    finite = labels[labels.isfinite()]
    low, high = (int(finite.min()), int(finite.max())) if len(finite) else (0, 0)
    # labels that begin at 1 are one class fewer, so that the largest of them is refused
    classes = high if low == 1 and high > 1 else high + 1
    return max(2, min(classes, MOST_CLASSES))


def _config(values: Mapping[str, Any], classes: int) -> tuple[LargeConfig, Bounds | None]:
    kind, scale, bounds = _weights(values["init"])
    adam = values["optimizer"] == "adam"
    loss: Any = values["loss"]
    config = LargeConfig(
        hidden=values["hidden"],
        activation=values["activation"],
        slope=values.get("slope", 0.01),
        init=kind,
        init_scale=scale,
        bias=values.get("bias", 0.0),
        loss="cross_entropy" if loss == "bce" and classes == NAMED_BCE else loss,
        optimizer=values["optimizer"],
        learning_rate=values["lr"],
        momentum=ADAM_BETA if adam else values.get("momentum") or 0.0,
        batch_size=values.get("batch") or 0,
        epochs=values["epochs"],
    )
    try:
        output_units(config.loss, classes)
    except ValueError as error:
        raise ConfigError(str(error)) from None
    return config, bounds


def _weights(init: Any) -> tuple[Any, float, Bounds | None]:
    """Read an initializer: its kind, its scale, and the bounds of weights that it alone has not."""
    if not isinstance(init, dict) or not isinstance(init.get("kind"), str):
        raise ConfigError(
            tr(
                "init: {value} is not possible; write an object such as {wanted}.",
                value=short(init),
                wanted='{"kind": "normal", "std": 1}',
            )
        )
    kind = init["kind"]
    scale = _size(init, SIZES[kind]) if SIZES.get(kind) in init else 1.0
    if kind == "uniform":
        bounds = (_size(init, "a"), _size(init, "b"))
        return kind, max(map(abs, bounds)), bounds
    if kind == "constant" and scale < 0:
        return kind, -scale, (scale, scale)
    return kind, scale, None


def _size(init: Mapping[str, Any], name: str) -> float:
    """Return a number that an initializer needs; raise ConfigError where it has none."""
    value = init.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ConfigError(
            tr("init: its {name} is {value}, not a number.", name=name, value=short(value))
        )
    return float(value)


def _listed(names: Any) -> str:
    return ", ".join(map(str, names))


def check_seeds(seeds: int) -> int:
    """Return a number of seeds that is possible, or raise ConfigError."""
    if not 1 <= seeds <= 1000:
        raise ConfigError(f"seeds: {short(seeds)} is out of range; allowed is from 1 to 1000.")
    return seeds
