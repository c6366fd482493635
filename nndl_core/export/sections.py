"""A run of the lab as sections of plain PyTorch code, each with a sentence on what it does.

What draws data and weights is the lab's own source, so that equal seeds give equal numbers; how a
network learns is written with torch.nn, torch.optim and autograd, as a student would.
"""

from __future__ import annotations

import inspect
import re
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from nndl_core import datasets
from nndl_core.config import ConfigError, LossName, RunConfig
from nndl_core.losses import output_units

PLANE_HELPERS = ("_class_sizes", "_labels", "_moon_arcs", "_shuffled", "_jittered")
CONSTANTS = ("BLOB_SPREAD", "XOR_SIDE", "SPIRAL_RADIUS")


@dataclass(frozen=True)
class Section:
    """A piece of the program: title, what it does (Markdown), and its code."""

    title: str
    text: str
    code: str


def sections_of(config: RunConfig) -> list[Section]:
    """Write the program that repeats the run of a config.

    Raises ConfigError with one sentence for data that came from a file.
    """
    if config.dataset == "csv":
        raise ConfigError("A run on an uploaded table cannot be exported: its data are not in it.")
    spec = datasets.DATASETS[config.dataset]
    outputs = output_units(config.loss, spec.classes)
    return [
        _settings(config, spec.features, outputs),
        _data(config, spec),
        _split(config, spec),
        _network(config),
        _loss(config.loss, outputs),
        _training(config),
        _result(),
    ]


def _settings(config: RunConfig, features: int, outputs: int) -> Section:
    sizes = (features, *config.hidden, outputs)
    lines = [
        "import math",
        "from itertools import pairwise",
        "",
        "import torch",
        "import torch.nn.functional as F",
        "from torch import nn",
        "",
        f"SIZES = {sizes}  # inputs, hidden units, outputs",
        f"POINTS, NOISE, DATA_SEED = {config.points}, {config.noise!r}, {config.data_seed}",
        f"INIT_SCALE, BIAS, WEIGHT_SEED = {config.init_scale!r}, {config.bias!r}, "
        f"{config.init_seed}",
        f"LEARNING_RATE, EPOCHS, BATCH_SIZE = {config.learning_rate!r}, {config.epochs}, "
        f"{config.batch_size}",
        f"DTYPE = torch.{config.dtype}",
    ]
    text = "The settings of the run. Batch size 0 is the full training set."
    return Section("Settings", text, "\n".join(lines))


def _data(config: RunConfig, spec: datasets.DatasetSpec) -> Section:
    if spec.tabular:
        return _table(config.dataset)
    make = spec.make
    extra = make.keywords if isinstance(make, partial) else {}
    function = make.func if isinstance(make, partial) else make
    body = source_of(function)
    helpers = [name for name in PLANE_HELPERS if _needs(name, body)]
    constants = [name for name in CONSTANTS if name in body]
    parts = [f"{name} = {getattr(datasets, name)!r}" for name in constants]
    parts += [source_of(getattr(datasets, name)) for name in helpers]
    given = "".join(f", {name}={value!r}" for name, value in extra.items())
    call = (
        "generator = torch.Generator().manual_seed(DATA_SEED)\n"
        f"x, y = {function.__name__}(POINTS, NOISE, generator{given})"
    )
    text = f"The data: {spec.label.lower()}, drawn from a generator of their own and shuffled."
    code = "\n\n\n".join([*parts, body, call])
    for name in (*helpers, function.__name__):
        code = re.sub(rf"\b{name}\b", name.removeprefix("_"), code)  # a script hides nothing
    return Section("Data", text, code)


def _needs(name: str, body: str) -> bool:
    """Tell whether a helper is called by a function, or by a helper that is."""
    if f"{name}(" in body:
        return True
    users = [other for other in PLANE_HELPERS if other != name and f"{other}(" in body]
    return any(f"{name}(" in source_of(getattr(datasets, other)) for other in users)


def _table(name: str) -> Section:
    code = f"""\
from sklearn.datasets import load_{name}

generator = torch.Generator().manual_seed(DATA_SEED)
table = load_{name}()
x, y = torch.from_numpy(table.data).double(), torch.from_numpy(table.target).long()
order = torch.randperm(len(x), generator=generator)[:POINTS]
x, y = x[order], y[order]
# every feature is scaled by mean and spread of the train part, the first 64 %
train = x[: 64 * len(x) // 100]
spread = train.std(dim=0, correction=0)
x = (x - train.mean(dim=0)) / torch.where(spread > 0, spread, 1.0)"""
    return Section("Data", f"The {name} data, as scikit-learn carries them, shuffled.", code)


def _split(config: RunConfig, spec: datasets.DatasetSpec) -> Section:
    code = """\
n_train, n_dev = 64 * len(x) // 100, 16 * len(x) // 100
x = x.float().to(DTYPE)
x_train, x_dev, x_test = x[:n_train], x[n_train : n_train + n_dev], x[n_train + n_dev :]
y_train, y_dev, y_test = y[:n_train], y[n_train : n_train + n_dev], y[n_train + n_dev :]"""
    text = "64 % of the rows to train on, 16 % to choose by (dev), the rest to test."
    if config.label_noise:
        code += f"""


def flipped(y, generator):
    chosen = torch.randperm(len(y), generator=generator)[: round({config.label_noise!r} * len(y))]
    step = torch.randint(1, {spec.classes}, (len(y),), generator=generator)
    y = y.clone()
    y[chosen] = (y[chosen] + step[chosen]) % {spec.classes}
    return y


flips = torch.Generator().manual_seed(DATA_SEED ^ 0x9E3779B9)
y_train = flipped(y_train, flips)
y_dev = flipped(y_dev, flips)"""
        text += " Some labels of train and dev are wrong on purpose; those of test are true."
    return Section("Split", text, code)


def _network(config: RunConfig) -> Section:
    code = f"""\
class MLP(nn.Module):
    def __init__(self):
        super().__init__()
        pairs = list(pairwise(SIZES))
        self.layers = nn.ModuleList([nn.Linear(i, o, dtype=DTYPE) for i, o in pairs])
        generator = torch.Generator().manual_seed(WEIGHT_SEED)
        with torch.no_grad():
            for fc, (fan_in, fan_out) in zip(self.layers, pairs):
                fc.weight.copy_(draw(fan_out, fan_in, generator))
                fc.bias.fill_(BIAS)

    def forward(self, x):
        for fc in self.layers[:-1]:
            x = {ACTIVATION_CODE[config.activation].format(slope=repr(config.slope))}
        return self.layers[-1](x)  # logits


model = MLP()"""
    text = (
        f"A feed-forward network with {config.activation} units; its weights are drawn layer by "
        f"layer by {config.init}."
    )
    return Section("Network", text, _draw(config) + "\n\n\n" + code)


ACTIVATION_CODE: dict[str, str] = {
    "sigmoid": "torch.sigmoid(fc(x))",
    "tanh": "torch.tanh(fc(x))",
    "relu": "torch.relu(fc(x))",
    "leaky_relu": "F.leaky_relu(fc(x), {slope})",
    "elu": "F.elu(fc(x), {slope})",
    "gelu": "F.gelu(fc(x))",
    "silu": "F.silu(fc(x))",
    "softplus": "F.softplus(fc(x), threshold=36)",
    "identity": "fc(x)",
}
STD = {
    "normal": "1.0",
    "xavier_normal": "math.sqrt(2 / (fan_in + fan_out))",
    "he_normal": "math.sqrt(2 / fan_in)",
    "lecun_normal": "math.sqrt(1 / fan_in)",
}
HALF_WIDTH = {
    "uniform": "1.0",
    "xavier_uniform": "math.sqrt(6 / (fan_in + fan_out))",
    "he_uniform": "math.sqrt(6 / fan_in)",
    "torch_default": "math.sqrt(1 / fan_in)",
}


ORTHOGONAL = """\
    # rows (or columns, if there are fewer) that are orthonormal, times the scale
    tall = torch.randn(max(fan_out, fan_in), min(fan_out, fan_in), generator=generator)
    q, r = torch.linalg.qr(tall)
    q = q * torch.sign(torch.diagonal(r))
    return (q if fan_out >= fan_in else q.T).contiguous() * INIT_SCALE"""


def _draw(config: RunConfig) -> str:
    """Write the function that draws a weight matrix [fan_out, fan_in]."""
    name = config.init
    if name in STD:
        body = (
            "    return torch.randn(fan_out, fan_in, generator=generator) * "
            f"(INIT_SCALE * {STD[name]})"
        )
    elif name in HALF_WIDTH:
        body = (
            "    unit = torch.rand(fan_out, fan_in, generator=generator) * 2 - 1\n"
            f"    return unit * (INIT_SCALE * {HALF_WIDTH[name]})"
        )
    elif name == "orthogonal":
        body = ORTHOGONAL
    else:
        value = "0.0" if name == "zeros" else "INIT_SCALE"
        body = f"    return torch.full((fan_out, fan_in), {value})"
    return f"def draw(fan_out, fan_in, generator):\n{body}"


def _loss(loss: LossName, outputs: int) -> Section:
    column = "y[:, None].to(DTYPE)" if outputs == 1 else f"F.one_hot(y, {outputs}).to(DTYPE)"
    squash = "torch.sigmoid(logits)" if outputs == 1 else "torch.softmax(logits, dim=1)"
    formula = {
        "bce": f"F.binary_cross_entropy_with_logits(logits, {column})",
        "cross_entropy": "F.cross_entropy(logits, y)",
        "mse": f"(({squash} - {column}) ** 2).sum(dim=1).mean()",
    }[loss]
    right = "(logits[:, 0] >= 0) == (y == 1)" if outputs == 1 else "logits.argmax(dim=1) == y"
    code = f"""\
def loss_fn(logits, y):
    return {formula}


def metric(logits, y):
    return ({right}).double().mean().item()


@torch.no_grad()
def evaluate(x, y):
    logits = model(x)
    return metric(logits, y), loss_fn(logits, y).item()"""
    text = "What training makes small, and the share of right answers."
    return Section("Loss and score", text, code)


def _optimizer(config: RunConfig) -> str:
    decay = f", weight_decay={config.weight_decay!r}" if config.weight_decay else ""
    rate = "model.parameters(), lr=LEARNING_RATE"
    if config.optimizer == "adam":
        return f"torch.optim.Adam({rate}, betas=({config.momentum!r}, 0.999){decay})"
    if config.optimizer == "sgd":
        return f"torch.optim.SGD({rate}{decay})"
    nesterov = ", nesterov=True" if config.optimizer == "nesterov" else ""
    return f"torch.optim.SGD({rate}, momentum={config.momentum!r}{nesterov}{decay})"


def _training(config: RunConfig) -> Section:
    batches = bool(config.batch_size) and config.batch_size < 64 * config.points // 100
    step = """\
    optimizer.zero_grad()
    loss_fn(model(x_train), y_train).backward()
    optimizer.step()"""
    if batches:
        step = """\
    # seed and epoch alone give the order of the examples
    generator = torch.Generator().manual_seed(WEIGHT_SEED * 1_000_003 + epoch)
    for batch in torch.randperm(n_train, generator=generator).split(BATCH_SIZE):
        optimizer.zero_grad()
        loss_fn(model(x_train[batch]), y_train[batch]).backward()
        optimizer.step()"""
    code = f"""\
torch.set_num_threads(1)  # a small network gains nothing from more
optimizer = {_optimizer(config)}
history, best_score, best = [], -1.0, None
for epoch in range(EPOCHS):
    # both sets at the same parameters, before the update of this epoch
    train_score, train_loss = evaluate(x_train, y_train)
    dev_score, dev_loss = evaluate(x_dev, y_dev)
    if not (math.isfinite(train_loss) and math.isfinite(dev_loss)):
        print(f"Diverged at epoch {{epoch}}: the loss is no longer a finite number.")
        break
    history.append((epoch, train_loss, train_score, dev_loss, dev_score))
    if dev_score > best_score:
        best_score = dev_score
        best = {{name: value.clone() for name, value in model.state_dict().items()}}
{step}"""
    text = "Each epoch evaluates, then updates; the first best dev score is kept."
    return Section("Training", text, code)


def _result() -> Section:
    code = """\
print("epoch  train loss  train score  dev loss  dev score")
rows = sorted({round((len(history) - 1) * i / 9) for i in range(10)}) if history else []
for row in rows:
    epoch, train_loss, train_score, dev_loss, dev_score = history[row]
    print(f"{epoch:5d}  {train_loss:10.6f}  {train_score:11.4f}  {dev_loss:8.6f}  {dev_score:9.4f}")
score, loss = evaluate(x_test, y_test)
print(f"test, last epoch:  score {score:.4f}, loss {loss:.6f}")
if best is not None:
    model.load_state_dict(best)
    score, loss = evaluate(x_test, y_test)
    print(f"test, best on dev: score {score:.4f}, loss {loss:.6f}")"""
    return Section("Result", "Ten epochs of the run, and the test set, which was never used.", code)


def source_of(function: Callable[..., Any]) -> str:
    """Return the source of a function without its annotations, which a script does not need."""
    code = textwrap.dedent(inspect.getsource(function)).rstrip()
    names = inspect.signature(function).parameters
    # the heading may span lines and its annotations contain colons, so it is written anew
    body = code[_end_of_heading(code) :]
    parts, is_keyword = [], False
    for name, parameter in names.items():
        if parameter.kind is parameter.KEYWORD_ONLY and not is_keyword:
            parts.append("*")
            is_keyword = True
        parts.append(name)
    return f"def {function.__name__}({', '.join(parts)}):{body}"


def _end_of_heading(code: str) -> int:
    """Return where the body of a function begins."""
    depth = 0
    for i, letter in enumerate(code):
        depth += (letter in "([") - (letter in ")]")
        if letter == ":" and depth == 0:
            return i + 1
    raise ValueError("There is no function here.")
