"""The README names every room of the engine and of the pages, in both languages."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CHINESE = (ROOT / "README.zh.md").read_text(encoding="utf-8")
ROOMS = [
    f"{folder.parent.name}/"
    for top in ("nndl_core", "pages/ui")
    for folder in (ROOT / top).rglob("__init__.py")
    if len(folder.relative_to(ROOT / top).parts) == 2
]


@pytest.mark.parametrize("name", ROOMS)
def test_the_tree_has_a_word_for(name: str) -> None:
    assert name in README


def named(text: str) -> set[str]:
    """Return what a text says in the words of the code: commands, settings and files."""
    lines = re.findall(r"(?m)^(?:python3|docker) .*$", text)
    files = re.findall(r"[\w./<>*-]*\w\.(?:py|css|svg|cpp|md|toml|txt|png|json|jsonl|npz)\b", text)
    folders = re.findall(r"[\w.-]+/", text)
    quoted = re.findall(r"`[^`\n]+`", text.replace("```", ""))
    return {*lines, *files, *folders, *quoted}


def test_the_chinese_readme_names_the_same_files_and_commands() -> None:
    assert named(CHINESE.replace(".zh.md", ".md")) == named(README.replace(".zh.md", ".md"))


def form(text: str) -> list[str]:
    """Return how the lines of a text begin: headings, rows of tables, lists, code."""
    return re.findall(r"(?m)^(?:#+ |\||- |```)", text)


def test_the_chinese_readme_has_the_same_form() -> None:
    assert form(CHINESE) == form(README)


def numbers(text: str) -> set[float]:
    """Return the numbers of a text; .4 is 0.4."""
    return {float(found) for found in re.findall(r"(?<![\w.])\.?\d+(?:\.\d+)?", text)}


@pytest.mark.parametrize("name", [path.name for path in (ROOT / "docs").glob("*.zh.md")])
def test_a_chinese_page_of_docs_has_the_form_and_the_code_of_the_english_one(name: str) -> None:
    chinese, english = (
        (ROOT / "docs" / page).read_text(encoding="utf-8").replace(".zh.md", ".md")
        for page in (name, name.replace(".zh.md", ".md"))
    )
    assert form(chinese) == form(english)
    assert named(chinese) == named(english)
    assert numbers(english) <= numbers(chinese)
    for block in re.findall(r"(?s)```.*?```", english):
        assert block in chinese


def test_each_readme_leads_to_the_other() -> None:
    assert "[中文](README.zh.md)" in README
    assert "[English](README.md)" in CHINESE
