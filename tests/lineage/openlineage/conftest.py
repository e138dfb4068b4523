"""The bearer token of ada for tests that send OpenLineage events over HTTP."""

from __future__ import annotations

from datetime import timedelta

import pytest

from accounts.models import User
from accounts.services import issue_token
from core.actors import Actor


@pytest.fixture
def bearer(ada: User, by_ada: Actor) -> dict[str, str]:
    return {"Authorization": f"Bearer {issue_token(actor=by_ada, user=ada, expires_in=timedelta(hours=1))[1]}"}
