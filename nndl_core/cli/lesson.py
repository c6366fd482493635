"""The command that tests a claim without a screen."""

from __future__ import annotations

import json
import sys
from typing import TextIO

from tqdm import tqdm

from nndl_core.base.config import ConfigError
from nndl_core.base.i18n import language, tr
from nndl_core.course.claims import CLAIMS
from nndl_core.studies.study import Study

SLICE_SECONDS = 1.0


def readable(values: object) -> str:
    """Write values as JSON for people too: Chinese as it is read, English in ASCII as before."""
    return json.dumps(values, indent=1, ensure_ascii=language() == "en")


def list_claims(out: TextIO) -> None:
    """Write one line per claim: name, experiment, and what it says."""
    width = max(map(len, CLAIMS))
    for claim in CLAIMS.values():
        out.write(f"{claim.name:<{width}}  {claim.experiment:<4} {tr(claim.text)}\n")


def run_claim(name: str, seeds: int | None, out: TextIO) -> None:
    """Run the study of a claim and write its verdict and figures as JSON.

    Raises ConfigError with one sentence for an unknown claim or an impossible number of seeds.
    """
    if name not in CLAIMS:
        raise ConfigError(
            tr(
                "{name!r:.60} is not a claim; known are {known}.",
                name=name,
                known=", ".join(CLAIMS),
            )
        )
    claim = CLAIMS[name]
    study = Study(claim, claim.seeds if seeds is None else seeds)
    with tqdm(total=study.seeds, unit="seed", disable=None, file=sys.stderr) as bar:
        while not study.finished:
            bar.update(study.advance(SLICE_SECONDS))
    out.write(readable(study.as_dict()) + "\n")
