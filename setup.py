"""Makes `import nndl_core` and the command `nndl` installable; requirements.txt stays the list."""

from __future__ import annotations

from pathlib import Path

from setuptools import setup

# What only the pages need, or a run history in PostgreSQL: `pip install ".[web]"` brings it too.
WEB = ("streamlit", "plotly", "segno", "psycopg")


def requirements() -> list[str]:
    """Read the pins without comments and without the line that names constraints.txt."""
    text = Path(__file__).with_name("requirements.txt").read_text(encoding="utf-8")
    lines = (line.partition("#")[0].strip() for line in text.splitlines())
    return [line for line in lines if line and not line.startswith("-")]


if __name__ == "__main__":
    setup(
        install_requires=[line for line in requirements() if not line.startswith(WEB)],
        extras_require={"web": [line for line in requirements() if line.startswith(WEB)]},
    )
