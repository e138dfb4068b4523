from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from accounts.models import User
from approvals.models import Delegation
from approvals.requests.delegate import create_delegation
from tests.conftest import Acting
from tests.console.conftest import SignedIn, text_of

URL = "/account/delegations/"


def test_a_delegation_is_given_and_revoked(bea: User, cy: User, signed_in: SignedIn) -> None:
    client, ends = signed_in(bea), (timezone.now() + timedelta(days=5)).date().isoformat()
    client.post(URL, {"delegate": "cy", "models_pattern": "fraud*", "ends_on": ends, "reason": "Holiday."})
    row = Delegation.objects.get()
    assert (row.delegator, row.delegate, row.models_pattern) == (bea, cy, "fraud*")
    assert "Holiday." in text_of(client.get(URL))
    assert "Holiday." in text_of(signed_in(cy).get(URL))
    client.post(f"{URL}{row.pk}/revoke/")
    row.refresh_from_db()
    assert row.revoked_at is not None


@pytest.mark.parametrize("data", [{"delegate": "nobody"}, {"ends_on": "2099-01-01"}, {"reason": ""}, {"ends_on": "x"}])
def test_an_invalid_delegation_is_an_error_of_the_form(
    data: dict[str, str], bea: User, cy: User, signed_in: SignedIn
) -> None:
    ends = (timezone.now() + timedelta(days=5)).date().isoformat()
    good = {"delegate": "cy", "models_pattern": "*", "ends_on": ends, "reason": "Holiday."}
    page = text_of(signed_in(bea).post(URL, good | data))
    assert 'role="alert"' in page
    assert not Delegation.objects.exists()


def test_only_the_delegator_revokes(bea: User, cy: User, acting: Acting, signed_in: SignedIn) -> None:
    row = create_delegation(
        actor=acting(bea), delegate="cy", ends_at=timezone.now() + timedelta(days=1), reason="Holiday."
    )
    assert signed_in(cy).post(f"{URL}{row.pk}/revoke/").status_code == 404
    assert signed_in(bea).get(f"{URL}{row.pk}/revoke/").status_code == 405
    row.refresh_from_db()
    assert row.revoked_at is None


def test_more_delegations_cost_no_more_queries(
    bea: User, cy: User, ops: User, acting: Acting, signed_in: SignedIn
) -> None:
    client = signed_in(bea)
    later = timezone.now() + timedelta(days=1)
    create_delegation(actor=acting(bea), delegate="cy", ends_at=later, reason="Holiday.")
    client.get(URL)
    with CaptureQueriesContext(connection) as first:
        client.get(URL)
    create_delegation(actor=acting(bea), delegate="ops", ends_at=later, reason="Holiday.")
    with CaptureQueriesContext(connection) as more:
        client.get(URL)
    assert len(more) == len(first)
