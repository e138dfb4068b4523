"""The one way a stage comes without an approval: by a superuser, and only while nothing but the import happened."""

from __future__ import annotations

import pytest
from django.db import transaction
from django.utils import timezone

from accounts.models import User
from approvals.policy_changes.publish import ensure_default_policies
from approvals.requests.transition import request_transition
from audit.models import Event
from core.actors import system_actor
from core.errors import Conflict, Denied, GateRefused, InvalidState
from registry.models import ModelVersion, RegisteredModel
from registry.services.imports import ImportedVersion, import_version
from registry.services.inventory import mark_retired
from registry.services.models import create_model, update_model
from registry.services.stages import import_stages
from registry.stages import Stage
from tests.conftest import Acting
from tests.importing.conftest import Bring
from tests.importing.old_database import OldDatabase


@pytest.fixture
def model(bring: Bring) -> RegisteredModel:
    bring()
    return RegisteredModel.objects.get(name="fraud")


def keep(actor_of: Acting, user: User, model: RegisteredModel, old: OldDatabase) -> list[int]:
    stages = {2: Stage.PRODUCTION, 4: Stage.PRODUCTION}
    return import_stages(actor=actor_of(user), model=model, stages=stages, origin=f"sqlite:///{old.path}")


def assert_nothing_moved() -> None:
    assert set(ModelVersion.objects.values_list("stage", flat=True)) == {"None"}
    assert not Event.objects.filter(action="registry.stage.imported", outcome="ok").exists()


def test_a_superuser_may(model: RegisteredModel, old: OldDatabase, ops: User, acting: Acting) -> None:
    assert keep(acting, ops, model, old) == [2, 4]
    assert ModelVersion.objects.get(is_current=True).version == 4


def test_nobody_else_may(model: RegisteredModel, old: OldDatabase, ada: User, acting: Acting) -> None:
    with pytest.raises(Denied, match="only a superuser"):
        keep(acting, ada, model, old)
    assert_nothing_moved()


def test_not_twice(model: RegisteredModel, old: OldDatabase, ops: User, acting: Acting) -> None:
    keep(acting, ops, model, old)
    with pytest.raises(Conflict, match="since its import"):
        keep(acting, ops, model, old)


def test_not_for_a_model_of_ours(model: RegisteredModel, old: OldDatabase, ops: User, acting: Acting) -> None:
    mine = create_model(actor=acting(ops), name="mine")
    with pytest.raises(Conflict, match="was not imported"):
        keep(acting, ops, mine, old)
    with pytest.raises(Conflict, match="was not imported"):
        import_stages(actor=acting(ops), model=model, stages={4: Stage.PRODUCTION}, origin="http://elsewhere")
    assert_nothing_moved()


def test_not_after_an_edit(model: RegisteredModel, old: OldDatabase, ops: User, ada: User, acting: Acting) -> None:
    update_model(actor=acting(ada), name="fraud", description="ours now")
    with pytest.raises(Conflict, match="ada has changed fraud"):
        keep(acting, ops, model, old)
    assert_nothing_moved()


def test_not_once_somebody_asked_for_an_approval(
    model: RegisteredModel, old: OldDatabase, ops: User, ada: User, acting: Acting
) -> None:
    ensure_default_policies(actor=system_actor("test"))
    with pytest.raises(GateRefused):
        request_transition(
            actor=acting(ada), name="fraud", version=4, target=Stage.PRODUCTION, archive_existing=False, wait_seconds=0
        )
    with pytest.raises(Conflict, match="since its import"):
        keep(acting, ops, model, old)
    assert_nothing_moved()


def test_a_retired_model_takes_no_imported_version(
    model: RegisteredModel, old: OldDatabase, ops: User, acting: Acting
) -> None:
    with transaction.atomic():
        mark_retired(model=model, at=timezone.now())
    version = ImportedVersion(
        name="fraud", version=99, source="s3://bucket/x", run_id="", description="", run_link="", user_id="",
        created_ms=1, updated_ms=1,
    )  # fmt: skip
    with pytest.raises(InvalidState, match="fraud is retired"):
        import_version(actor=acting(ops), old=version, origin=f"sqlite:///{old.path}")
    assert not ModelVersion.objects.filter(version=99).exists()
