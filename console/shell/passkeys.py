"""The part of a form that signs with a passkey; static/custody/passkeys.js asks the browser for the signature."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from django import forms
from django.http import JsonResponse

from accounts.passkeys.assertions import Challenge, PasskeyAnswer
from console.shell.forms import ConsoleForm
from console.shell.pages import denied_message
from core.actors import Actor
from core.errors import DomainError

_TOKEN, _ANSWER, _CHOICE = "passkey_token", "passkey_answer", "use_passkey"


@dataclass(frozen=True, slots=True)
class PasskeyPart:
    """The part of a form that signs: the address of its challenge, whether it is needed, whether the person has one."""

    address: str
    is_needed: bool
    has_one: bool


class _UnfilledInput(forms.HiddenInput):
    """A hidden field that the server never fills: an answer of a passkey is good for one submission."""

    def get_context(self, name: str, value: Any, attrs: dict[str, Any] | None) -> dict[str, Any]:  # noqa: ARG002 - Django's signature
        """Return the context without the value."""
        return super().get_context(name, None, attrs)


class SigningForm(ConsoleForm):
    """A form that can be signed with a passkey. ``passkey`` is its part for that, None where nothing is offered."""

    passkey: PasskeyPart | None = None

    def offer_passkey(self, part: PasskeyPart) -> None:
        """Add the fields of the passkey: where it is needed, or where the person has one."""
        if not (part.is_needed or part.has_one):
            return
        self.passkey = part
        if not part.is_needed:
            self.fields[_CHOICE] = forms.BooleanField(
                label="Sign with my passkey",
                required=False,
                help_text="Anybody can then verify that you decided, without trusting this server.",
            )
        for name in (_TOKEN, _ANSWER):
            self.fields[name] = forms.CharField(required=False, max_length=20_000, widget=_UnfilledInput)
        self.style_fields()

    def passkey_answer(self) -> PasskeyAnswer | None:
        """Return the answer of the passkey, None where the form was not signed."""
        token, answer = self.cleaned_data.get(_TOKEN, ""), self.cleaned_data.get(_ANSWER, "")
        return PasskeyAnswer(token=token, answer=answer) if token and answer else None


def challenge_response(actor: Actor, prepare: Callable[[], Challenge]) -> JsonResponse:
    """Return a challenge for the script as JSON; a refusal as its text under `problem`, with status 400."""
    try:
        challenge = prepare()
    except DomainError as error:
        return JsonResponse({"problem": denied_message(actor, error)}, status=HTTPStatus.BAD_REQUEST)
    return JsonResponse({"token": challenge.token, "options": challenge.options})
