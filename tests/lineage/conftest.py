"""The actor that the tests of lineage write as."""

from __future__ import annotations

import pytest

from accounts.models import User
from core.actors import Actor
from tests.conftest import Acting


@pytest.fixture
def by_ada(ada: User, acting: Acting) -> Actor:
    return acting(ada)
