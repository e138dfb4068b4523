"""Signing in: every active person may, staff or not; service accounts have no pages."""

from __future__ import annotations

from django import forms
from django.contrib.auth.forms import AuthenticationForm

from accounts.models import User
from accounts.signin import is_held_off


class SignInForm(AuthenticationForm):
    """Name and password, in the console's dress."""

    error_messages = {
        "invalid_login": "That name and password do not go together. Both are case-sensitive.",
        "inactive": "This account is switched off. Ask whoever runs this server.",
        "held_off": "Too many wrong passwords for that name. Wait fifteen minutes.",
        "service": "This is a service account. It uses API tokens and cannot sign in.",
    }

    def __init__(self, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)  # type: ignore[arg-type]  # Django's own arguments, passed through
        for field in self.fields.values():
            field.widget.attrs["class"] = "c-input"

    def clean(self) -> dict[str, object]:
        """Refuse before the password is looked at where too many tries have failed."""
        if is_held_off(self.cleaned_data.get("username") or "", self.request):
            raise forms.ValidationError(self.error_messages["held_off"], code="held_off")
        return super().clean()

    def confirm_login_allowed(self, user: User) -> None:
        super().confirm_login_allowed(user)
        if user.is_service:
            raise forms.ValidationError(self.error_messages["service"], code="service")
