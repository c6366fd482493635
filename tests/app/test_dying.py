"""The page of dying ReLU as AppTest runs it: its numbers against closed forms and plain runs."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape

import pytest
from streamlit.testing.v1 import AppTest

from nndl_core.course.claims.measures import DYING_NET
from nndl_core.course.lessons.dying import HEALTHY_RELU
from nndl_core.engine.runner import Runner
from nndl_core.studies.relu_remedies import REMEDIES
from pages.ui.lesson.seeds import Panel, Task

Open = Callable[..., AppTest]
ONES = {0: 320, 3: 324, 9: 307}
"""Examples of class 1 among the 640 of the training set, by data seed, as the course counts."""


@pytest.fixture
def dead(open_lab: Open) -> AppTest:
    return opened(open_lab, lesson="dying", epochs="50")


@pytest.fixture
def leaky(open_lab: Open) -> AppTest:
    return opened(open_lab, lesson="leaky", epochs="1200")


@pytest.fixture
def large(open_lab: Open) -> AppTest:
    return opened(open_lab, lesson="large-step")


def opened(open_lab: Open, **parameters: str) -> AppTest:
    at = open_lab("dying.py", **parameters)
    assert not at.exception
    return at


def tables(at: AppTest) -> list[list[list[str]]]:
    """Return the cells of all tables, row by row, without their tags."""
    found = []
    for element in at.get("html"):
        rows = re.findall(r"<tr>(.*?)</tr>", element.proto.body)
        cells = [re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", row) for row in rows]
        found.append([[unescape(re.sub("<[^>]*>", "", c)) for c in row] for row in cells])
    return [table for table in found if table]


def with_column(at: AppTest, heading: str) -> list[list[str]]:
    """Return the rows of the first table that has a column of this name."""
    _, *rows = next(table for table in tables(at) if heading in table[0])
    return rows


def words(at: AppTest) -> str:
    shown = [*at.markdown, *at.caption, *at.warning, *at.info]
    return " ".join(m.value.replace("\\", "") for m in shown)


def assert_plain(at: AppTest) -> None:
    """Fail if a page shows an exception, or a number that is none."""
    assert not at.exception
    text = words(at) + " ".join(cell for table in tables(at) for row in table for cell in row)
    assert not re.search(r"\b(nan|NaN|inf|None)\b", text)


def run_to_end(at: AppTest, key: str) -> list[str]:
    """Run a panel's clock until it stands; return what its progress said on the way."""
    said = []
    for _ in range(400):
        if not at.session_state[f"{key}_panel"].running:
            break
        at.run()
        said.append(at.get("progress")[0].proto.text)
    assert not at.session_state[f"{key}_panel"].running
    at.run()
    return said


@pytest.mark.parametrize("seed", ONES)
def test_the_dead_network_is_exactly_zero_and_its_closed_form_holds(
    open_lab: Open, seed: int
) -> None:
    at = opened(open_lab, lesson="dying", epochs="50", data_seed=str(seed))
    rows = with_column(at, "biases")
    assert [row[1] for row in rows] == ["exactly 0"] * 5
    assert [row[2] for row in rows[:4]] == ["exactly 0"] * 4
    assert [row[3] for row in rows] == [*["3 of 3"] * 4, "no ReLU"]
    ones = ONES[seed] / 640
    gradient = 1 / (1 + math.exp(8)) - ones
    assert float(rows[4][2]) == pytest.approx(abs(gradient), rel=1e-2)
    bias, loss = with_column(at, "closed form")
    for cell in bias[1:3]:
        assert float(cell) == pytest.approx(gradient, abs=1e-6)
    for cell in loss[1:3]:
        assert float(cell) == pytest.approx(8 * ones + math.log1p(math.exp(-8)), abs=1e-6)
    assert f"p₁ = {ones:g} is the share of class 1" in words(at)


def test_the_loss_falls_to_ln_2_while_the_accuracy_stands(open_lab: Open) -> None:
    at = opened(open_lab, lesson="dying")
    assert "the train loss from 4.0003 to 0.6931; the best constant guess has 0.6931" in words(at)
    assert "The accuracy stays at 0.5000" in words(at)
    assert "the largest change is exactly 0" in words(at)


def test_many_epochs_are_cut_and_said_so(open_lab: Open) -> None:
    at = opened(open_lab, lesson="dying", epochs="100000")
    assert "Shown are the first 10,000 of 100,000 epochs." in words(at)


def test_a_tenth_below_zero_kills_all_twelve(dead: AppTest) -> None:
    assert dead.select_slider(key="bias_value").value == -0.1
    assert dead.metric[0].value == "12 of 12"
    assert [row[3] for row in with_column(dead, "layer dead in")] == ["20 of 20"] * 4


def test_the_threshold_is_that_of_the_weights(dead: AppTest) -> None:
    runner = Runner.from_config(DYING_NET)
    assert runner.dataset is not None
    weights = next(iter(runner.model.state_dict().values()))
    highest = float((weights @ runner.dataset.train.x.T).max())
    assert f"all 12 units are dead from b = {-highest:.4g} on down" in words(dead)
    # the slider's steps on both sides of 0.0506
    assert 0.05 < highest < 0.08
    for bias, all_dead in ((-0.08, True), (-0.05, False)):
        dead.select_slider(key="bias_value").set_value(bias).run()
        assert (dead.metric[0].value == "12 of 12") == all_dead


@pytest.mark.parametrize(("bias", "dead_units"), [(10.0, "0 of 12"), (-10.0, "12 of 12")])
def test_the_ends_of_the_bias_slider(dead: AppTest, bias: float, dead_units: str) -> None:
    dead.select_slider(key="bias_value").set_value(bias)
    dead.select_slider(key="bias_std").set_value(1e-3)
    dead.number_input(key="bias_seeds").set_value(200).run()
    assert_plain(dead)
    assert dead.metric[0].value == dead_units


def test_one_seed_and_wide_weights(dead: AppTest) -> None:
    dead.select_slider(key="bias_value").set_value(0.0)
    dead.select_slider(key="bias_std").set_value(10.0)
    dead.number_input(key="bias_seeds").set_value(1).run()
    assert_plain(dead)
    assert "Over 1 seeds" not in words(dead)


def test_the_law_of_the_slope_within_five_percent(leaky: AppTest) -> None:
    rows = with_column(leaky, "power of the slope, fitted")
    assert [float(row[5]) for row in rows] == [4, 4, 3, 2, 1]
    assert [float(row[4]) for row in rows] == pytest.approx([4, 4, 3, 2, 1], rel=0.05)
    assert [row[1] for row in rows] == ["exactly 0"] * 5
    # printed by the course for one seed: within a factor of ten of the mean of 20
    assert float(rows[0][2]) == pytest.approx(2.3115e-16, rel=9)
    assert float(rows[0][3]) < 1e-3 * float(rows[0][2])
    assert "All layers keep the law within 5%" in words(leaky)


def test_twice_the_slope_is_sixteen_times_the_gradient(leaky: AppTest) -> None:
    norms = []
    for slope in (0.1, 0.2):
        leaky.select_slider(key="slope_leaky").set_value(slope).run()
        norms.append(float(with_column(leaky, "power of the slope, fitted")[0][2]))
    assert norms[1] / norms[0] == pytest.approx(16, rel=0.01)


def test_a_slope_of_zero_is_relu(leaky: AppTest) -> None:
    leaky.select_slider(key="slope_leaky").set_value(0.0)
    leaky.select_slider(key="slope_elu").set_value(0.0).run()
    assert_plain(leaky)
    rows = with_column(leaky, "power of the slope, fitted")
    assert {cell for row in rows for cell in row[1:4]} == {"exactly 0"}
    assert "that is ReLU itself, and every gradient is exactly 0" in words(leaky)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"init_scale": "1"}, "The law is missed by up to"),
        ({"bias": "1"}, "the law of the slope is one for b below 0"),
        ({"init_scale": "0"}, "A gradient of fc1 is exactly 0 even with a slope"),
        ({"slope": "2"}, "At b = -8 Leaky ReLU has slope 2"),
    ],
)
def test_where_the_law_ends_a_sentence_says_so(
    open_lab: Open, parameters: dict[str, str], sentence: str
) -> None:
    at = opened(open_lab, lesson="leaky", epochs="20", **parameters)
    assert_plain(at)
    assert sentence in words(at)


def test_the_table_of_remedies_grows_and_a_sane_start_recovers(
    leaky: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    # one step of training per tick, so that no fast machine is done within a few
    monkeypatch.setattr("pages.ui.lesson.seeds.SLICE_SECONDS", 0.0)
    leaky.number_input(key="trial_seeds").set_value(2)
    leaky.button(key="trial_go").click().run()
    assert leaky.button(key="trial_stop").label == "Stop"
    said = run_to_end(leaky, "trial")
    counts = [int(re.findall(r"\d+", text)[0]) for text in said]
    assert counts == sorted(counts)
    assert len(set(counts)) > 2
    assert leaky.button(key="trial_go").label == "Try all remedies"
    assert_plain(leaky)
    rows = {row[0]: row for row in with_column(leaky, "recovered")}
    assert list(rows) == list(REMEDIES)
    assert rows["bias 0.1, He's scale, learning rate 0.1"][2] == "2 of 2"
    assert rows["nothing changed"][2] == "0 of 2"
    assert rows["nothing changed"][5] == "12 → 12"
    assert rows["nothing changed"][6] == "exactly 0"
    assert rows["Leaky ReLU, slope 0.01"][2] == "0 of 2"
    assert 0 < float(rows["Leaky ReLU, slope 0.01"][6]) < 1e-12
    text = words(leaky)
    recovered, never = text.split("Recovered with every seed: ")[1].split("Never: ")
    assert "bias 0.1, He's scale, learning rate 0.1" in recovered
    assert "nothing changed" in never
    assert "A gradient that is not 0 is not yet a remedy" in text


@pytest.mark.parametrize(("lesson", "key"), [("leaky", "trial"), ("large-step", "rates")])
@pytest.mark.parametrize("seeds", [0, 10_000])
def test_an_impossible_number_of_seeds_gets_a_sentence(
    open_lab: Open, lesson: str, key: str, seeds: int
) -> None:
    at = opened(open_lab, lesson=lesson, epochs="20")
    at.number_input(key=f"{key}_seeds").set_value(seeds)
    at.button(key=f"{key}_go").click().run()
    assert not at.exception
    assert f"seeds: {seeds} is out of range; allowed is from 1 to 200." in words(at)
    at.number_input(key=f"{key}_seeds").set_value(1)
    at.button(key=f"{key}_go").click().run()
    assert "out of range" not in words(at)


class Three:
    """Runs that are done after three slices."""

    def __init__(self, seeds: int) -> None:
        self.seeds, self.slices = seeds, 0

    @property
    def finished(self) -> bool:
        return self.slices == 3

    @property
    def share(self) -> float:
        return self.slices / 3

    def advance(self, seconds: float) -> None:
        self.slices += 1


def test_a_panel_stops_goes_on_and_starts_anew() -> None:
    task = Task("k", "subject", Three, print, "Go", "Nothing yet.", 5)
    panel: Panel[Three] = Panel(task.subject)
    panel.go(5, task.make)
    first = panel.runs
    assert panel.running
    panel.go(5, task.make)  # a click that comes twice
    assert panel.running
    assert panel.runs is first
    panel.stop()
    panel.stop()
    assert not panel.running
    panel.go(5, task.make)
    assert panel.running
    assert panel.runs is first
    panel.stop()
    panel.go(6, task.make)
    assert panel.runs is not first
    assert panel.runs is not None
    assert panel.runs.seeds == 6


def test_another_sick_network_is_another_trial(leaky: AppTest) -> None:
    leaky.number_input(key="trial_seeds").set_value(1)
    leaky.button(key="trial_go").click().run()
    first = leaky.session_state["trial_panel"]
    leaky.number_input(key="leaky_epochs").set_value(30).run()
    assert leaky.session_state["trial_panel"] is not first
    assert leaky.session_state["trial_panel"].runs is None


def test_the_layer_dies_after_the_update_that_a_plain_run_shows(large: AppTest) -> None:
    runner = Runner.from_config(replace(HEALTHY_RELU, learning_rate=5.0))
    runner.advance(20)
    died = next(r.epoch for r in runner.records if r.layers[3].dead_units == 3)
    assert f"Whole layers died: fc4 after update {died}." in words(large)
    rows = with_column(large, "updates")
    assert [row[4] for row in rows[died - 1 : died + 1]] == ["1 of 3", "3 of 3"]
    for row, record in zip(rows[:15], runner.records, strict=False):
        assert float(row[5]) == pytest.approx(record.train_loss, rel=1e-4)


def test_small_steps_kill_nothing(large: AppTest) -> None:
    large.select_slider(key="steps_rate").set_value(0.1)
    large.slider(key="steps_large").set_value(1).run()
    assert_plain(large)
    assert "No whole layer is dead at the end." in words(large)


def test_a_diverged_run_gets_a_sentence(open_lab: Open) -> None:
    at = opened(open_lab, lesson="large-step", init_seed="44", data_seed="44", epochs="20")
    at.select_slider(key="steps_rate").set_value(1000.0)
    at.slider(key="steps_large").set_value(20).run()
    assert_plain(at)
    assert "Then the run diverged" in words(at)
    assert len(with_column(at, "updates")) < 21


def test_deaths_are_counted_for_every_rate(large: AppTest) -> None:
    large.number_input(key="rates_seeds").set_value(6)
    large.button(key="rates_go").click().run()
    run_to_end(large, "rates")
    assert_plain(large)
    rows = with_column(large, "a layer died")
    assert [float(row[0]) for row in rows] == [0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000]
    assert {row[4] for row in rows} == {"6"}
    assert rows[0][1] == "0%"
    assert int(rows[-1][1].rstrip("%")) >= 50
    assert "After 3 steps, 0% of the runs have lost a whole layer" in words(large)


@pytest.mark.parametrize(
    ("parameters", "sentence"),
    [
        ({"lesson": "nowhere"}, "choose one of dying, leaky, large-step."),
        ({"lesson": "leaky", "slope": "9"}, "slope: 9.0 is out of range; allowed is from 0 to 2."),
        ({"lesson": "leaky", "bias": "low"}, "bias: 'low' is not a number"),
    ],
)
def test_a_wrong_address_gets_a_sentence(
    open_lab: Open, parameters: dict[str, str], sentence: str
) -> None:
    at = opened(open_lab, epochs="20", **parameters)
    assert_plain(at)
    assert sentence in words(at)


@pytest.mark.parametrize("lesson", ["dying", "large-step"])
@pytest.mark.parametrize("hidden", ["3", "-".join("3" * 12), "64-1"])
def test_other_depths(open_lab: Open, lesson: str, hidden: str) -> None:
    at = opened(open_lab, lesson=lesson, hidden=hidden, epochs="20")
    assert_plain(at)


def test_the_largest_learning_rate_still_moves_one_bias_only(open_lab: Open) -> None:
    at = opened(open_lab, lesson="dying", learning_rate="1000", epochs="50")
    assert_plain(at)
    assert "the largest change is exactly 0" in words(at)
