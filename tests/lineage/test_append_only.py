"""Edges and their witnesses are written once; an edge leaves the graph only when it has been kept as retracted."""

from __future__ import annotations

import pytest
from django.db import Error, connection, transaction

from accounts.models import User
from lineage.models import Assertion, Edge
from tests.conftest import Acting
from tests.lineage.facts import record_consumed


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE lineage_edge SET role = 'x'",
        "DELETE FROM lineage_edge",
        "UPDATE lineage_assertion SET source = 'x'",
        "DELETE FROM lineage_assertion",
        "UPDATE lineage_edgeassertion SET edge_id = 0",
        "DELETE FROM lineage_edgeassertion",
    ],
)
def test_the_database_refuses(ada: User, acting: Acting, sql: str) -> None:
    record_consumed(actor=acting(ada), run_id="r1", dataset="orders", version="1", role="train")
    with pytest.raises(Error, match=r"append-only|not kept"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)
    assert (Edge.objects.get().role, Assertion.objects.get().source) == ("train", "run:r1")
