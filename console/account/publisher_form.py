"""The form that adds a trusted publisher of a service account."""

from __future__ import annotations

from django import forms
from django.conf import settings

from accounts.workload.rules import DEFAULT_SCOPES
from console.account.forms import TokenForm
from console.shell.forms import ConsoleForm


class PublisherForm(ConsoleForm):
    """Add a trusted publisher. The claims are lines of the form `claim=value`."""

    name = forms.CharField(label="Name", max_length=100, help_text="Such as “release workflow of acme/fraud”.")
    issuer = forms.ChoiceField(label="Issuer", choices=lambda: [(url, url) for url in settings.TRUSTED_ISSUERS])
    audience = forms.CharField(
        label="Audience",
        max_length=200,
        help_text="The audience that the job asks for. Use the address of this server.",
    )
    claims = forms.CharField(
        label="Claims",
        max_length=4000,
        widget=forms.Textarea(attrs={"rows": 5, "spellcheck": "false"}),
        help_text="One claim=value a line, such as repository_id=123 and ref=refs/heads/main. Only ref may have a *.",
    )
    scopes = forms.MultipleChoiceField(
        label="Scopes",
        choices=TokenForm.base_fields["scopes"].choices,  # type: ignore[attr-defined]  # of a choice field
        initial=DEFAULT_SCOPES,
        widget=forms.CheckboxSelectMultiple,
    )
    single_use = forms.BooleanField(
        label="Exchange each identity token once",
        required=False,
        initial=True,
        help_text="Off for Kubernetes: a pod has the same identity token for up to an hour.",
    )

    def clean_claims(self) -> dict[str, str]:
        """Return the claims by name. Raises ValidationError for a line without a value, and for a claim given twice."""
        claims: dict[str, str] = {}
        for line in self.cleaned_data["claims"].splitlines():
            name, equals, value = (part.strip() for part in line.partition("="))
            if not line.strip():
                continue
            if not equals or name in claims:
                raise forms.ValidationError(
                    f"Write one claim=value a line, each claim once. This line is {line[:100]!r}."
                )
            claims[name] = value
        return claims
