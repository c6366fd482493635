"""The reference page's content: names exist in torch, warnings are true, links lead somewhere."""

from __future__ import annotations

import copy
import math
import re
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from nndl_core.base.config import RunConfig
from nndl_core.course.bugs.catalog import CASES
from nndl_core.course.reference import Call, Term, calls, matching_calls, matching_terms, terms
from nndl_core.engine.telemetry import FLAT_SLOPE

PAGES = Path(__file__).resolve().parents[3] / "pages"
ANY = torch.zeros(3, 1)


def test_there_are_enough_rows_and_terms_and_none_twice() -> None:
    assert len(calls()) >= 25
    assert len({row.use for row in calls()}) == len(calls())
    assert len({term.name for term in terms()}) == len(terms()) >= 20
    assert [t.name.lower() for t in terms()] == sorted(t.name.lower() for t in terms())


@pytest.mark.parametrize("row", calls(), ids=lambda row: row.use)
def test_every_torch_name_exists(row: Call) -> None:
    assert row.names
    for name in row.names:
        found = torch
        for part in name.removeprefix("torch.").split("."):
            found = getattr(found, part)
        # the name is the one that the row shows, in this or in its short form
        assert name.rpartition(".")[2] in row.torch + row.note
    assert row.note.endswith(".")
    assert row.note.count("`") % 2 == 0


@pytest.mark.parametrize("term", terms(), ids=lambda term: term.name)
def test_every_term_is_one_to_three_sentences(term: Term) -> None:
    assert term.text.endswith(".")
    assert 1 <= len(re.findall(r"[.](?= |$)", term.text)) <= 3


@pytest.mark.parametrize("page", sorted({term.page for term in terms()}))
def test_every_link_leads_to_a_page_of_the_router(page: str) -> None:
    if not (PAGES / f"{page}.py").exists():
        pytest.skip(f"pages/{page}.py is not written yet")
    assert page in re.findall(r'st\.Page\("(\w+)\.py"', (PAGES / "_router.py").read_text())


def test_links_carry_settings_that_their_page_knows() -> None:
    for term in terms():
        if term.page == "bugs":
            assert term.query["case"] in CASES
        elif term.query:
            assert term.page == "lab"
            config, refused = RunConfig.from_url(term.query)
            assert refused == []
            assert config.to_url() == term.query


def test_search_wants_every_word_whatever_the_case() -> None:
    assert [row.use for row in matching_calls("PADDLE.nn.linear transpose")] == [
        "Fully connected layer"
    ]
    assert matching_calls("") == list(calls())
    assert {row.area for row in matching_calls("", "Files")} == {"Files"}
    assert matching_calls("seed", "Files") == []
    assert matching_calls("no such thing") == []
    assert matching_terms("  EXACTLY zero dead ") == [t for t in terms() if t.name == "Dead unit"]


def test_the_saturation_of_the_glossary_is_that_of_the_telemetry() -> None:
    text = next(t.text for t in terms() if t.name == "Saturation")
    assert f"below {FLAT_SLOPE * 100:.0f} % of it" in text


def test_what_is_said_of_layers() -> None:
    layer = nn.Linear(2, 500)
    assert layer.weight.shape == (500, 2)
    half_width = 1 / math.sqrt(2)
    for drawn in (layer.weight, layer.bias):
        assert 0.95 * half_width < drawn.abs().max().item() <= half_width
    assert nn.Linear(2, 2, bias=False).bias is None
    named = nn.Sequential(OrderedDict(fc1=nn.Linear(2, 5), fc2=nn.Linear(5, 1)))
    assert [name for name, _ in named.named_modules()] == ["", "fc1", "fc2"]
    assert not any(isinstance(p, nn.Linear) for _, p in named.named_parameters())
    with pytest.raises(TypeError):
        nn.Sequential(("fc1", nn.Linear(2, 5)), ("fc2", nn.Linear(5, 1)))  # type: ignore[call-overload]


def test_what_is_said_of_initializers() -> None:
    weights = torch.empty(100, 100)
    assert nn.init.uniform_(weights).min() >= 0
    assert nn.init.normal_(weights, 0.0, 0.01).std().item() == pytest.approx(0.01, rel=0.05)
    gain = nn.init.calculate_gain
    assert gain("tanh") == pytest.approx(5 / 3)
    assert gain("leaky_relu", 0) == gain("relu") == pytest.approx(math.sqrt(2))
    expected = math.sqrt(2 / 100)
    assert nn.init.kaiming_normal_(weights).std().item() == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        (lambda: F.binary_cross_entropy(ANY, torch.zeros(3)), ValueError),
        (lambda: F.binary_cross_entropy_with_logits(ANY, torch.zeros(3)), ValueError),
        (lambda: F.cross_entropy(torch.zeros(3, 2), torch.zeros(3, 1).long()), RuntimeError),
        (lambda: F.mse_loss(ANY, torch.zeros(3)), UserWarning),
        (lambda: nn.Linear(2, 1).weight.numpy(), RuntimeError),
        (lambda: torch.mean(torch.zeros(3).long()), RuntimeError),
        (lambda: torch.zeros(2).item(), RuntimeError),
        (lambda: nn.Linear(2, 1).load_state_dict({}), RuntimeError),
        (lambda: ANY.to("float32"), RuntimeError),
        (lambda: torch.optim.SGD([ANY]).get_lr(), AttributeError),  # type: ignore[attr-defined]
    ],
    ids=range(10),
)
def test_what_is_said_to_be_an_error_is_one(
    wrong: Callable[[], object], error: type[Exception]
) -> None:
    with pytest.raises(error):
        wrong()


def test_what_is_said_of_losses() -> None:
    one, zero = torch.ones(1), torch.zeros(1)
    assert F.binary_cross_entropy(zero, one).item() == 100
    floor = [F.binary_cross_entropy_with_logits(p, p).item() for p in (one, zero)]
    assert sum(floor) / 2 == pytest.approx(0.5, abs=0.01)
    assert torch.argmax(torch.rand(5, 1), dim=1).tolist() == [0] * 5


def test_what_is_said_of_training() -> None:
    layer = nn.Linear(2, 1)
    optimizer = torch.optim.SGD(layer.parameters(), lr=0.2)
    assert layer.weight.grad is None
    loss = layer(torch.ones(1, 2)).mean()
    gradient = torch.autograd.grad(loss, layer.weight, retain_graph=True)
    assert isinstance(gradient, tuple)
    assert layer.weight.grad is None
    loss.backward()
    with pytest.raises(RuntimeError, match="second time"):
        loss.backward()
    optimizer.zero_grad()
    assert layer.weight.grad is None
    with pytest.raises(RuntimeError, match="in-place"):
        layer.weight.add_(1)
    optimizer.param_groups[0]["lr"] = 0.1
    assert torch.is_grad_enabled()
    layer.eval()
    assert layer(torch.ones(1, 2)).requires_grad


def test_what_is_said_of_tensors_and_files(tmp_path: Path) -> None:
    assert torch.tensor([1, 0]).dtype == torch.int64
    assert torch.from_numpy(torch.ones(1).double().numpy()).dtype == torch.float64
    assert (torch.zeros(3) == torch.zeros(3, 1)).shape == (3, 3)
    tiny = torch.full((3, 2), 9e-24)
    assert torch.linalg.vector_norm(tiny).item() == 0
    assert torch.linalg.vector_norm(tiny.double()).item() == pytest.approx(9e-24 * math.sqrt(6))
    assert "deprecated" in (torch.norm.__doc__ or "")
    layer = nn.Linear(2, 1)
    state, kept = layer.state_dict(), copy.deepcopy(layer.state_dict())
    shared = layer.weight.detach().numpy()
    with torch.no_grad():
        layer.weight.add_(1)
    assert state["weight"].tolist() == layer.weight.tolist() == shared.tolist()
    assert kept["weight"].tolist() != layer.weight.tolist()
    torch.save(state, tmp_path / "best.pt")
    assert torch.load(tmp_path / "best.pt").keys() == state.keys()
