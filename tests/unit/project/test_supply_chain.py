"""What is installed is pinned and listed, and an audit that asked for nothing is no audit."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.validation.json import JsonStrictValidator

from supply_chain import audit, sbom
from supply_chain.audit import EXCEPTIONS, FOUND, NOT_AUDITED, Exemption, exemptions, judge
from supply_chain.closure import closure, pinned, requirements

PINS = {"alpha": "1.0", "beta": "2.0"}
TODAY = date(2027, 1, 1)
FLAW = {"id": "PYSEC-1", "aliases": ["CVE-1"], "fix_versions": ["1.1"]}


def report(flaws: list[dict[str, Any]], **versions: str) -> dict[str, Any]:
    found = [{"name": name, "version": version, "vulns": []} for name, version in versions.items()]
    return {
        "dependencies": [
            entry | ({"vulns": flaws} if not at else {}) for at, entry in enumerate(found)
        ]
    }


def allowed(until: date, name: str = "CVE-1") -> list[Exemption]:
    return [Exemption(name, "alpha", "Not reachable.", until)]


def test_every_package_that_the_requirements_bring_is_pinned() -> None:
    """The lock is neither short of one nor holds what nothing needs; `make lock` renews it."""
    assert pinned() == closure(requirements())


def test_all_that_was_asked_for_and_nothing_known() -> None:
    verdict = judge(report([], alpha="1.0", beta="2.0"), PINS, [], TODAY)
    assert (verdict.status, verdict.audited) == (0, 2)
    assert str(verdict) == "2 of 2 packages audited."


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"dependencies": []},
        report([], alpha="1.0"),
        report([], alpha="1.0", beta="2.1"),
        {"dependencies": [{"name": name, "skip_reason": "not found"} for name in PINS]},
    ],
    ids=["no answer", "empty", "one missing", "another version", "all skipped"],
)
def test_an_audit_that_did_not_ask_for_all_is_none(answer: dict[str, Any]) -> None:
    verdict = judge(answer, PINS, [], TODAY)
    assert verdict.status == NOT_AUDITED
    assert "NOT AUDITED" in str(verdict)
    assert judge({}, {}, [], TODAY).status == NOT_AUDITED


def test_a_known_vulnerability_fails_even_in_half_an_audit() -> None:
    for answer in (report([FLAW], alpha="1.0", beta="2.0"), report([FLAW], alpha="1.0")):
        verdict = judge(answer, PINS, [], TODAY)
        assert verdict.status == FOUND
        assert "alpha 1.0: PYSEC-1, fixed in 1.1." in str(verdict)


def test_an_exception_holds_until_its_date() -> None:
    whole = report([FLAW], alpha="1.0", beta="2.0")
    for name in ("PYSEC-1", "CVE-1"):
        assert judge(whole, PINS, allowed(TODAY, name), TODAY).status == 0
    assert judge(whole, PINS, allowed(date(2026, 12, 31)), TODAY).status == FOUND
    assert judge(whole, PINS, allowed(TODAY, "CVE-2"), TODAY).status == FOUND


def test_an_exception_for_another_package_or_for_nothing_fails() -> None:
    whole = report([FLAW], alpha="1.0", beta="2.0")
    other = [Exemption("CVE-1", "beta", "Not reachable.", TODAY)]
    assert judge(whole, PINS, other, TODAY).status == FOUND
    clean = report([], alpha="1.0", beta="2.0")
    assert judge(clean, PINS, allowed(TODAY), TODAY).status == FOUND


def test_the_exceptions_are_complete() -> None:
    for one in exemptions(EXCEPTIONS.read_text(encoding="utf-8")):
        assert one.package in pinned()
        assert len(one.reason) > 20
    with pytest.raises(TypeError):
        exemptions('[[exception]]\nid = "CVE-1"\npackage = "alpha"\nexpires = 2027-01-01\n')


def test_the_command_says_that_nobody_answered(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(audit, "reports", lambda: iter([{}, {}]))
    assert audit.main() == NOT_AUDITED
    assert f"0 of {len(pinned())} packages audited." in capsys.readouterr().out


def part(name: str, version: str) -> dict[str, Any]:
    ref = f"{name}=={version}"
    return {"bom-ref": ref, "name": name, "version": version, "type": "library"}


def whole_bill(pins: dict[str, str]) -> dict[str, Any]:
    parts = [part(name, version) for name, version in pins.items()] + [part("pytest", "9.0")]
    links = [{"ref": one["bom-ref"], "dependsOn": [parts[-1]["bom-ref"]]} for one in parts]
    first = {"$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json", "bomFormat": "CycloneDX"}
    return first | {"specVersion": "1.6", "version": 1, "components": parts, "dependencies": links}


def test_the_bill_lists_what_is_pinned_and_no_tool(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(sbom, "environment", lambda: whole_bill(pinned()))
    sbom.main(tmp_path / "bill.json")
    text = (tmp_path / "bill.json").read_text()
    assert JsonStrictValidator(sbom.VERSION).validate_str(text) is None
    assert "pytest" not in text
    assert text.count('"bom-ref"') == len(pinned()) + 1


def test_a_bill_of_another_environment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sbom, "environment", lambda: whole_bill(pinned() | {"torch": "2.0+cpu"}))
    with pytest.raises(ValueError, match=r"constraints\.txt pins: torch"):
        sbom.bill_of_materials()
