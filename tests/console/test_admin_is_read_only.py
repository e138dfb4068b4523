"""The admin is no door round the gate: what is governed cannot be added, changed or deleted there, by anybody."""

import pytest
from django.contrib import admin
from django.contrib.auth.models import Group
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext

from accounts.models import User
from approvals.models import TransitionRequest
from audit.admin import FirstRowsPaginator
from registry.models import ModelVersion
from tests.approvals.conftest import NewVersion
from tests.console.conftest import Asked, SignedIn, text_of

WRITABLE = {User, Group}
admin.autodiscover()
READ_ONLY = sorted((model for model in admin.site._registry if model not in WRITABLE), key=lambda model: model.__name__)


@pytest.mark.parametrize("model", READ_ONLY, ids=lambda model: model.__name__)
def test_nobody_adds_changes_or_deletes_rows(model: type, ops: User, rf: RequestFactory) -> None:
    request = rf.get("/")
    request.user = ops
    options = admin.site._registry[model]
    assert not options.has_add_permission(request)
    assert not options.has_change_permission(request)
    assert not options.has_delete_permission(request)
    assert not options.get_actions(request)


@pytest.mark.parametrize("model", READ_ONLY, ids=lambda model: model.__name__)
def test_every_table_can_be_read(model: type, ops: User, signed_in: SignedIn, asked: Asked) -> None:
    asked()
    client = signed_in(ops)
    where = f"/admin/{model._meta.app_label}/{model._meta.model_name}/"  # type: ignore[attr-defined]  # every model has it
    assert client.get(where).status_code == 200
    row = model.objects.first()  # type: ignore[attr-defined]  # every model has it
    if row is not None:
        assert client.get(f"{where}{row.pk}/change/", follow=True).status_code in {200, 404}


def test_a_large_table_ends_after_its_first_rows_and_says_so(
    ops: User, signed_in: SignedIn, asked: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked()
    client = signed_in(ops)
    assert "This list ends" not in text_of(client.get("/admin/audit/event/"))
    monkeypatch.setattr(FirstRowsPaginator, "most_rows", 3)
    answer = client.get("/admin/audit/event/")
    assert "This list ends after 3 rows." in text_of(answer)
    assert answer.context["cl"].result_count == 3


def test_events_are_filtered_without_reading_all_for_the_choices(ops: User, signed_in: SignedIn, asked: Asked) -> None:
    asked()
    client = signed_in(ops)
    with CaptureQueriesContext(connection) as queries:
        answer = client.get("/admin/audit/event/", {"action": "tracking.metric.logged", "outcome": "ok"})
    rows = answer.context["cl"].result_list
    assert {(row.action, row.outcome) for row in rows} == {("tracking.metric.logged", "ok")}
    assert not [query["sql"] for query in queries if "DISTINCT" in query["sql"]]
    denied = client.get("/admin/audit/event/", {"outcome": "denied"}).context["cl"].result_list
    assert {row.outcome for row in denied} <= {"denied"}


def test_posting_an_admin_form_changes_nothing(asked: Asked, ops: User, signed_in: SignedIn) -> None:
    request = asked()
    client = signed_in(ops)
    forms = {
        f"/admin/registry/modelversion/{request.version_id}/change/": {"stage": "Production", "is_current": "on"},
        f"/admin/approvals/transitionrequest/{request.pk}/change/": {"state": "approved"},
        f"/admin/registry/modelversion/{request.version_id}/delete/": {"post": "yes"},
        "/admin/registry/alias/add/": {"name": "champion"},
    }
    assert {client.post(url, form).status_code for url, form in forms.items()} <= {403, 405}
    assert ModelVersion.objects.get().stage == "None"
    assert TransitionRequest.objects.get().state == "open"


@pytest.mark.parametrize(
    "url", ["/admin/registry/modelversion/", "/admin/audit/event/", "/admin/accounts/user/", "/records/"]
)
def test_tables_are_for_superusers(url: str, bea: User, signed_in: SignedIn) -> None:
    assert signed_in(bea).get(url).status_code in {302, 403, 404}


def test_a_refusal_has_the_layout_of_the_pages(bea: User, new_version: NewVersion, client: Client) -> None:
    client.force_login(bea)
    assert "You are not allowed to open this page" in text_of(client.get("/admin/accounts/user/"))
