"""The README names every module of the engine and every page."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
MODULES = [
    *(p.name for p in (ROOT / "nndl_core").glob("*.py") if p.name != "__init__.py"),
    *(f"{p.parent.name}/" for p in (ROOT / "nndl_core").glob("*/__init__.py")),
    *(p.name for p in (ROOT / "pages").glob("*.py")),
    *(p.name for p in (ROOT / "benchmarks").glob("*.py")),
]


@pytest.mark.parametrize("name", MODULES)
def test_the_tree_has_a_word_for(name: str) -> None:
    assert name in README
