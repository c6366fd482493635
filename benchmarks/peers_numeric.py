"""The contenders outside PyTorch: NumPy by hand, scikit-learn, JAX, and C++ as the ceiling."""

from __future__ import annotations

import importlib
import os
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers_torch import Train, Trained, each, labelled, start, timed
from nndl_core.base.config import RunConfig
from nndl_core.data.catalog import Dataset
from nndl_core.network.model import pack

Array = NDArray[np.floating[Any]]
SOURCE = Path(__file__).with_name("ceiling.cpp")


def arrays(data: Dataset) -> tuple[Array, Array, Array, Array]:
    """Return train x, train y, dev x, dev y with labels [n, 1]."""
    x, y, dev_x, dev_y = (t.numpy() for t in labelled(data))
    return x, y, dev_x, dev_y


def weights(config: RunConfig, data: Dataset) -> list[tuple[Array, Array]]:
    """Return (W [in, out], b [out]) of every layer of the engine's first network."""
    layers = start(config, data).layers
    pairs = [(layer.weight.detach().numpy(), layer.bias.detach().numpy()) for layer in layers]
    return [(w.T.copy(), b.copy()) for w, b in pairs]


def by_hand(config: RunConfig, data: Dataset) -> Train:
    """Make the loop of a textbook in NumPy: forward, backward, update, then the dev set."""
    layers, rate = weights(config, data), np.float32(config.learning_rate)
    x, y, dev_x, dev_y = arrays(data)
    is_relu = config.activation == "relu"

    def sigmoid(z: Array) -> Array:
        return 1 / (1 + np.exp(-z))

    def forward(a: Array) -> list[Array]:
        outputs = [a]
        for i, (w, b) in enumerate(layers):
            z = outputs[-1] @ w + b
            last = i + 1 == len(layers)
            outputs.append(np.maximum(z, 0) if is_relu and not last else z if last else sigmoid(z))
        return outputs

    def judge(z: Array, labels: Array) -> tuple[float, float]:
        loss = np.logaddexp(0, (1 - 2 * labels) * z).mean()
        return float(loss), float(((z >= 0) == (labels > 0.5)).mean())

    def epoch() -> float:
        outputs = forward(x)
        loss, _ = judge(outputs[-1], y)
        delta = (sigmoid(outputs[-1]) - y) / np.float32(len(x))
        for i in range(len(layers) - 1, -1, -1):
            (w, b), a = layers[i], outputs[i]
            dw, db = a.T @ delta, delta.sum(0)
            if i:
                delta = delta @ w.T * ((a > 0) if is_relu else a * (1 - a))
            layers[i] = (w - rate * dw, b - rate * db)
        judge(forward(dev_x)[-1], dev_y)
        return loss

    return each(epoch)


def scikit_learn(config: RunConfig, data: Dataset, evaluates: bool) -> Train:
    """Make an MLPClassifier: one partial_fit per epoch and scores, or fit for all epochs."""
    x, y, dev_x, dev_y = arrays(data)
    labels, dev_labels = y[:, 0].astype(int), dev_y[:, 0].astype(int)
    network: Any = importlib.import_module("sklearn.neural_network")
    log_loss = importlib.import_module("sklearn.metrics").log_loss
    model = network.MLPClassifier(
        hidden_layer_sizes=config.hidden,
        activation={"sigmoid": "logistic"}.get(config.activation, config.activation),
        solver="sgd",
        learning_rate_init=config.learning_rate,
        alpha=0,
        momentum=0,
        batch_size=len(x),
        shuffle=False,
        tol=0,
        n_iter_no_change=10**9,
        warm_start=not evaluates,
        max_iter=1,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.partial_fit(x, labels, classes=[0, 1]) if evaluates else model.fit(x, labels)
    pairs = weights(config, data)
    for own, given in zip((model.coefs_, model.intercepts_), zip(*pairs, strict=True), strict=True):
        for target, value in zip(own, given, strict=True):
            target[...] = value  # in place: the optimizer holds these arrays

    def epoch() -> float:
        model.partial_fit(x, labels)
        for part, truth in ((x, labels), (dev_x, dev_labels)):
            p = model.predict_proba(part)
            log_loss(truth, p), ((p[:, 1] >= 0.5) == truth).mean()
        return float(model.loss_)

    def fit(epochs: int) -> list[float]:
        model.max_iter = epochs
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that it has not converged
            model.fit(x, labels)
        return [float(model.loss_)]

    return each(epoch) if evaluates else timed(fit)


def jax_scan(configs: Sequence[RunConfig], data: Dataset) -> Train:
    """Make jit(scan) over epochs, with vmap over the runs if there are several."""
    # read when jax is first imported
    flags = "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1"
    os.environ.setdefault("XLA_FLAGS", flags)
    jax: Any = importlib.import_module("jax")
    jnp = jax.numpy
    x, y, dev_x, dev_y = map(jnp.asarray, arrays(data))
    phi = {"sigmoid": jax.nn.sigmoid, "relu": jax.nn.relu, "tanh": jnp.tanh}[configs[0].activation]
    rate = configs[0].learning_rate

    def judge(layers: Any, a: Any, labels: Any) -> Any:
        for w, b in layers[:-1]:
            a = phi(a @ w + b)
        z = a @ layers[-1][0] + layers[-1][1]
        loss = jnp.logaddexp(0, (1 - 2 * labels) * z).mean()
        return loss, ((z >= 0) == (labels > 0.5)).mean()

    def epoch(layers: Any, _: None) -> Any:
        train, gradient = jax.value_and_grad(judge, has_aux=True)(layers, x, y)
        after = jax.tree.map(lambda p, g: p - rate * g, layers, gradient)
        return after, (*train, *judge(after, dev_x, dev_y))

    def epochs_of(layers: Any, count: int) -> Any:
        return jax.lax.scan(epoch, layers, None, length=count)

    many = jax.vmap(epochs_of, in_axes=(0, None)) if len(configs) > 1 else epochs_of
    compiled = jax.jit(many, static_argnums=1)
    each_run = [weights(config, data) for config in configs]
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *each_run)
    state = stacked if len(configs) > 1 else each_run[0]

    def train(count: int) -> list[float]:
        nonlocal state
        state, history = jax.block_until_ready(compiled(state, count))
        losses = np.asarray(history[0]).reshape(len(configs), -1)
        return [float(loss) for loss in losses[:, -1]]

    return timed(train)


def ceiling(config: RunConfig, data: Dataset, folder: Path) -> Train:
    """Compile ceiling.cpp for this shape; raise FileNotFoundError without a compiler."""
    sizes, activation = start(config, data).sizes, config.activation.upper()
    compiler = shutil.which("g++") or shutil.which("c++")
    if compiler is None:
        raise FileNotFoundError("no C++ compiler")
    program = folder / f"ceiling-{'-'.join(map(str, sizes))}"
    shape = [f"-DSIZES={','.join(map(str, sizes))}", f"-D{activation}"]
    flags = ["-std=c++17", "-O3", "-march=native", "-w", *shape]
    subprocess.run([compiler, *flags, str(SOURCE), "-o", str(program)], check=True)
    x, y, dev_x, dev_y = arrays(data)
    parameters = [window.detach().numpy().ravel() for window in pack(start(config, data))]
    points = [np.concatenate([x, dev_x]).T.ravel(), np.concatenate([y, dev_y]).ravel()]
    with tempfile.NamedTemporaryFile(dir=folder, delete=False) as file:
        np.concatenate([*points, *parameters]).astype(np.float32).tofile(file.name)

    def train(epochs: int) -> Trained:
        words = [epochs, len(x), len(dev_x), config.learning_rate]
        command = [str(program), file.name, *map(str, words)]
        found = subprocess.run(command, check=True, capture_output=True, text=True).stdout.split()
        return Trained(float(found[0]), [float(found[1])])

    return train
