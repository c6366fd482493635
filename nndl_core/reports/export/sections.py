"""A run of the lab as sections of plain PyTorch code, each with a sentence on what it does.

What draws data and weights is the lab's own source, so that equal seeds give equal numbers; how a
network learns is written with torch.nn, torch.optim and autograd, as a student would.
"""

from __future__ import annotations

from dataclasses import replace

from nndl_core.base.config import ConfigError, LossName, RunConfig
from nndl_core.base.i18n import tr
from nndl_core.data import catalog as datasets
from nndl_core.data.catalog import Dataset
from nndl_core.network.losses import output_units
from nndl_core.reports.export.comments import translated_comments
from nndl_core.reports.export.data_sections import Section, data_section, split_section

FUNCTIONAL = "import torch.nn.functional as F\n"


def sections_of(config: RunConfig, data: Dataset | None = None) -> list[Section]:
    """Write the program that repeats the run of a config; data is the uploaded table, if any.

    Raises ConfigError with one sentence for an uploaded table that is not given.
    """
    if config.dataset == "csv" and data is None:
        raise ConfigError(tr("A run on an uploaded table cannot be exported without the table."))
    features, classes, n_train = _shape(config, data)
    outputs = output_units(config.loss, classes)
    rest = [
        data_section(config),
        split_section(config, is_whole=data is not None and data.train is data.dev),
        _network(config),
        _loss(config.loss, outputs),
        _training(config, n_train),
        _result(),
    ]
    first = _settings(config, (features, *config.hidden, outputs))
    if not any("F." in section.code for section in rest):
        first = Section(first.title, first.text, first.code.replace(FUNCTIONAL, ""))
    return [replace(part, code=translated_comments(part.code)) for part in (first, *rest)]


def _shape(config: RunConfig, data: Dataset | None) -> tuple[int, int, int]:
    """Count the features, classes and rows to train on of a run's data."""
    if config.dataset == "csv" and data is not None:
        return len(data.features), len(data.classes), len(data.train.x)
    spec = datasets.DATASETS[config.dataset]
    sizes = {"iris": 150, "digits": 1797}
    rows = min(config.points, sizes.get(config.dataset, config.points))
    return spec.features, spec.classes, datasets.part_sizes(rows)[0]


def _settings(config: RunConfig, sizes: tuple[int, ...]) -> Section:
    lines = [
        "import math",
        "from itertools import pairwise",
        "",
        "import torch",
        FUNCTIONAL + "from torch import nn",
        "",
        f"SIZES = {sizes}  # inputs, hidden units, outputs",
        *_data_settings(config),
        f"INIT_SCALE, BIAS, WEIGHT_SEED = {config.init_scale!r}, {config.bias!r}, "
        f"{config.init_seed}",
        f"LEARNING_RATE, EPOCHS, BATCH_SIZE = {config.learning_rate!r}, {config.epochs}, "
        f"{config.batch_size}",
        f"DTYPE = torch.{config.dtype}",
    ]
    text = tr("The settings of the run. Batch size 0 is the full training set.")
    return Section(tr("Settings"), text, "\n".join(lines))


def _data_settings(config: RunConfig) -> list[str]:
    """Write the settings that draw the data; a table from a file has none."""
    if config.dataset == "csv":
        return []
    if datasets.DATASETS[config.dataset].tabular:
        return [f"POINTS, DATA_SEED = {config.points}, {config.data_seed}"]
    return [f"POINTS, NOISE, DATA_SEED = {config.points}, {config.noise!r}, {config.data_seed}"]


NETWORK = """\
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
            x = {activation}
        return self.layers[-1](x)  # logits


model = MLP()"""


def _network(config: RunConfig) -> Section:
    activation = ACTIVATION_CODE[config.activation].format(slope=repr(config.slope))
    code = f"{_draw(config)}\n\n\n{NETWORK.format(activation=activation)}"
    text = tr(
        "A feed-forward network with {activation} units; its weights are drawn layer by layer by "
        "{init}.",
        activation=config.activation,
        init=config.init,
    )
    return Section(tr("Network"), text, code)


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
    text = tr("What training makes small, and the share of right answers.")
    return Section(tr("Loss and score"), text, code)


def _optimizer(config: RunConfig) -> str:
    decay = f", weight_decay={config.weight_decay!r}" if config.weight_decay else ""
    rate = "model.parameters(), lr=LEARNING_RATE"
    if config.optimizer == "adam":
        return f"torch.optim.Adam({rate}, betas=({config.momentum!r}, 0.999){decay})"
    if config.optimizer == "sgd":
        return f"torch.optim.SGD({rate}{decay})"
    # PyTorch refuses Nesterov without momentum, where it is the plain rule
    is_nesterov = config.optimizer == "nesterov" and config.momentum > 0
    nesterov = ", nesterov=True" if is_nesterov else ""
    return f"torch.optim.SGD({rate}, momentum={config.momentum!r}{nesterov}{decay})"


FULL_STEP = """\
    optimizer.zero_grad()
    loss_fn(model(x_train), y_train).backward()
    optimizer.step()"""
BATCH_STEPS = """\
    # seed and epoch alone give the order of the examples
    generator = torch.Generator().manual_seed(WEIGHT_SEED * 1_000_003 + epoch)
    for batch in torch.randperm(n_train, generator=generator).split(BATCH_SIZE):
        optimizer.zero_grad()
        loss_fn(model(x_train[batch]), y_train[batch]).backward()
        optimizer.step()"""


TRAINING = """\
torch.set_num_threads(1)  # a small network gains nothing from more
optimizer = {optimizer}
history, best_score, best, last = [], -1.0, None, None
for epoch in range(EPOCHS + 1):
    # both sets at the same parameters, before the update of this epoch
    train_score, train_loss = evaluate(x_train, y_train)
    dev_score, dev_loss = evaluate(x_dev, y_dev)
    if not (math.isfinite(train_loss) and math.isfinite(dev_loss)):
        print(f"{diverged}")
        if last is not None:
            model.load_state_dict(last)  # the last parameters with a finite loss
        break
    if epoch == EPOCHS:  # evaluated only to see that the last update did not diverge
        break
    last = {{name: value.clone() for name, value in model.state_dict().items()}}
    history.append((epoch, train_loss, train_score, dev_loss, dev_score))
    if dev_score > best_score:
        best_score, best = dev_score, last
{steps}"""


def _training(config: RunConfig, n_train: int) -> Section:
    code = TRAINING.format(
        optimizer=_optimizer(config),
        # the braces of a message without values are the f-string's own
        diverged=tr("Diverged at epoch {epoch}: the loss is no longer a finite number."),
        steps=BATCH_STEPS if 0 < config.batch_size < n_train else FULL_STEP,
    )
    text = tr("Each epoch evaluates, then updates; the first best dev score is kept.")
    return Section(tr("Training"), text, code)


ROW = """\
    epoch, train_loss, train_score, dev_loss, dev_score = history[row]
    print(f"{epoch:5d}  {train_loss:10.7g}  {train_score:11.4f}  {dev_loss:8.7g}  {dev_score:9.4f}")
"""


def _result() -> Section:
    heading = tr("epoch  train loss  train score  dev loss  dev score")
    last = tr("test, last epoch:  score {score:.4f}, loss {loss:.7g}")
    best = tr("test, best on dev: score {score:.4f}, loss {loss:.7g}")
    code = f"""\
print("{heading}")
rows = sorted({{round((len(history) - 1) * i / 9) for i in range(10)}}) if history else []
for row in rows:
{ROW}if history:
    score, loss = evaluate(x_test, y_test)
    print(f"{last}")
    model.load_state_dict(best)
    score, loss = evaluate(x_test, y_test)
    print(f"{best}")"""
    text = tr("Ten epochs of the run, and the test set, which was never used.")
    return Section(tr("Result"), text, code)
