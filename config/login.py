"""Signing in: every active person may, not only Django's "staff". Service accounts have tokens and no pages."""

from __future__ import annotations

from typing import Any, ClassVar

from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from unfold.forms import AuthenticationForm as StyledForm


class SignInForm(StyledForm):  # type: ignore[misc]  # unfold has no types
    """Unfold's form without the condition that the user be staff."""

    error_messages: ClassVar[dict[str, str]] = {
        **AuthenticationForm.error_messages,
        "invalid_login": "This user name and password do not belong together. Both are case-sensitive.",
    }

    def confirm_login_allowed(self, user: Any) -> None:
        """Refuse who may not sign in: people who left, and service accounts."""
        AuthenticationForm.confirm_login_allowed(self, user)
        if user.is_service:
            raise ValidationError("Service accounts use API tokens; they cannot sign in.", code="service")
