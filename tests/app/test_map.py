"""The trainability map as AppTest runs it: the real page, trained to its end, without a browser."""

from __future__ import annotations

import csv
import io
import math
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import parse_qsl

import pytest
from streamlit.testing.v1 import AppTest

from nndl_core.base.config import RunConfig
from nndl_core.studies.map.axis import Axis
from nndl_core.studies.map.plan import PRESETS, MapPlan
from nndl_core.studies.map.trainability import agreement, births
from nndl_core.studies.sweep.cache import RunCache
from pages.ui.map import session as map_session
from pages.ui.map.cache import cache_folder
from pages.ui.map.export import csv_bytes, picture_bytes
from pages.ui.map.session import MapSession
from pages.ui.map.theory import agreement_words

SMALL = {"x_count": "3", "y_count": "3", "y_high": "5", "seeds": "1", "epochs": "5", "points": "50"}
OpenPage = Callable[..., AppTest]


@pytest.fixture(autouse=True)
def no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Train everything anew: no test shall find what another has trained."""
    monkeypatch.setattr(map_session, "cache_folder", lambda: None)


@pytest.fixture
def opened(open_lab: OpenPage) -> OpenPage:
    def open_map(**parameters: str) -> AppTest:
        at = open_lab("map.py", **parameters)
        assert not at.exception
        return at

    return open_map


def session_of(at: AppTest) -> MapSession:
    held = at.session_state["map"]
    assert isinstance(held, MapSession)
    return held


def trained(at: AppTest) -> AppTest:
    """Press Play and let the clock tick until the map is complete."""
    at.button(key="map_play").click().run()
    for _ in range(200):
        if not session_of(at).playing:
            break
        at.run()
    assert not at.exception
    assert session_of(at).finished
    return at


def words(at: AppTest) -> str:
    texts = [e.value for e in [*at.markdown, *at.caption, *at.warning]]
    return " ".join(text.replace("\\", "") for text in texts)


def test_nothing_trains_before_play(opened: OpenPage) -> None:
    at = opened(**SMALL).run()
    assert session_of(at).cells == []
    assert session_of(at).plan == MapPlan(
        Axis("init_scale", 0.2, 5, 3),
        Axis("depth", 1, 5, 3),
        RunConfig.from_dict({**vars(MapPlan().base), "epochs": 5, "points": 50}),
        seeds=1,
    )


def test_a_small_map_runs_to_its_end(opened: OpenPage) -> None:
    at = trained(opened(**SMALL))
    session = session_of(at)
    assert [cell.index for cell in session.cells] == [(i, j) for i in range(3) for j in range(3)]
    assert [s.index for s in session.summaries if s] == [cell.index for cell in session.cells]
    assert at.button(key="map_play").disabled
    assert "9 of 9 cells" in at.get("progress")[0].proto.text
    for cell in session.cells:
        assert cell.outcomes[0].epochs == 5
        assert len(cell.config.hidden) == cell.values["depth"]


def test_a_paused_map_rests_and_goes_on(opened: OpenPage) -> None:
    at = opened(**SMALL | {"epochs": "100000"})  # minutes of training, whatever the machine
    at.button(key="map_play").click().run()
    assert session_of(at).playing
    at.button(key="map_pause").click().run()
    before = session_of(at).sweep.share
    assert 0 < before < 1
    at.run()
    assert session_of(at).sweep.share == before
    at.button(key="map_play").click().run()
    assert session_of(at).sweep.share > before


def test_start_again_forgets_the_cells_and_trains(opened: OpenPage) -> None:
    at = trained(opened(**SMALL))
    session_of(at).choose([0, 0])
    old = session_of(at).sweep
    at.button(key="map_restart").click().run()
    assert session_of(at).sweep is not old
    assert session_of(at).selected is None


def test_colors_switch_without_training(opened: OpenPage) -> None:
    at = trained(opened(**SMALL))
    sweep = session_of(at).sweep
    for shown in ("loss", "gradient_ratio", "dead_share", "signs", "train_accuracy"):
        at.selectbox(key="map_color").set_value(shown).run()
        assert not at.exception
        assert session_of(at).shown == shown
        assert at.query_params["color"] == shown
    at.selectbox(key="map_color").set_value("accuracy").run()
    assert "color" not in at.query_params
    assert session_of(at).sweep is sweep


def test_settings_are_in_the_address_and_come_back(opened: OpenPage) -> None:
    at = opened()
    assert at.query_params == {}
    at.selectbox(key="map_activation_0").set_value("leaky_relu").run()
    at.slider(key="map_slope_0").set_value(0.25).run()
    at.number_input(key="map_y_high_0").set_value(9).run()
    at.number_input(key="map_seeds_0").set_value(2).run()
    address = dict(at.query_params)
    expected = {"activation": "leaky_relu", "slope": "0.25", "y_high": "9", "seeds": "2"}
    assert address == expected
    assert session_of(opened(**address)).plan == session_of(at).plan


def test_another_axis_takes_its_usual_range_and_frees_the_base_setting(opened: OpenPage) -> None:
    at = opened()
    keys = {widget.key for widget in [*at.number_input, *at.slider]}
    assert "map_init_scale_0" not in keys
    at.selectbox(key="map_x_0").set_value("learning_rate").run()
    assert session_of(at).plan.x == Axis.of("learning_rate")
    assert at.number_input(key="map_x_count_1").value == 13
    assert at.number_input(key="map_init_scale_1").value == 1.0
    assert not at.select_slider
    at.selectbox(key="map_x_1").set_value("depth").run()
    assert (session_of(at).plan.x.name, session_of(at).plan.y.name) == ("depth", "learning_rate")


@pytest.mark.parametrize("name", list(PRESETS))
def test_presets(opened: OpenPage, name: str) -> None:
    at = opened(x="noise", dataset="xor")
    at.button(key=f"map_preset_{name}").click().run()
    assert not at.exception
    assert session_of(at).plan == PRESETS[name]
    assert at.query_params == PRESETS[name].to_url()


def test_a_changed_setting_begins_another_map(opened: OpenPage) -> None:
    at = trained(opened(**SMALL))
    at.number_input(key="map_epochs_0").set_value(6).run()
    assert session_of(at).cells == []
    assert not session_of(at).playing


def test_too_large_a_map_gets_a_sentence_and_leaves_the_last_one(opened: OpenPage) -> None:
    at = opened(**SMALL)
    at.number_input(key="map_x_count_0").set_value(150).run()
    [warning] = at.warning
    assert "450 are too many; a map has at most 400" in warning.value.replace("\\", "")
    assert session_of(at).plan.x.count == 3
    at.number_input(key="map_x_count_0").set_value(4).run()
    assert not at.warning
    at.number_input(key="map_epochs_0").set_value(90_000).run()
    assert "1,080,000 epochs, too many" in at.warning[0].value.replace("\\", "")
    assert "600,000" in words(at)


def test_an_axis_that_ends_before_it_begins_gets_a_sentence(opened: OpenPage) -> None:
    at = opened()
    at.number_input(key="map_y_high_0").set_value(1).run()
    assert "depth: the axis must begin below its end" in at.warning[0].value.replace("\\", "")


def test_wrong_values_of_the_address_are_told_as_plain_text(opened: OpenPage) -> None:
    at = opened(x="<b>", seeds="99", color="red", epochs="7")
    told = [warning.value.replace("\\", "") for warning in at.warning]
    assert len(told) == 3
    assert any(sentence.startswith("axis: '<b>' is not known") for sentence in told)
    assert any(sentence.startswith("seeds: 99 is not possible") for sentence in told)
    assert any(sentence.startswith("color: 'red' is not known") for sentence in told)
    assert not any("<b>" in warning.value for warning in at.warning)
    assert session_of(at).plan.base.epochs == 7
    assert not at.run().warning


def test_data_with_three_classes_can_be_mapped(opened: OpenPage) -> None:
    at = trained(opened(**SMALL | {"dataset": "spirals3"}))
    assert {cell.config.loss for cell in session_of(at).cells} == {"cross_entropy"}


def test_the_table_equals_the_outcomes(opened: OpenPage) -> None:
    session = session_of(trained(opened(**SMALL | {"seeds": "2"})))
    table = list(csv.DictReader(io.StringIO(csv_bytes(session).decode())))
    runs = [(c.values, s, o) for c in session.cells for s, o in enumerate(c.outcomes)]
    assert len(table) == len(runs) == 18
    for row, (values, seed, outcome) in zip(table, runs, strict=True):
        assert {name: float(row[name]) for name in values} == values
        assert int(row["seed"]) == seed
        assert float(row["train_accuracy"]) == outcome.last.train_accuracy
        assert float(row["test_accuracy"]) == outcome.test_last[0]
        assert float(row["train_loss"]) == outcome.last.train_loss


def test_pictures_are_what_is_shown(opened: OpenPage) -> None:
    session = session_of(trained(opened(**SMALL)))
    assert picture_bytes(session, "png").startswith(b"\x89PNG")
    accuracy = picture_bytes(session, "svg")
    session.shown = "signs"
    assert b"test accuracy" in accuracy
    assert b"test accuracy" not in picture_bytes(session, "svg")


def lab_links(at: AppTest) -> list[str]:
    return re.findall(r"\]\(\./\?([^)]*)\)", " ".join(m.value for m in at.markdown))


def test_a_chosen_cell_shows_its_runs_and_links_to_the_lab(opened: OpenPage) -> None:
    at = trained(opened(**SMALL | {"seeds": "2"}))
    assert not lab_links(at)
    at.selectbox(key="map_cell_row_0").set_value(2).run()
    assert session_of(at).selected is None
    at.selectbox(key="map_cell_column_0").set_value(1).run()
    session = session_of(at)
    assert session.selected == (2, 1)
    assert session.cell is session.sweep.cells[7]
    configs = [RunConfig.from_url(dict(parse_qsl(link)))[0] for link in lab_links(at)]
    assert configs == [outcome.config for outcome in session.cells[7].outcomes]
    assert configs[1].init_seed == 1
    at.selectbox(key="map_cell_row_1").set_value(0).run()
    assert session_of(at).selected == (0, 1)


@pytest.mark.parametrize(
    "place",
    [
        None,
        4,
        "00",
        [0],
        [0, 3],
        [-1, 0],
        [0.0, 1.0],
        [True, True],
        [0, None],
        {"row": 1},
        [0, "1"],
    ],
)
def test_what_is_no_cell_is_not_chosen(place: object) -> None:
    session = MapSession(MapPlan.from_url(SMALL)[0])
    session.choose(place)
    assert session.selected is None


def test_a_cell_that_is_not_trained_says_so(opened: OpenPage) -> None:
    at = opened(**SMALL)
    session_of(at).choose([1, 1])
    assert "not trained yet" in words(at.run())


def test_the_rule_is_told_with_the_numbers_of_the_cells(opened: OpenPage) -> None:
    at = trained(opened(**SMALL | {"epochs": "60"}))
    found = agreement(session_of(at).cells)
    assert found is not None
    assert agreement_words(found) in [m.value for m in at.markdown]
    assert f"**{found.agreeing} of 9 cells" in words(at)
    listed = [e for e in at.get("html") if "train accuracy" in e.proto.body]
    assert len(re.findall("<tr>", listed[-1].proto.body)) == 1 + len(found.disagreeing)


def test_networks_born_dead_are_counted(opened: OpenPage) -> None:
    narrow = {"x": "width", "x_low": "2", "x_high": "4", "y": "depth", "x_count": "2"}
    at = trained(opened(**SMALL | narrow | {"seeds": "6", "epochs": "1"}))
    found = births(session_of(at).cells)
    assert found.dead > 0
    assert f"**{found.dead} of {found.runs} networks were born dead" in words(at)


def test_where_no_theory_holds_the_page_says_so(opened: OpenPage) -> None:
    assert "No theory is drawn" in words(opened(**SMALL | {"x": "noise"}))
    assert "No theory is drawn" in words(opened(**SMALL | {"init": "zeros"}))


def test_a_full_disk_begins_the_map_without_its_memory(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def full(self: RunCache, config: RunConfig, content: bytes) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(map_session, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(RunCache, "put", full)
    session = MapSession(MapPlan.from_url(SMALL)[0])
    session.play()
    session.advance(math.inf)
    assert session.notice == "Finished runs cannot be kept on this server; the map began anew."
    assert session.playing
    session.advance(math.inf)
    assert session.finished


def test_a_second_map_is_read_from_memory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(map_session, "cache_folder", lambda: tmp_path)
    first, second = (MapSession(MapPlan.from_url(SMALL)[0]) for _ in range(2))
    first.advance(math.inf)
    assert len(list(tmp_path.glob("??/*"))) == 9
    second.advance(math.inf)
    assert csv_bytes(first) == csv_bytes(second)


@pytest.fixture
def fresh_folder() -> Iterator[None]:
    cache_folder.cache_clear()
    yield
    cache_folder.cache_clear()


@pytest.mark.usefixtures("fresh_folder")
def test_without_a_writable_folder_nothing_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise OSError("read-only file system")

    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    assert cache_folder() is None


@pytest.mark.usefixtures("fresh_folder")
def test_the_folder_is_one_of_the_system_and_of_this_process() -> None:
    folder = cache_folder()
    assert folder is not None
    assert folder.parent == Path(tempfile.gettempdir())
    assert folder.name.startswith(f"nndl-sweep-{os.getpid()}-")
    assert cache_folder() == folder
    folder.rmdir()


@pytest.mark.skipif(os.name != "posix", reason="a process can be asked for on POSIX only")
@pytest.mark.usefixtures("fresh_folder")
def test_folders_of_processes_that_are_gone_are_removed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    gone = subprocess.run(
        [sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True
    )
    names = [f"nndl-sweep-{int(gone.stdout)}-x", f"nndl-sweep-{os.getpid()}-x"]
    names += ["nndl-sweep-x-y", f"nndl-sweep-{10**30}-x", f"another-{int(gone.stdout)}-x"]
    for name in names:
        (tmp_path / name / "ab").mkdir(parents=True)
    folder = cache_folder()
    assert folder is not None
    left = {path.name for path in tmp_path.iterdir()}
    assert left == {*names[1:], folder.name}
