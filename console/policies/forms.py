"""Forms of policies: drafts, dry runs, replays, and decisions on proposals."""

from __future__ import annotations

from django import forms

from approvals.policy_changes.replay import MAX_REQUESTS
from console.shell.forms import ConsoleForm, text_area
from core.ids import MAX_ROW_ID
from policies.documents import MAX_BYTES


class DraftForm(ConsoleForm):
    """A policy as text, and why it changes."""

    yaml = forms.CharField(
        label="Policy in YAML",
        max_length=MAX_BYTES,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 26, "class": "c-input c-code", "spellcheck": "false", "wrap": "off"}),
    )
    comment = text_area("Why this change?", "Reviewers of the proposal read this first.", required=False)


class TrialForm(ConsoleForm):
    """The version for which a dry run judges a draft."""

    model = forms.CharField(
        label="Model", max_length=256, strip=False, widget=forms.TextInput(attrs={"list": "models"})
    )
    version = forms.IntegerField(label="Version", min_value=1, max_value=2**31 - 1)
    run_checks = forms.BooleanField(label="Run quick checks that have no result yet", required=False, initial=True)


class ReplayForm(forms.Form):
    """The position and the counts of a running replay."""

    before = forms.IntegerField(required=False, min_value=1, max_value=MAX_ROW_ID)
    examined = forms.IntegerField(required=False, min_value=0, max_value=MAX_REQUESTS)
    same = forms.IntegerField(required=False, min_value=0, max_value=MAX_REQUESTS)
    would_block = forms.IntegerField(required=False, min_value=0, max_value=MAX_REQUESTS)
    would_pass = forms.IntegerField(required=False, min_value=0, max_value=MAX_REQUESTS)
    unknown = forms.IntegerField(required=False, min_value=0, max_value=MAX_REQUESTS)


class OptionalCommentForm(ConsoleForm):
    """Retire a policy or withdraw a proposal; a reason is optional."""

    comment = text_area("Why?", required=False)


class ProposalDecisionForm(ConsoleForm):
    """A decision on a proposal. ``seen_digest`` identifies its content as the page showed it."""

    comment = text_area(
        "Comment", "Kept for good with your name. Say what convinced you, or what has to change.", rows=4
    )
    seen_digest = forms.CharField(widget=forms.HiddenInput, max_length=64, required=False)
