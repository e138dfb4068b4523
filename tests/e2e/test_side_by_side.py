"""The same requests to a real `mlflow server` 3.17.2 and to an installation: what a client would notice is the same.

Where Custody means to answer otherwise, the request says so (`but`, twins/asked.py), and docs/migrating.md tells why.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.installation import Installation
from tests.e2e.twins.asked import areas, requests_of
from tests.e2e.twins.twins import Side, Twins
from tests.importing.mlflow_server import mlflow_server

pytestmark = [pytest.mark.e2e, pytest.mark.long]


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory, migrated: Path | None) -> Iterator[tuple[Side, Side]]:
    folder = tmp_path_factory.mktemp("twins")
    ours = Installation(folder / "data", environment={"CUSTODY_DEFAULT_POLICIES": "off"}, migrated=migrated)
    options = ("--artifacts-destination", str(folder / "theirs"))
    with mlflow_server(f"sqlite:///{folder / 'mlflow.db'}", folder, *options) as url, ours:
        yield Side(url), Side(ours.url, {"Authorization": f"Bearer {ours.token('admin')}"})


def test_a_client_notices_no_difference(sides: tuple[Side, Side]) -> None:
    """The areas are asked in their order: each may see what an earlier one has made."""
    differences: dict[str, list[str]] = {}
    for area in areas():
        both = Twins(*sides)
        for asked in requests_of(area):
            both.ask(asked)
        if both.differences:
            differences[area] = both.differences
    assert differences == {}, "\n".join(itertools.chain.from_iterable(differences.values()))
