"""Every page and admin page against hostile addresses, queries and forms: an answer, never a 5xx, on both databases."""

from __future__ import annotations

import os
import random
from collections import Counter
from urllib.parse import quote, urlencode

import pytest
from django.contrib.admin import site
from django.test import Client
from django.urls import get_resolver
from django.utils.regex_helper import normalize

from accounts.models import User
from approvals.models import TransitionRequest
from core.actors import Actor
from registry.models import ModelVersion
from tests.approvals.conftest import NewVersion, _own_store, by_ada, new_version, serving
from tests.approvals.governed import ask, publish
from tests.architecture.test_routes import leaves

__all__ = ["_own_store", "by_ada", "new_version", "serving"]  # fixtures

SEED = int(os.environ.get("FUZZ_SEED", "20261129"))
ROUNDS = int(os.environ.get("FUZZ_ROUNDS", "300"))
LONG_ROUNDS = int(os.environ.get("FUZZ_ROUNDS", "30000"))

VALUES = (
    *(
        "",
        "0",
        "1",
        "-1",
        "1.5",
        "fuzzed",
        "fuzzed/1",
        "fraud",
        "fraud/1",
        "model:fraud",
        "run:1",
        "None",
        "null",
        "true",
        "all",
    ),
    *(str(2**31), str(2**63), str(2**64), str(10**30), "-" + "9" * 40, "9" * 5000, "1e999", "nan", "\u0663", "\uff11"),
    *("\x00", "a\x00b", "\ud7ff\ufffe", "\u202e", "é" * 5000, "x" * 9000, "'", '"', "%", "%00", "../..", "{{7*7}}"),
    *("id", "pk", "password", "__in", "user__password", "2026-13-40", "0001-01-01", "9999-12-31T23:59:59Z"),
)
# What the fixtures make, for addresses outside of the admin.
EXISTING = ["fraud", "1", "2", "0", f"{1:032x}", "ops", "model-version:fraud/1", "Production", "edit"]
NAMES = (
    *(
        "_to_field",
        "_popup",
        "_changelist_filters",
        "o",
        "p",
        "q",
        "e",
        "all",
        "ot",
        "page",
        "sort",
        "order_by",
        "query",
    ),
    *("id", "id__exact", "pk__in", "is_superuser__exact", "date_joined__year", "groups__id__exact", "username__regex"),
    *("model", "version", "state", "stage", "run", "runs", "experiment", "node", "direction", "picked", "kind", "text"),
    *("actor", "action", "outcome", "since", "until", "cursor", "stream", "object", "tab", "rule", "override", "next"),
    *("from", "against", "revision", "format", "metric", "filter", "order", "limit", "offset", "severity", "owner"),
)
FORM_NAMES = (
    *NAMES,
    "username",
    "password",
    "name",
    "value",
    "comment",
    "reason",
    "csrfmiddlewaretoken",
    "_save",
    "groups",
)


def templates() -> list[tuple[str, list[str]]]:
    """Return the address of every page with the names of its variables.

    Routes of the APIs have fuzz tests of their own.
    """
    found: list[tuple[str, list[str]]] = [("", [])]
    for expression in leaves(get_resolver().url_patterns):
        for template, names in normalize(expression):
            # What Django cannot turn round is empty: expressions with a choice, which only APIs have.
            if template and not str(template).startswith(("api/", "ajax-api/", "v1/")) and "logout" not in template:
                found.append((str(template), names))
    return sorted(found)


def ids_by_address(admin: str = "admin/") -> dict[str, list[str]]:
    """Return what exists: for each address of the admin that takes an id, ids of rows of its model."""
    return {
        f"{admin}{model._meta.app_label}/{model._meta.model_name}/": [
            str(key) for key in model._default_manager.values_list("pk", flat=True)[:3]
        ]
        for model in site._registry
    }


def path_of(template: str, names: list[str], existing: dict[str, list[str]], rng: random.Random) -> str:
    """Return a path with values that exist every other time."""
    known = next((ids for start, ids in existing.items() if template.startswith(start)), EXISTING)
    pool = known if known and rng.random() < 0.5 else VALUES
    return "/" + template % {name: quote(rng.choice(pool)[:300] or "x") for name in names}


def fuzz(client: Client, ops: User, rounds: int) -> None:
    """Send hostile requests and collect those that the server failed on."""
    rng = random.Random(SEED)  # noqa: S311 - a fixed sequence, to repeat a failure
    of_admin = [page for page in templates() if page[0].startswith("admin/")]
    pages = (of_admin, [page for page in templates() if page not in of_admin])
    failed, answered = [], Counter[int]()
    client.raise_request_exception = False
    for number in range(rounds):
        if number % 100 == 0:  # what was sent may have closed the account, or made it one like any other
            ops.save()
            client.force_login(ops)
            existing = ids_by_address()
        template, names = rng.choice(pages[number % 2])
        path = path_of(template, names, existing, rng)
        query = urlencode({name: rng.choice(VALUES) for name in rng.sample(NAMES, rng.randrange(4))})
        if rng.random() < 0.7:
            answer = client.get(f"{path}?{query}")
        else:
            form = {name: rng.choice(VALUES) for name in rng.sample(FORM_NAMES, rng.randrange(5))}
            answer = client.post(f"{path}?{query}", form)
        for close in answer._resource_closers:  # type: ignore[attr-defined]  # of files; `close` would close the database, too
            close()
        answered[answer.status_code] += 1
        if answer.status_code >= 500:
            error = repr(getattr(answer, "exc_info", None))[:300]
            failed.append((answer.status_code, answer.request["REQUEST_METHOD"], path[:200], query[:200], error))
    print(dict(answered))  # noqa: T201 - shown by `pytest -s`
    assert failed == []
    assert answered[200] > rounds // 10, "most requests were turned away before anything read them"


@pytest.fixture
def signed_in(client: Client, ops: User, serving: ModelVersion, request_: TransitionRequest) -> Client:
    """Ops' client, with a model that has a version in Production and a request for the next."""
    client.force_login(ops)
    return client


@pytest.fixture
def request_(serving: ModelVersion, new_version: NewVersion, by_ada: Actor) -> TransitionRequest:
    publish("Production")
    return ask(by_ada, new_version())


def test_no_page_fails(signed_in: Client, ops: User) -> None:
    fuzz(signed_in, ops, ROUNDS)


@pytest.mark.long
@pytest.mark.timeout(7200)
def test_no_page_fails_in_many_tries(signed_in: Client, ops: User) -> None:
    fuzz(signed_in, ops, LONG_ROUNDS)


@pytest.mark.parametrize(
    "path",
    [
        f"/policies/{10**30}/edit/",
        "/admin/accounts/user/%00/change/",
        "/admin/accounts/user/?_to_field=password",
        "/admin/accounts/user/1/change/?_to_field=nothing",
        "/admin/accounts/user/1/change/?_to_field=",
        "/admin/policies/policyreview/1/delete/?_to_field=",
        "/admin/approvals/transitionrequest/%00/change/",
        f"/admin/accounts/user/{10**30}/change/",
    ],
)
def test_known_failures_are_answered(signed_in: Client, path: str) -> None:
    signed_in.raise_request_exception = False
    assert signed_in.get(path).status_code < 500
