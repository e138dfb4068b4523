"""Nothing answers without a login except what is named here."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.urls import reverse as url_for
from django.utils.regex_helper import normalize

from audit.models import Event

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
# What anybody may read: probes, which protocol is spoken, and the way in.
PUBLIC = {
    "/healthz",
    "/health",
    "/version",
    "/admin/login/",
    "/admin/logout/",
    "/api/v1/tokens/exchange",  # the identity token in its body is the credential
}
PUBLIC_ENDINGS = ("/mlflow/server-info",)
# Values that between them fit every converter in use.
_VALUES = ("1", "00000000-0000-0000-0000-000000000001", "run:1")


def leaves(patterns: list[URLPattern | URLResolver], prefix: str = "") -> Iterator[str]:
    """Yield the full regular expression of every route."""
    for pattern in patterns:
        expression = prefix + pattern.pattern.regex.pattern.removeprefix("^").replace("\\Z", "")
        if isinstance(pattern, URLResolver):
            yield from leaves(pattern.url_patterns, expression)
        else:
            yield expression


def examples() -> list[str]:
    """Return a path for every route there is."""
    found = set()
    for expression in leaves(get_resolver().url_patterns):
        for template, names in normalize(expression):
            for value in _VALUES:
                path = "/" + str(template) % dict.fromkeys(names, value)
                if _resolves(path):
                    found.add(path)
                    break
    return sorted(found)


def _resolves(path: str) -> bool:
    try:
        get_resolver().resolve(path)
    except Exception as error:
        if type(error).__name__ == "Resolver404":
            return False
        raise
    return True


def is_public(path: str) -> bool:
    return path in PUBLIC or path.endswith(PUBLIC_ENDINGS)


@pytest.mark.django_db
@pytest.mark.parametrize("path", [path for path in examples() if not is_public(path)])
def test_without_a_login_a_route_tells_nothing(path: str, client: Client) -> None:
    for method in METHODS:
        answer = client.generic(method, path)
        assert answer.status_code in {301, 302, 401, 404, 405}, f"{method} {path} answers {answer.status_code}"
        if answer.status_code in {301, 302}:
            target = answer["Location"].partition("?")[0]
            assert target.startswith((url_for(settings.LOGIN_URL), "/admin/")), f"{method} {path} leads to {target}"
        assert not Event.objects.filter(outcome="ok").exists(), f"{method} {path} did something"


@pytest.mark.django_db
@pytest.mark.parametrize("path", [path for path in examples() if is_public(path)])
def test_a_public_route_answers(path: str, client: Client) -> None:
    assert client.get(path).status_code in {200, 302, 405}


def test_every_route_has_an_example() -> None:
    assert len(examples()) >= 40
