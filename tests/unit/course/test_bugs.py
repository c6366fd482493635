"""The bug cases: both versions run, and both numbers are those of an independent computation."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from functools import cache

import pytest
import torch
from torch import Generator, Tensor, nn

from nndl_core.base.config import RunConfig
from nndl_core.base.i18n import speaking
from nndl_core.course.bugs import material
from nndl_core.course.bugs.case import (
    BugCase,
    CaseOutcome,
    code_lines,
    difference,
    run,
    source,
)
from nndl_core.course.bugs.catalog import CASES
from nndl_core.course.bugs.docstrings import DOCSTRINGS
from nndl_core.engine.runner import Runner
from pages.ui.reading.bug_hunt import HELPERS

SIZES = ((3, 2), (3, 3), (3, 3), (3, 3), (1, 3))
DEEP = RunConfig(hidden=(3, 3, 3, 3), init_scale=0.01, bias=1.0, learning_rate=0.01)

every_case = pytest.mark.parametrize("case", CASES.values(), ids=list(CASES))


@cache
def both(name: str) -> tuple[float | None, float | None]:
    return run(CASES[name].buggy).value, run(CASES[name].fixed).value


def losses(epochs: int, learning_rate: float = 0.2) -> list[float]:
    """The Runner's training losses of the network that most cases train."""
    runner = Runner.from_config(RunConfig(epochs=epochs, learning_rate=learning_rate))
    runner.advance(epochs)
    return runner.train_loss


def spread(parts: list[Tensor]) -> float:
    return torch.cat([part.flatten() for part in parts]).std().item()


def test_there_are_at_least_ten_cases_and_each_id_fits_an_address() -> None:
    assert len(CASES) >= 10
    assert all(name.replace("-", "").isalnum() and name == name.lower() for name in CASES)


@every_case
def test_the_versions_differ_and_the_fixed_one_never_fails(case: BugCase) -> None:
    buggy, fixed = run(case.buggy), run(case.fixed)
    assert fixed.error == ""
    assert fixed.value is not None
    assert math.isfinite(fixed.value)
    assert buggy != fixed


@every_case
def test_a_version_gives_the_same_number_every_time_and_at_once(case: BugCase) -> None:
    run(case.buggy)  # the first optimizer of a process imports for a second
    for version in (case.buggy, case.fixed):
        start = time.perf_counter()
        first = run(version)
        assert time.perf_counter() - start < 2
        torch.manual_seed(time.perf_counter_ns() % 2**31)
        assert run(version) == first


@every_case
def test_only_the_bug_differs(case: BugCase) -> None:
    old, new = (source(version).splitlines() for version in (case.buggy, case.fixed))
    assert old[:2] == new[:2]
    found = difference(case)
    accepted = {n for n in range(len(old) + 2) if found.accepts(n)}
    assert 1 <= len(accepted) <= 4
    assert accepted <= code_lines(case).keys()
    assert len(found.new) <= 2
    rest = [line for n, line in enumerate(old, 1) if n not in found.wrong]
    assert rest == [line for n, line in enumerate(new, 1) if n not in found.new]


@every_case
def test_a_learner_reads_code_without_marks_of_the_house(case: BugCase) -> None:
    for version in (case.buggy, case.fixed):
        code = source(version)
        assert not any(word in code for word in ("buggy", "fixed", "noqa", "type: ignore"))
        assert len(code.splitlines()) <= 26
        assert max(map(len, code.splitlines())) <= 90
        compile(code, case.id, "exec")


@every_case
def test_the_docstrings_are_told_in_chinese_line_by_line(case: BugCase) -> None:
    with speaking("zh"):
        chinese = [source(version) for version in (case.buggy, case.fixed, *HELPERS)]
    english = [source(version) for version in (case.buggy, case.fixed, *HELPERS)]
    for told, code in zip(chinese, english, strict=True):
        assert len(told.splitlines()) == len(code.splitlines())
        for said, line in zip(told.splitlines(), code.splitlines(), strict=True):
            is_told = '"""' in line and line.strip() != '"""'
            assert (said != line) == (is_told or line.strip() in DOCSTRINGS)


@every_case
def test_every_text_is_there_and_ends_as_a_sentence(case: BugCase) -> None:
    for text in (case.story, case.hint, case.explanation):
        assert text[0].isupper() or text[0] == "`"
        assert text.endswith((".", "?"))
    assert case.title
    assert not case.title.endswith(".")
    assert case.label


class Written:
    """A version whose code is given as text."""

    def __init__(self, code: str) -> None:
        self.code = code

    def __call__(self) -> float:
        return 0.0


@pytest.mark.parametrize(
    ("old", "new", "wrong", "missing_after", "added", "accepted"),
    [
        ("a\nb\nc", "a\nB\nc", {2}, set(), {2}, {2}),
        ("a\nb\nc\nd", "a\nB\nc\nD", {2, 4}, set(), {2, 4}, {2, 4}),
        ("a\nb\nc", "a\nb\nx\nc", set(), {2}, {3}, {2, 3}),
        ("a\nb\nc", "a\nc", {2}, set(), set(), {2}),
        ("a\nb\nc\nd", "a\nc\nb\nd", {2, 3}, set(), {2, 3}, {2, 3}),
    ],
)
def test_the_answer_is_what_the_fix_touches(
    monkeypatch: pytest.MonkeyPatch,
    old: str,
    new: str,
    wrong: set[int],
    missing_after: set[int],
    added: set[int],
    accepted: set[int],
) -> None:
    monkeypatch.setattr("nndl_core.course.bugs.case.source", lambda version: version.code)
    found = difference(replace(CASES["init"], buggy=Written(old), fixed=Written(new)))
    assert [*map(set, (found.wrong, found.missing_after, found.new))] == [
        wrong,
        missing_after,
        added,
    ]
    assert {n for n in range(9) if found.accepts(n)} == accepted


def test_an_error_of_a_version_is_its_outcome() -> None:
    def broken() -> float:
        raise RuntimeError("shapes do not fit")

    assert run(broken) == CaseOutcome(None, "RuntimeError: shapes do not fit")
    assert run(lambda: 3.0) == CaseOutcome(3.0)


def test_the_network_starts_as_torch_and_as_the_lab_start() -> None:
    torch.manual_seed(7)
    fc1, fc2 = nn.Linear(2, 5), nn.Linear(5, 1)
    plain = material.network(2, 5, 1, seed=7).state_dict()
    for name, layer in (("fc1", fc1), ("fc2", fc2)):
        assert plain[f"{name}.weight"].tolist() == layer.weight.tolist()
        assert plain[f"{name}.bias"].tolist() == layer.bias.tolist()
    lab = Runner.from_config(replace(DEEP, init_seed=4)).model.state_dict()
    own = material.network(2, 3, 3, 3, 3, 1, seed=4, std=0.01, bias=1.0).state_dict()
    assert {n: t.tolist() for n, t in own.items()} == {n: t.tolist() for n, t in lab.items()}


def test_the_training_is_that_of_the_runner() -> None:
    model = material.network(2, 5, 1, seed=0, std=1.0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    loss = material.train(model, optimizer, material.moons("train"), 100)
    assert loss == pytest.approx(losses(100)[99], rel=1e-5)
    runner = Runner.from_config(RunConfig(epochs=100))
    runner.advance(100)
    assert runner.dataset is not None
    X, y = material.moons("dev")
    assert material.accuracy(model(X), y) == pytest.approx(runner.evaluate(runner.dataset.dev)[0])


def test_init_leaves_the_default_of_torch() -> None:
    buggy, fixed = both("init")
    g = Generator().manual_seed(1)
    untouched = []
    for fan_out, fan_in in SIZES:
        half_width = fan_in**-0.5
        untouched.append(torch.empty(fan_out, fan_in).uniform_(-1, 1, generator=g) * half_width)
        torch.rand(fan_out, generator=g)  # the biases are drawn too
    assert buggy == pytest.approx(spread(untouched), rel=1e-5)
    g.manual_seed(0)
    assert fixed == pytest.approx(spread([torch.randn(s, generator=g) * 0.01 for s in SIZES]))


def test_shared_draw_makes_twins() -> None:
    buggy, fixed = both("shared-draw")
    g = Generator().manual_seed(0)
    fc2, fc3 = torch.randn(3, 3, generator=g), torch.randn(3, 3, generator=g)
    assert buggy == 0.0
    assert fixed == pytest.approx((fc2 - fc3).abs().max().item())


def test_seed_makes_equal_runs_equal() -> None:
    buggy, fixed = both("seed")
    assert fixed == 0.0
    assert buggy is not None
    assert buggy > 1e-3


def test_optimizer_moves_only_what_it_holds() -> None:
    assert both("optimizer") == (0, 21)
    first, second = (Runner.from_config(RunConfig(init_seed=s)).model for s in (0, 1))
    with pytest.raises(ValueError, match="does not hold this model's parameters"):
        Runner(second, torch.optim.SGD(first.parameters(), lr=0.2))


def test_keyword_is_swallowed() -> None:
    buggy, fixed = both("keyword")
    assert buggy == 0.0
    assert fixed == pytest.approx(losses(200, 0.02)[199] - losses(200, 2.0)[199], rel=1e-4)


def test_order_puts_the_dev_curve_one_epoch_ahead() -> None:
    buggy, fixed = both("order")
    curve = losses(101)
    assert fixed == 0.0
    steps = [abs(curve[e] - curve[e + 1]) for e in range(100)]
    assert buggy == pytest.approx(max(steps), rel=1e-3)


@pytest.mark.parametrize(
    ("name", "config", "wrong"),
    [
        ("gradient", DEEP, "weight_norm"),
        ("float32", replace(DEEP, activation="elu", slope=1.0, bias=-9.0), None),
    ],
)
def test_gradient_norms_are_those_of_the_runner(
    name: str, config: RunConfig, wrong: str | None
) -> None:
    buggy, fixed = both(name)
    layer = Runner.from_config(config).measure()[0].layers[0]
    assert fixed == pytest.approx(layer.weight_grad_norm, rel=1e-4, abs=0)
    assert buggy == (pytest.approx(getattr(layer, wrong), rel=1e-6) if wrong else 0.0)
    assert fixed is not None
    assert fixed > 0


def test_shape_compares_every_prediction_with_every_label() -> None:
    buggy, fixed = both("shape")
    runner = Runner.from_config(RunConfig(epochs=500))
    runner.advance(500)
    assert runner.dataset is not None
    dev = runner.dataset.dev
    assert fixed == pytest.approx(runner.evaluate(dev)[0])
    said = (runner.predict(dev.x) >= 0.5).double().mean().item()
    ones = dev.y.double().mean().item()
    assert buggy == pytest.approx(said * ones + (1 - said) * (1 - ones))


def test_logits_that_are_probabilities_have_a_floor() -> None:
    buggy, fixed = both("logits")
    _, y = material.blobs()
    ones = y.mean().item()
    floor = ones * math.log(1 + math.exp(-1)) + (1 - ones) * math.log(2)
    assert buggy is not None
    assert floor < buggy < floor + 0.02
    assert fixed == pytest.approx(0, abs=1e-3)


def test_history_holds_one_entry_for_each_epoch() -> None:
    assert both("history") == (101, 100)
    runner = Runner.from_config(RunConfig(epochs=100))
    runner.advance(100)
    assert runner.dataset is not None
    runner.evaluate(runner.dataset.test)
    assert len(runner.dev_scores) == 100


def test_eval_mode_stays_until_it_is_undone() -> None:
    assert both("eval-mode") == (1, 10)


def test_load_needs_the_name_of_torch() -> None:
    outcome = run(CASES["load"].buggy)
    assert outcome.value is None
    assert outcome.error.startswith("AttributeError: ")
    assert "set_state_dict" in outcome.error
    assert both("load")[1] == 0.0


def test_file_of_one_name_holds_the_last_model() -> None:
    buggy, fixed = both("file")
    ends = []
    for seed in (0, 1):
        runner = Runner.from_config(RunConfig(epochs=50, init_seed=seed))
        runner.advance(50)
        ends.append(torch.cat([p.flatten() for p in runner.model.parameters()]))
    assert buggy == pytest.approx((ends[1] - ends[0]).abs().max().item(), rel=1e-4)
    assert fixed == 0.0


def test_best_score_starts_below_every_score() -> None:
    runner = Runner.from_config(RunConfig(epochs=50))
    runner.advance(50)
    rising = sum(
        now < min(runner.dev_loss[:i], default=math.inf) for i, now in enumerate(runner.dev_loss)
    )
    assert both("best-score") == (0, rising)
