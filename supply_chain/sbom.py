"""Writes what the lab is made of as a CycloneDX bill of materials: `make sbom`.

It is read from the environment that runs this, and holds what requirements.txt brings, no tools.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.utils import canonicalize_name
from packaging.version import Version

from supply_chain.closure import ROOT, pinned

FILE = ROOT / "sbom.cdx.json"
VERSION = SchemaVersion.V1_6


def environment() -> dict[str, Any]:
    """Describe everything that is installed, tools as well."""
    command = [sys.executable, "-m", "cyclonedx_py", "environment", "--output-reproducible"]
    command += ["--spec-version", "1.6", "--output-format", "JSON", sys.executable]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    whole: dict[str, Any] = json.loads(done.stdout)
    return whole


def only(names: set[str], whole: dict[str, Any]) -> dict[str, Any]:
    """Keep the packages of these names, and how they depend on each other."""
    parts = [part for part in whole["components"] if canonicalize_name(part["name"]) in names]
    kept = {part["bom-ref"] for part in parts}
    links = [
        {"ref": link["ref"], "dependsOn": [ref for ref in link.get("dependsOn", []) if ref in kept]}
        for link in whole.get("dependencies", [])
        if link["ref"] in kept
    ]
    app = {"type": "application", "bom-ref": "nndl-lab", "name": "nndl-lab"}
    metadata = {**whole.get("metadata", {}), "component": app}
    return {**whole, "metadata": metadata, "components": parts, "dependencies": links}


def versions(bill: dict[str, Any]) -> dict[str, str]:
    """Return name and version of each package in a bill, as constraints.txt would write them."""
    return {
        str(canonicalize_name(part["name"])): Version(part["version"]).public
        for part in bill["components"]
    }


def bill_of_materials() -> str:
    """Return the bill as JSON; raise ValueError unless it lists exactly what is pinned, validly."""
    pins = pinned()
    bill = only(set(pins), environment())
    if (listed := versions(bill)) != pins:
        different = sorted(dict(listed.items() ^ pins.items()))
        raise ValueError(f"Installed is not what constraints.txt pins: {', '.join(different)}.")
    text = json.dumps(bill, indent=1, sort_keys=True) + "\n"
    if wrong := JsonStrictValidator(VERSION).validate_str(text):
        raise ValueError(f"The bill of materials is not valid: {wrong}")
    return text


def main(to: Path = FILE) -> None:
    """Write the file and say how many packages it lists."""
    text = bill_of_materials()
    to.write_text(text, encoding="utf-8")
    print(f"{to.name}: {len(json.loads(text)['components'])} packages.")


if __name__ == "__main__":
    main()
