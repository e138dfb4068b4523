"""Transition requests in the admin: the list, the page of one, and the dialogs that decide.

They live here and not in approvals because a page belongs to the highest layer whose data it shows. The rows themselves are
read-only; deciding and withdrawing go through the services, as at every other door.
"""

from __future__ import annotations

from typing import Any, TypedDict

from django import forms
from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.decorators import action

from accounts.authentication import actor_from_request
from approvals.models import Decision, TransitionRequest
from approvals.requests.lifecycle import withdraw_request
from approvals.requests.override import override_rule, withdraw_override
from approvals.requests.review import decide_request
from audit.admin import ReadOnlyAdmin
from console.requests.forms import (
    ApproveForm,
    ChangesForm,
    DecisionForm,
    OverrideForm,
    RejectForm,
    TakeBackForm,
    WithdrawForm,
)
from console.requests.views.requests import request_detail
from console.shell.pages import denied_message, go_to
from console.templatetags.custody import ago, badge
from core.errors import DomainError
from policies.request_kinds import RequestKind
from registry.permissions import visible_versions


class Dialog(TypedDict):
    """What unfold draws around a form; ``tone`` colours the button."""

    title: str
    description: str
    form_class: type[forms.Form]
    form_submit_text: str
    tone: str


APPROVE = Dialog(
    title="Approve this request",
    description="When nothing else is missing the version moves at once.",
    form_class=ApproveForm,
    form_submit_text="Approve",
    tone="is-ok",
)
CHANGES = Dialog(
    title="Ask for changes",
    description="The request stays open and waits until the version has changed, or until you decide again.",
    form_class=ChangesForm,
    form_submit_text="Ask for changes",
    tone="is-primary",
)
REJECT = Dialog(
    title="Reject this request",
    description="The request is closed. The requester reads your comment and can ask again after mending it.",
    form_class=RejectForm,
    form_submit_text="Reject",
    tone="is-bad",
)
OVERRIDE_RULE = Dialog(
    title="Override this rule",
    description="The rule no longer stands in the way of this request, as it is now, until the override is taken back.",
    form_class=OverrideForm,
    form_submit_text="Override",
    tone="is-bad",
)
TAKE_BACK = Dialog(
    title="Take this override back",
    description="The rule stands in the way again. A request that was approved on it is closed.",
    form_class=TakeBackForm,
    form_submit_text="Take back",
    tone="is-bad",
)
WITHDRAW = Dialog(
    title="Withdraw this request",
    description="It is closed without a decision.",
    form_class=WithdrawForm,
    form_submit_text="Withdraw",
    tone="is-bad",
)


class TransitionRequestAdmin(ReadOnlyAdmin):
    """Everybody sees the requests of the models they may see."""

    list_display = ["subject", "target_stage", "shown_state", "requester", "opened", "closed"]
    list_display_links = ["subject"]
    list_filter = ["state", "target"]
    list_select_related = ["version__model", "requester"]
    search_fields = ["version__model__name", "requester__username"]
    ordering = ["-opened_at", "-pk"]
    actions_detail = ["approve", "changes", "reject", "override", "take_back", "withdraw"]

    def has_module_permission(self, request: HttpRequest) -> bool:
        return admin.site.has_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: TransitionRequest | None = None) -> bool:
        return admin.site.has_permission(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet[TransitionRequest]:
        rows: QuerySet[TransitionRequest] = super().get_queryset(request)
        return rows.filter(version__in=visible_versions(actor_from_request(request)))

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        """Show the request's page instead of a form of its columns."""
        return request_detail(request, object_id)

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        response: HttpResponse = super().changelist_view(
            request, {"title": "Requests", "crumbs": [], **(extra_context or {})}
        )
        return response

    @admin.display(description="Request")
    def subject(self, row: TransitionRequest) -> str:
        return f"#{row.pk} {row.version}"

    @admin.display(description="To", ordering="target")
    def target_stage(self, row: TransitionRequest) -> SafeString:
        return badge("stage", row.target)

    @admin.display(description="State", ordering="state")
    def shown_state(self, row: TransitionRequest) -> SafeString:
        kind = format_html(" {}", badge("request_kind", row.kind)) if row.kind != RequestKind.PROMOTION else ""
        return format_html("{}{}", badge("request", row.state), kind)

    @admin.display(description="Asked", ordering="opened_at")
    def opened(self, row: TransitionRequest) -> SafeString | str:
        return ago(row.opened_at)

    @admin.display(description="Closed", ordering="closed_at")
    def closed(self, row: TransitionRequest) -> SafeString | str:
        return ago(row.closed_at)

    @action(description="Approve", permissions=["view"], url_path="approve", icon="thumb_up", dialog=APPROVE)  # type: ignore[untyped-decorator]  # unfold has no types
    def approve(self, request: HttpRequest, form: DecisionForm, object_id: str) -> HttpResponse:
        return self._decide(request, form, APPROVE, Decision.APPROVE)

    @action(description="Reject", permissions=["view"], url_path="reject", icon="thumb_down", dialog=REJECT)  # type: ignore[untyped-decorator]  # unfold has no types
    def reject(self, request: HttpRequest, form: DecisionForm, object_id: str) -> HttpResponse:
        return self._decide(request, form, REJECT, Decision.REJECT)

    @action(description="Ask for changes", permissions=["view"], url_path="changes", icon="edit_note", dialog=CHANGES)  # type: ignore[untyped-decorator]  # unfold has no types
    def changes(self, request: HttpRequest, form: DecisionForm, object_id: str) -> HttpResponse:
        return self._decide(request, form, CHANGES, Decision.REQUEST_CHANGES)

    @action(
        description="Override a rule", permissions=["view"], url_path="override", icon="gavel", dialog=OVERRIDE_RULE
    )  # type: ignore[untyped-decorator]  # unfold has no types
    def override(self, request: HttpRequest, form: OverrideForm, object_id: str) -> HttpResponse:
        actor, given = actor_from_request(request), form.cleaned_data
        try:
            override_rule(
                actor=actor,
                request_id=form.subject.pk,
                rule=given["rule"],
                reason=given["comment"],
                seen_digest=given["seen_digest"],
                signature=form.signature(),
            )
        except DomainError as error:
            return _again(request, OVERRIDE_RULE, form, denied_message(actor, error))
        messages.success(request, f"The rule {given['rule']} of request #{form.subject.pk} is overridden.")
        return go_to(request, _page_of(form.subject))

    @action(
        description="Take an override back", permissions=["view"], url_path="take-back", icon="undo", dialog=TAKE_BACK
    )  # type: ignore[untyped-decorator]  # unfold has no types
    def take_back(self, request: HttpRequest, form: TakeBackForm, object_id: str) -> HttpResponse:
        actor, given = actor_from_request(request), form.cleaned_data
        try:
            row = withdraw_override(
                actor=actor, request_id=form.subject.pk, override_id=given["override"], reason=given["comment"]
            )
        except DomainError as error:
            return _again(request, TAKE_BACK, form, denied_message(actor, error))
        messages.success(request, f"The override of {row.rule} of request #{form.subject.pk} is taken back.")
        return go_to(request, _page_of(form.subject))

    @action(description="Withdraw", permissions=["view"], url_path="withdraw", icon="undo", dialog=WITHDRAW)  # type: ignore[untyped-decorator]  # unfold has no types
    def withdraw(self, request: HttpRequest, form: WithdrawForm, object_id: str) -> HttpResponse:
        actor = actor_from_request(request)
        try:
            withdraw_request(actor=actor, request_id=form.subject.pk, comment=form.cleaned_data["comment"])
        except DomainError as error:
            return _again(request, WITHDRAW, form, denied_message(actor, error))
        messages.success(request, f"Request #{form.subject.pk} is withdrawn.")
        return go_to(request, _page_of(form.subject))

    def _decide(self, request: HttpRequest, form: DecisionForm, dialog: Dialog, decision: Decision) -> HttpResponse:
        actor, given = actor_from_request(request), form.cleaned_data
        try:
            decide_request(
                actor=actor,
                request_id=form.subject.pk,
                decision=decision.value,
                comment=given["comment"],
                seen_digest=given["seen_digest"],
                signature=form.signature(),
            )
        except DomainError as error:
            return _again(request, dialog, form, denied_message(actor, error))
        messages.success(request, f"Your decision on request #{form.subject.pk} is recorded.")
        return go_to(request, _page_of(form.subject))


def _page_of(row: TransitionRequest) -> str:
    return reverse("admin:approvals_transitionrequest_change", args=[row.pk])


def _again(request: HttpRequest, dialog: Dialog, form: forms.Form, message: str) -> HttpResponse:
    """Show the dialog again with the service's refusal on it."""
    form.add_error(None, message)
    context = {"dialog": dialog, "form": form, "form_submit_text": dialog["form_submit_text"]}
    return render(request, "unfold/helpers/dialog.html", context)
