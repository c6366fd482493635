"""The README names every module of the engine and every page, in both languages."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
CHINESE = (ROOT / "README.zh.md").read_text(encoding="utf-8")
MODULES = [
    *(p.name for p in (ROOT / "nndl_core").glob("*.py") if p.name != "__init__.py"),
    *(f"{p.parent.name}/" for p in (ROOT / "nndl_core").glob("*/__init__.py")),
    *(p.name for p in (ROOT / "pages").glob("*.py")),
    *(p.name for p in (ROOT / "benchmarks").glob("*.py")),
]


@pytest.mark.parametrize("name", MODULES)
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
    own = {"README.md", "README.zh.md", "docs/lessons.md", "docs/lessons.zh.md"}
    assert named(CHINESE) - own == named(README) - own


def test_the_chinese_readme_has_the_same_form() -> None:
    for form in (r"(?m)^#+ ", r"(?m)^\| ", r"(?m)^- ", r"(?m)^```"):
        assert len(re.findall(form, CHINESE)) == len(re.findall(form, README)), form


def test_each_readme_leads_to_the_other() -> None:
    assert "[中文](README.zh.md)" in README
    assert "[English](README.md)" in CHINESE
