"""Compiled queries for instances: the same instances as the ORM's, with related rows, in one statement."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.db.models import BigIntegerField, TextField
from django.db.transaction import TransactionManagementError
from pytest_django import DjangoAssertNumQueries

from accounts.models import User
from core.orm.compiled_models import CompiledModels
from core.orm.compiled_queries import Slot
from policies.models import Policy, PolicyRevision
from registry.locks import lock_model
from registry.models import ModelVersion, RegisteredModel

OF_MODEL = CompiledModels(
    lambda: (
        ModelVersion.objects.filter(model__name=Slot("name", TextField()))
        .select_related("model", "superseded_by")
        .order_by("-version")
    )
)


@pytest.fixture
def versions(ada: User) -> list[ModelVersion]:
    """Two versions of fraud, the first superseded by the second, and one of another model."""
    fraud, churn = (
        RegisteredModel.objects.create(name=name, name_key=name, created_by=ada.username, created_ms=1, updated_ms=2)
        for name in ("fraud", "churn")
    )
    fields = {"source": "s3://b", "created_by": ada.username, "created_ms": 3, "updated_ms": 4}
    second = ModelVersion.objects.create(
        model=fraud, version=2, approval_basis={"request": 1}, staged_at="2026-01-02T03:04:05Z", **fields
    )
    superseded = {"superseded_by": second, "superseded_at": "2026-01-02T03:04:05Z"}
    first = ModelVersion.objects.create(model=fraud, version=1, **superseded, **fields)
    return [second, first, ModelVersion.objects.create(model=churn, version=1, **fields)]


def columns(row: ModelVersion | RegisteredModel) -> dict[str, object]:
    return {field.attname: getattr(row, field.attname) for field in row._meta.concrete_fields}


def test_instances_are_those_of_the_orm(
    versions: list[ModelVersion], django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    expected = list(ModelVersion.objects.filter(pk__in=[versions[0].pk, versions[1].pk]).order_by("-version"))
    for _ in range(2):  # the second time with the statement of the first
        with django_assert_num_queries(1):
            found = OF_MODEL.all(name="fraud")
            related = [(row.model.name, row.superseded_by) for row in found]
        assert [columns(row) for row in found] == [columns(row) for row in expected]
        assert related == [("fraud", None), ("fraud", expected[0])]
    assert [row.model.name for row in OF_MODEL.all(name="churn")] == ["churn"]
    assert columns(OF_MODEL.all(name="fraud")[0].model) == columns(versions[0].model)


def test_an_instance_can_be_saved(versions: list[ModelVersion]) -> None:
    row = OF_MODEL.first(name="fraud")
    assert row is not None
    row.description = "changed"
    row.save(update_fields=["description"])
    assert ModelVersion.objects.get(pk=versions[0].pk).description == "changed"


@pytest.mark.usefixtures("versions")
def test_first_of_nothing_is_none() -> None:
    assert OF_MODEL.first(name="fraud' OR '1'='1") is None


def test_a_value_is_needed_for_each_slot(versions: list[ModelVersion]) -> None:
    with pytest.raises(KeyError):
        OF_MODEL.all()
    assert len(OF_MODEL.all(name=versions[0].model.name)) == 2


@pytest.mark.django_db
def test_prefetching_is_refused() -> None:
    query = CompiledModels(lambda: RegisteredModel.objects.prefetch_related("versions"))
    with pytest.raises(ValueError, match="select_related only"):
        query.all()


def test_json_and_rows_of_another_app(ada: User) -> None:
    policy = Policy.objects.create(name="p")
    revision = PolicyRevision.objects.create(
        policy=policy, number=1, body={"rules": [1, None]}, digest="d", published_by=ada.username
    )
    query = CompiledModels(lambda: PolicyRevision.objects.filter(pk=Slot("pk", BigIntegerField())))
    found = query.first(pk=revision.pk)
    assert found is not None
    assert found.body == {"rules": [1, None]}
    assert found.published_at == PolicyRevision.objects.get(pk=revision.pk).published_at


@pytest.mark.django_db(transaction=True)
def test_a_lock_needs_a_transaction_each_time() -> None:
    with transaction.atomic(), pytest.raises(RegisteredModel.DoesNotExist):
        lock_model(1)
    with pytest.raises(TransactionManagementError):
        lock_model(1)
