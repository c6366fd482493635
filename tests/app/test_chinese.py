"""Every page in Chinese, opened and used: nothing fails, and no English is left to read."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from html import unescape
from pathlib import Path
from typing import Any, get_args

import pytest
from google.protobuf.message import Message
from streamlit.testing.v1 import AppTest
from streamlit.testing.v1.element_tree import Dataframe

from nndl_core.base.config import KNOBS, DatasetName
from nndl_core.base.i18n import speaking
from nndl_core.course.lessons import LESSONS
from nndl_core.course.reference import terms
from pages.ui.history.table import table_key
from pages.ui.link.language import KEY
from pages.ui.server.history_access import history_keeper
from pages.ui.server.owner import owner_of

ME = owner_of("me")
PAGES = Path(__file__).resolve().parents[2] / "pages"
SHOWN = {"body", "caption", "content", "help", "label", "options", "placeholder", "text", "value"}
"""Fields of Streamlit's messages to the browser that a person reads."""
FIGURE_TEXTS = {"hovertemplate", "name", "text", "ticktext", "title"}
NAMES = {*KNOBS, *get_args(DatasetName)} | {c for knob in KNOBS.values() for c in knob.choices}
TERMS = frozenset(
    """Adam CSV ELU Excel GBK JSON Leaky Linear Logit MLP NNDL None NumPy OrderedDict PNG
    Paddle ParamAttr Poole PyTorch Python ReLU Runner SGD SVG Schoenholz Sigmoid TensorBoard
    UTF Var Windows Xavier activations alpha backward beta exp forward initializers log
    logit logits max none norm optimizers remedies seed softmax std xlsx zip""".split()  # noqa: SIM905
)
"""What stays as it is in a Chinese sentence: names, formulas, file formats."""
CODE = re.compile(
    r"(?s)<style.*?</style>|<div class=.nndl-listing.>.*|<pre.*?</pre>|<code.*?</code>|"
    r"```.*?```|`[^`]*`|\$\$.*?\$\$|\$[^$]*\$|"
    r"\]\([^)]*\)|\[\w+, \w+\]|:material/\w+:|:[a-z]+(?:-badge)?\[|%\{[^}]*\}|"
    r"&\w+;|https?://\S+"
)
LISTED_CODE = re.compile(r"\d+: ")
"""A line of a program, offered as an answer."""
SPOKEN_ATTRIBUTE = re.compile(r"(?:alt|aria-label|title)=[\"']([^\"']*)")
TAG = re.compile(r"<[^>]*>")
WORD = re.compile(r"[A-Za-z0-9_./']+")
BESIDE = re.compile("|".join(re.escape(f"({term.name})") for term in terms()))
"""The English names that the glossary gives beside its own."""


@pytest.fixture
def own_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let the pages of this test keep runs in a file of its own."""
    monkeypatch.setenv("NNDL_DATA", str(tmp_path / "data"))
    history_keeper.cache_clear()
    yield
    history_keeper.cache_clear()


@pytest.fixture(autouse=True)
def chinese() -> Iterator[None]:
    """AppTest finds a chosen option by its text, in the test's own thread."""
    with speaking("zh"):
        yield


def opened(page: str, **parameters: str) -> AppTest:
    """Open a page as a tab does whose reader has chosen Chinese."""
    at = AppTest.from_file(PAGES / page, default_timeout=120)
    at.session_state[KEY], at.session_state["owner"] = "zh", ME
    for name, value in parameters.items():
        at.query_params[name] = value
    return at.run()


def is_english(word: str) -> bool:
    """Tell whether a word is one of a sentence, and no name, number or piece of code."""
    plain = word.strip("./'")
    is_code = re.search(r"[0-9_./]", plain) or len(plain) < 3
    is_quoted = word.startswith("'") and word.endswith("'")
    return not (is_code or is_quoted or plain in NAMES or plain in TERMS)


def english(text: str) -> list[str]:
    """Return the words of a text that are still English."""
    return [word for word in WORD.findall(readable(text)) if is_english(word)]


def readable(text: str) -> str:
    spoken = " ".join(SPOKEN_ATTRIBUTE.findall(text)) if "<" in text else ""
    return unescape(TAG.sub(" ", CODE.sub(" ", BESIDE.sub("", f"{text} {spoken}")))).replace(
        "\\", ""
    )


def shown(at: AppTest) -> Iterator[str]:
    """Yield every text on the page: labels, sentences, tables, what figures say."""
    for element in at._tree:
        proto = getattr(element, "proto", None)
        if isinstance(element, Dataframe):
            labels = json.loads(element.proto.columns or "{}")
            yield from (labels.get(name, {}).get("label") or name for name in element.value)
            yield from (cell for cell in element.value.to_numpy().flat if isinstance(cell, str))
        elif proto is not None and element.type != "code":
            yield from of_message(proto)


def of_message(message: Message) -> Iterator[str]:
    for field, value in message.ListFields():
        if field.message_type is not None and not isinstance(value, dict):
            inner = value if field.is_repeated else [value]
            yield from (
                text for one in inner if hasattr(one, "ListFields") for text in of_message(one)
            )
        elif field.name in ("json", "spec"):
            yield from of_figure(json.loads(value))
        elif field.name in SHOWN and not isinstance(value, bool):  # a switch that is on
            lines = [value] if isinstance(value, str) or not field.is_repeated else value
            yield from (line for line in map(str, lines) if not LISTED_CODE.match(line))


def of_figure(part: Any, name: str = "") -> Iterator[str]:
    if isinstance(part, str):
        inner = json.loads(part) if part.startswith("{") else part
        if inner is not part:
            yield from of_figure(inner)
        elif name in FIGURE_TEXTS or name == "alt":
            yield part
    elif isinstance(part, list):
        for one in part:
            yield from of_figure(one, name)
    elif isinstance(part, dict):
        for key, one in part.items():
            yield from of_figure(one, key)


def assert_chinese(at: AppTest) -> None:
    assert not at.exception
    texts = list(shown(at))
    assert any("\u4e00" <= c <= "\u9fff" for text in texts for c in text)
    left = {text: words for text in texts if (words := english(text))}
    assert not left, "\n".join(f"{words} {text[:80]!r}" for text, words in left.items())


@pytest.mark.parametrize(
    "page", ["lab", "map", "history", "gallery", "autograd", "bugs", "reference"]
)
def test_a_page_opens_in_chinese(page: str) -> None:
    assert_chinese(opened(f"{page}.py"))


@pytest.mark.parametrize("name", list(LESSONS))
def test_a_lesson_opens_in_chinese(name: str) -> None:
    assert_chinese(opened(f"{LESSONS[name].topic}.py", lesson=name, epochs="20"))


def press(at: AppTest, key: str) -> AppTest:
    return at.button(key=key).click().run()


def played(at: AppTest, key: str = "play", running: str = "lab") -> AppTest:
    """Press Play and let the clock tick until what was started has ended."""
    press(at, key)
    for _ in range(300):
        if not at.session_state[running].playing:
            return at.run()
        at.run()
    raise AssertionError(f"{running} still plays")


SICK: dict[str, dict[str, str]] = {
    "dead": {"activation": "relu", "bias": "-8", "hidden": "5-5"},
    "zeros": {"init": "zeros"},
    "vanishing": {"hidden": "5-5-5-5-5", "init_scale": "0.01"},
    "diverging": {"activation": "relu", "learning_rate": "1000", "loss": "mse"},
    "saturated": {"activation": "tanh", "init_scale": "8", "hidden": "16-16-16"},
    "slow": {"activation": "tanh", "learning_rate": "0.00001"},
    "digits": {"dataset": "digits", "loss": "cross_entropy"},
}


@pytest.mark.usefixtures("time_to_train", "own_database")
@pytest.mark.parametrize("name", list(SICK))
def test_a_run_and_its_diagnosis_are_told_in_chinese(name: str) -> None:
    at = opened("lab.py", **{"points": "100", "epochs": "300", **SICK[name]})
    at.session_state["speed"] = "100 epochs / frame"
    assert_chinese(played(at))


@pytest.mark.parametrize(
    "wrong",
    [
        {"hidden": "5-x", "noise": "abc", "epochs": "0"},
        {"hidden": "9999", "activation": "foo", "loss": "bce", "dataset": "iris"},
        {"init_seed": "1.5", "batch_size": "-3", "xyz": "1"},
    ],
)
@pytest.mark.parametrize("page", ["lab", "map", "autograd", "networks"])
def test_refused_settings_are_told_in_chinese(page: str, wrong: dict[str, str]) -> None:
    assert_chinese(opened(f"{page}.py", **wrong))


@pytest.mark.usefixtures("time_to_train")
@pytest.mark.parametrize("color", ["accuracy", "gradient_ratio", "dead_share", "signs"])
def test_a_trained_map_and_its_cells_are_told_in_chinese(color: str) -> None:
    small = {"x_count": "3", "y_count": "3", "y_high": "5", "seeds": "2"}
    at = opened("map.py", color=color, epochs="5", points="50", **small)
    played(at, "map_play", "map")
    at.session_state["map"].choose([1, 1])
    assert_chinese(at.run())


@pytest.mark.usefixtures("time_to_train", "own_database")
def test_kept_runs_are_told_in_chinese() -> None:
    for seed in ("0", "1"):
        at = opened("lab.py", epochs="20", points="50", init_seed=seed)
        played(at)
    at = opened("history.py")
    ids = [run.id for run in history_keeper().do(lambda history: history.runs(ME))]
    assert len(ids) == 2
    at.session_state["history_chosen"] = ids
    at.session_state[table_key(ids)] = {"selection": {"rows": [0, 1], "columns": [], "cells": []}}
    assert_chinese(at.run())


def test_a_table_and_the_choice_of_its_columns_are_told_in_chinese() -> None:
    header, at = "编号,长,宽,地点,日期,常数,品种", opened("lab.py")
    rows = "\n".join(
        f"{i + 1},{i * 1.5},{i * i % 13 or ''},甲{i % 5},2024-01-{i % 28 + 1},3,{'甲乙丙'[i % 3]}"
        for i in range(60)
    )
    press(at, "dataset_csv")
    table = f"{header}\n{rows}".encode("gbk")
    at.file_uploader(key="csv").upload("花.csv", table).run()
    assert_chinese(press(at, "choose_columns"))
    at.selectbox(key="table_label").set_value(1).run()  # a quantity is refused
    assert at.warning
    assert_chinese(at)
    at.file_uploader(key="csv").upload("四.csv", b"x1,x2,y\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n").run()
    assert_chinese(at)
