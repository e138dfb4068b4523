"""The fixtures of a governed registry, and an auditor who asks about it."""

from __future__ import annotations

import pytest

from accounts.models import User
from audit.subjects import AUDITORS
from core.actors import Actor
from tests.approvals.publishing import person
from tests.conftest import Acting


@pytest.fixture
def auditor(db: None, acting: Acting) -> Actor:
    return acting(person("otto", AUDITORS))


@pytest.fixture
def by_cy(cy: User, acting: Acting) -> Actor:
    return acting(cy)
