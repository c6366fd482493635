"""The compose file and the proxy keep what the operations page promises."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
TEXT = (ROOT / "compose.yaml").read_text(encoding="utf-8")
COMPOSE: dict[str, Any] = yaml.safe_load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
PROXY = (ROOT / "deploy" / "haproxy.cfg").read_text(encoding="utf-8")
APPS = ("lab", "lab-postgresql", "replica")


@pytest.mark.parametrize("service", SERVICES.values(), ids=list(SERVICES))
def test_every_service_is_locked_down(service: dict[str, Any]) -> None:
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["pids_limit"] > 0
    assert service["ulimits"]["nofile"]["soft"] >= 8192
    assert re.fullmatch(r"\d+m", service["mem_limit"])
    assert ":" in service["image"]
    assert "privileged" not in service
    assert "cap_add" not in service


def test_one_container_needs_no_setting_and_no_other_service() -> None:
    assert [name for name, service in SERVICES.items() if "profiles" not in service] == ["lab"]
    assert "depends_on" not in SERVICES["lab"]
    assert SERVICES["lab"]["volumes"] == ["data:/data"]


def test_no_secret_has_a_default() -> None:
    for name in ("POSTGRES_PASSWORD", "NNDL_COOKIE_SECRET"):
        uses = re.findall(r"\$\{" + name + r"[^}]*\}", TEXT + PROXY)
        assert set(uses) <= {f"${{{name}}}", f"${{{name}:-}}"}
        assert uses


@pytest.mark.parametrize("name", [*APPS, "postgresql"])
def test_what_needs_no_root_has_none(name: str) -> None:
    uid, _, _ = SERVICES[name]["user"].partition(":")
    assert int(uid) > 0


def test_only_the_doors_are_open_and_the_database_has_no_way_out() -> None:
    doors = [name for name, service in SERVICES.items() if "ports" in service]
    assert doors == ["lab", "lab-postgresql", "proxy"]
    assert COMPOSE["networks"]["inner"]["internal"] is True
    assert SERVICES["postgresql"]["networks"] == SERVICES["replica"]["networks"] == ["inner"]


def test_replicas_share_a_secret_a_database_and_their_number() -> None:
    replica = SERVICES["replica"]
    assert replica["deploy"]["replicas"] == replica["environment"]["NNDL_REPLICAS"]
    assert replica["environment"]["STREAMLIT_SERVER_COOKIE_SECRET"] == "${NNDL_COOKIE_SECRET:-}"
    database = SERVICES["lab-postgresql"]["environment"]["NNDL_DATABASE"]
    assert replica["environment"]["NNDL_DATABASE"] == database


def test_the_proxy_finds_the_replicas_and_keeps_a_browser_with_its_own() -> None:
    assert re.search(r"server-template replica 1-8 replica:8501 resolvers network", PROXY)
    assert re.search(r"^\s+cookie SRV insert .*\bdynamic\b", PROXY, re.MULTILINE)
    assert re.search(r"^\s+balance leastconn$", PROXY, re.MULTILINE)
    hours = re.search(r"^\s+timeout tunnel (\d+)h$", PROXY, re.MULTILINE)
    assert hours is not None
    assert int(hours[1]) >= 1
    assert "balance source" not in PROXY
