"""The lists in settings are checked at the start."""

from __future__ import annotations

import pytest
from django.core.checks import run_checks
from pytest_django import Settings


@pytest.mark.parametrize(
    ("path", "code"), [("registry.nowhere.subject", "E001"), ("nothing", "E001"), ("audit.services.SCHEMA", "E002")]
)
@pytest.mark.parametrize(("setting", "app"), [("AUDIT_SUBJECTS", "audit"), ("LINEAGE_VISIBILITY", "lineage")])
def test_a_path_that_is_not_there_stops_the_start(
    settings: Settings, setting: str, app: str, path: str, code: str
) -> None:
    setattr(settings, setting, [path])
    assert f"{app}.{code}" in [problem.id for problem in run_checks()]


@pytest.mark.parametrize(
    ("witnesses", "quorum", "code"),
    [
        (["ftp://host/"], 0, "E004"),
        (["https://host/without-a-key"], 0, "E004"),
        (["s3://bucket?weeks=3"], 0, "E004"),
        (["tsa+https://host/"], 0, "E004"),
        (["file:///kept"], 2, "E005"),
    ],
)
def test_a_witness_that_cannot_be_one_stops_the_start(
    settings: Settings, witnesses: list[str], quorum: int, code: str
) -> None:
    settings.WITNESSES, settings.WITNESS_QUORUM = witnesses, quorum
    assert f"audit.{code}" in [problem.id for problem in run_checks()]


@pytest.mark.parametrize(
    ("addresses", "refused"), [(["syslog://host", "https://host/x?format=cef"], 0), (["ftp://x"], 1)]
)
def test_a_siem_that_cannot_be_one_stops_the_start(settings: Settings, addresses: list[str], refused: int) -> None:
    settings.SIEM = addresses
    assert [problem.id for problem in run_checks()].count("audit.E006") == refused


def test_witnesses_of_every_kind_are_taken(settings: Settings) -> None:
    settings.WITNESSES = [
        "file:///kept",
        "s3://bucket/some/prefix?days=30",
        "tsa+https://host/tsr#/roots.pem",
        "hook+https://host/kept",
    ]
    settings.WITNESS_QUORUM = 4
    assert [problem.id for problem in run_checks() if problem.id in ("audit.E004", "audit.E005")] == []
