"""The names of a dataset on its page, and the dialog that separates two of them."""

from __future__ import annotations

from accounts.models import User
from core.actors import Actor
from lineage.models import SeparatedDatasets
from lineage.openlineage.inbox import receive_event
from tests.console.conftest import SignedIn, text_of
from tests.lineage.openlineage.events import version_urn
from tests.lineage.openlineage.test_other_names import LAKE, LINKED, REASON, TABLE, WRITTEN

PAGE = f"/datasets/version/?node={version_urn('orders', 'v1')}"
DIALOG = f"/datasets/separate/?dataset={TABLE}&other={LAKE}"


def test_a_reviewer_separates_names_on_the_page(by_ada: Actor, ada: User, bea: User, signed_in: SignedIn) -> None:
    for data in (LINKED, WRITTEN):
        receive_event(actor=by_ada, data=data)
    page = text_of(signed_in(ada).get(PAGE))
    assert "Names that mean this dataset" in page
    assert "as s3://lake/orders" in page
    assert "Separate names" not in page
    client = signed_in(bea)
    assert "Separate names" in text_of(client.get(PAGE))
    assert "no longer joined" in text_of(client.get(DIALOG))
    assert client.post(DIALOG, {"reason": ""}).status_code == 400
    assert not SeparatedDatasets.objects.exists()
    assert client.post(DIALOG, {"reason": REASON}).status_code == 302
    assert "Names that mean this dataset" not in text_of(client.get(PAGE))


def test_an_unknown_dataset_is_not_found(bea: User, signed_in: SignedIn) -> None:
    assert signed_in(bea).get("/datasets/separate/?dataset=dataset:x&other=dataset:y").status_code == 404
