"""Confirmation of a person before they sign: by the password, or by signing in again at a provider."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast
from urllib.parse import urlencode

from django import forms
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html

from accounts.identity_proofs import find_proof
from accounts.local_passwords import has_local_password
from accounts.models import IdentityProof, User

_SESSION_KEY = "identity_proofs"
_MOST = 10


@dataclass(frozen=True, slots=True)
class IdentityCheck:
    """The means to confirm a person: the password, or a page for that, and the proof that they have from it."""

    by_password: bool
    url: str = ""
    secret: str = ""
    proof: IdentityProof | None = None

    def field(self) -> forms.CharField:
        """Return a field of a form that shows the proof, or where to get one. Nothing can be entered into it."""
        if self.proof is not None:
            state = f"Confirmed at {self.proof.proved_at:%H:%M} UTC"
            help_text = "You signed in again at your identity provider. Go on within five minutes."
        else:
            state = "Not confirmed"
            link = '<a class="c-link" href="{}">Confirm who you are</a> first. You sign in again and come back here.'
            help_text = format_html(link, self.url)
        return forms.CharField(label="Your identity", initial=state, disabled=True, required=False, help_text=help_text)


def identity_check(request: HttpRequest, *, purpose: str, back_to: str) -> IdentityCheck:
    """Return the means to confirm the person for a purpose. ``back_to`` is where they go after a provider."""
    user = cast("User", request.user)
    if has_local_password(user):
        return IdentityCheck(by_password=True)
    query = urlencode({"purpose": purpose, "next": back_to})
    secret = str(_secrets(request).get(purpose, ""))
    proof = find_proof(user, secret) if secret else None
    url = f"{reverse('console:confirm_identity')}?{query}"
    return IdentityCheck(by_password=False, url=url, secret=secret if proof is not None else "", proof=proof)


def remember_proof(request: HttpRequest, purpose: str, secret: str) -> None:
    """Keep the secret of a proof in the browser's session, with the newest of those for other purposes."""
    others = {each: value for each, value in _secrets(request).items() if each != purpose}
    newest = list(others.items())[-_MOST + 1 :]
    request.session[_SESSION_KEY] = {**dict(newest), purpose: secret}


def _secrets(request: HttpRequest) -> dict[str, str]:
    return cast("dict[str, str]", request.session.get(_SESSION_KEY) or {})
