"""The sign-in form: every active person may sign in; service accounts may not."""

from __future__ import annotations

import json

from django import forms
from django.conf import settings
from django.contrib.auth.forms import AuthenticationForm

from accounts.models import User
from accounts.passkeys.assertions import Challenge
from accounts.second_factor.passkeys import has_passkey, sign_in_challenge
from accounts.second_factor.verification import accept_code, app_of
from accounts.signin import claim_sign_in, note_sign_in_facts, record_wrong_factor, return_sign_in


class SignInForm(AuthenticationForm):
    """Username and password. Too many wrong passwords lock the username for a while."""

    code = forms.CharField(
        label="Code of your authenticator app",
        required=False,
        max_length=40,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code"}),
        help_text="Only if you have added one. A recovery code works too, once.",
    )
    # What the passkey of a person has to sign whose password was right.
    challenge: Challenge | None = None
    error_messages = {
        "code": "The password is right. Enter it again with the code that your authenticator app shows now.",
        "passkey": "The password is right. Now use your passkey.",
        "either": "The password is right. Use your passkey, or begin again and enter the code of your app as well.",
        "invalid_login": "The username or the password is wrong. Both are case-sensitive.",
        "inactive": "This account is disabled. Ask an administrator.",
        "locked": "Too many wrong passwords for this username. Try again in fifteen minutes.",
        "off": "Passwords are switched off on this server. Sign in with one of the buttons.",
        "service": "This is a service account. Service accounts use API tokens and cannot sign in.",
    }

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # Django's own arguments, passed through
        for field in self.fields.values():
            field.widget.attrs["class"] = "c-input"

    @property
    def passkey_options(self) -> str:
        """Return the options of the challenge for the browser, as JSON."""
        return json.dumps(self.challenge.options) if self.challenge else ""

    def clean(self) -> dict[str, object]:
        """Check the password. After too many failed attempts, refuse without checking it. Raises ValidationError."""
        if not settings.LOCAL_PASSWORDS:
            raise forms.ValidationError(self.error_messages["off"], code="off")
        name = self.cleaned_data.get("username") or ""
        if not claim_sign_in(name, self.request):
            raise forms.ValidationError(self.error_messages["locked"], code="locked")
        cleaned: dict[str, object] = super().clean()
        self._check_second_factor()
        return_sign_in(name, self.request)
        return cleaned

    def _check_second_factor(self) -> None:
        """Refuse a person with an authenticator app without a code that is valid now, and one with a passkey until it
        has signed (`challenge`). Raises ValidationError.
        """
        user = self.get_user()
        if user is None:
            return
        code, has_app = self.cleaned_data.get("code") or "", app_of(user.pk) is not None
        if has_app and (factor := accept_code(user, code)):
            note_sign_in_facts(self.request, second_factor=factor)
            return
        if has_app and code:
            reason = "the code of the second factor is wrong"
            record_wrong_factor(request=self.request, username=user.username, reason=reason)
        if has_passkey(user):
            self.challenge = sign_in_challenge(user)
            raise forms.ValidationError(self.error_messages["either" if has_app else "passkey"], code="passkey")
        if has_app:
            raise forms.ValidationError(self.error_messages["code"], code="code")

    def confirm_login_allowed(self, user: User) -> None:
        """Refuse disabled accounts and service accounts."""
        super().confirm_login_allowed(user)
        if user.is_service:
            raise forms.ValidationError(self.error_messages["service"], code="service")
