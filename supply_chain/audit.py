"""Asks for known vulnerabilities of everything that requirements.txt brings: `make audit`.

Exit status 0: all packages were audited, nothing is known. 1: a vulnerability is known, or an
exception is out of date. 3: not audited, because no database answered for every package.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any

from supply_chain.closure import CONSTRAINTS, ROOT, pinned

EXCEPTIONS = ROOT / "supply_chain" / "exceptions.toml"
SERVICES = {"pypi": "pypi.org", "osv": "api.osv.dev"}
FOUND, NOT_AUDITED = 1, 3
TIME_LIMIT = 600


@dataclass(frozen=True)
class Exemption:
    """A vulnerability that we live with: of which package, why, and until when."""

    id: str
    package: str
    reason: str
    expires: date


@dataclass
class Verdict:
    """What an audit says: how many packages it asked for, and sentences about what is wrong."""

    audited: int = 0
    of: int = 0
    known: list[str] = field(default_factory=list)
    allowed: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def status(self) -> int:
        """The exit status; a known vulnerability counts even where others were not asked for."""
        if self.known:
            return FOUND
        return 0 if self.audited and not self.missing else NOT_AUDITED

    def __str__(self) -> str:
        lines = [*self.known, *self.allowed, f"{self.audited} of {self.of} packages audited."]
        if self.status == NOT_AUDITED:
            lines.append("NOT AUDITED: no database of vulnerabilities answered for all packages.")
        return "\n".join(lines)


def exemptions(text: str) -> list[Exemption]:
    """Read the exceptions; raise TypeError where a reason or a date is missing."""
    return [Exemption(**entry) for entry in tomllib.loads(text).get("exception", [])]


def judge(
    report: dict[str, Any], pins: dict[str, str], allowed: list[Exemption], today: date
) -> Verdict:
    """Compare pip-audit's report with the packages that it was to be about."""
    packages = {entry["name"]: entry for entry in report.get("dependencies", [])}
    answers = {name: packages.get(name, {}) for name in pins}
    asked = [name for name, entry in answers.items() if entry.get("version") == pins[name]]
    verdict = Verdict(len(asked), len(pins), missing=[n for n in pins if n not in asked])
    unused = {(one.package, one.id): one for one in allowed}
    for name in asked:
        for found in answers[name].get("vulns", []):
            names = {found["id"], *found.get("aliases", [])}
            rule = next((unused.pop(key) for key in list(unused) if _fits(key, name, names)), None)
            _note(verdict, f"{name} {pins[name]}: {found['id']}", _fixed_in(found), rule, today)
    if not verdict.missing:
        verdict.known += [
            f"exceptions.toml: {one.id} is not needed any more." for one in unused.values()
        ]
    return verdict


def _fits(key: tuple[str, str], name: str, names: set[str]) -> bool:
    return key[0] == name and key[1] in names


def _fixed_in(found: dict[str, Any]) -> str:
    return f", fixed in {', '.join(found['fix_versions'])}" if found.get("fix_versions") else ""


def _note(verdict: Verdict, what: str, fixed: str, rule: Exemption | None, today: date) -> None:
    if rule is None:
        verdict.known.append(f"{what}{fixed}.")
    elif rule.expires < today:
        verdict.known.append(f"{what}{fixed}; its exception ended on {rule.expires}.")
    else:
        verdict.allowed.append(f"{what} allowed until {rule.expires}: {rule.reason}")


def reports() -> Iterator[dict[str, Any]]:
    """Ask one database after the other; a report is empty where it does not answer."""
    for service, host in SERVICES.items():
        command = [
            sys.executable,
            "-m",
            "pip_audit",
            "--requirement",
            str(CONSTRAINTS),
            "--no-deps",
        ]
        command += ["--disable-pip", "--progress-spinner=off", "--format=json", f"-s={service}"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIME_LIMIT)
            yield json.loads(done.stdout or "{}")
        except (subprocess.TimeoutExpired, json.JSONDecodeError):
            yield {}
        print(f"{host} did not answer for every package.", file=sys.stderr)


def main() -> int:
    """Audit, say what came of it, and return the exit status."""
    pins, allowed = pinned(), exemptions(EXCEPTIONS.read_text(encoding="utf-8"))
    verdict = Verdict(of=len(pins), missing=list(pins))
    for report in reports():
        verdict = max(verdict, judge(report, pins, allowed, _today()), key=lambda v: v.audited)
        if verdict.status != NOT_AUDITED:
            break
    print(verdict)
    return verdict.status


def _today() -> date:
    return datetime.now(UTC).date()


if __name__ == "__main__":
    sys.exit(main())
