"""Serializers of requests, reviews, overrides and policies in /api/v1. Times are ISO 8601 in UTC."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from approvals.api.passkeys import PasskeyAnswerSerializer
from approvals.case.loading import Case
from approvals.models import (
    MAX_COMMENT,
    CheckRun,
    Decision,
    Override,
    OverrideWithdrawal,
    RequestState,
    Review,
    TransitionRequest,
)
from approvals.requests.refusals import request_url
from approvals.requests.signatures import Signature
from approvals.verdict.evaluation import RuleVerdict
from core.rest import PeriodQuery
from policies.models import PolicyRevision


class RuleSerializer(serializers.Serializer[RuleVerdict]):
    """One rule of a verdict."""

    rule = serializers.CharField()
    kind = serializers.CharField()
    level = serializers.CharField()
    status = serializers.CharField()
    title = serializers.CharField()
    why = serializers.CharField()
    who_can_resolve = serializers.CharField()
    since = serializers.DateTimeField(allow_null=True)
    progress = serializers.IntegerField(allow_null=True)
    check_run = serializers.IntegerField(allow_null=True, source="check_run_id")


class RequestSerializer(serializers.Serializer[TransitionRequest]):
    """A transition request. ``context["cases"]`` holds the cases of the live requests, by id."""

    id = serializers.IntegerField()
    model = serializers.CharField(source="version.model.name")
    version = serializers.IntegerField(source="version.version")
    source = serializers.CharField()  # type: ignore[assignment]  # the wire name
    target = serializers.CharField()
    kind = serializers.CharField(help_text="promotion, rollback or break_glass.")
    archive_existing = serializers.BooleanField()
    requester = serializers.CharField(source="requester.username")
    comment = serializers.CharField()
    state = serializers.CharField()
    state_reason = serializers.CharField()
    policy = serializers.CharField(source="policy_revision.__str__")
    subject_digest = serializers.SerializerMethodField(
        help_text="Digest of the state that a review given now would cover."
    )
    opened_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField()
    apply_after = serializers.DateTimeField(allow_null=True)
    closed_at = serializers.DateTimeField(allow_null=True)
    url = serializers.SerializerMethodField(help_text="The page for people.")
    verdict = serializers.SerializerMethodField(help_text="approved, pending, blocked or rejected; null once closed.")
    blocked_by = serializers.SerializerMethodField(help_text="The blockers, one for each thing that is missing.")

    def _case(self, request: TransitionRequest) -> Case | None:
        case: Case | None = self.context["cases"].get(request.pk)
        return case

    def get_subject_digest(self, request: TransitionRequest) -> str:
        """Return the subject digest of the present state; for a closed request, the one it was closed with."""
        case = self._case(request)
        return case.snapshot.subject_digest if case else request.subject_digest

    def get_url(self, request: TransitionRequest) -> str:
        """Return the URL of the request's page."""
        return request_url(request.pk, self.context.get("base_url", ""))

    def get_verdict(self, request: TransitionRequest) -> str | None:
        """Return the state of the verdict, or None for a closed request."""
        case = self._case(request)
        return case.verdict.state.value if case else None

    def get_blocked_by(self, request: TransitionRequest) -> list[dict[str, Any]]:
        """Return a blocker for each thing that is missing; an empty list for a closed request."""
        case = self._case(request)
        return [dict(item) for item in case.verdict.blocked_by()] if case else []


class ConditionSerializer(serializers.Serializer[Any]):
    """A condition of an approval. It becomes a finding when the request is applied.

    The finding blocks promotions from ``due_at`` on. The approval ends at ``expires_at``.
    """

    text = serializers.CharField(max_length=2000)
    owner = serializers.CharField(max_length=150, help_text="Username of the person who has to meet it.")
    due_at = serializers.DateTimeField()
    expires_at = serializers.DateTimeField(default=None, allow_null=True)


class ReviewConditionSerializer(ConditionSerializer):
    """A condition that a reviewer has set, and whether it has expired."""

    owner = serializers.CharField(source="owner.username")
    expired_at = serializers.DateTimeField(
        allow_null=True, help_text="When the condition expired and the version left the target; null before."
    )


class ReviewSerializer(serializers.Serializer[Review]):
    """A review of a request. It covers the request only while ``subject_digest`` is that of the request."""

    id = serializers.IntegerField()
    reviewer = serializers.CharField(source="reviewer.username")
    decision = serializers.CharField()
    comment = serializers.CharField()
    subject_digest = serializers.CharField()
    on_behalf_of = serializers.CharField(
        source="on_behalf_of.username",
        default=None,
        allow_null=True,
        help_text="The person who delegated their review rights.",
    )
    meaning = serializers.CharField(help_text="What the electronic signature means; empty: not signed.")
    printed_name = serializers.CharField()
    signed_at = serializers.DateTimeField(allow_null=True)
    passkey = serializers.CharField(
        source="passkey_signature.passkey.name",
        default=None,
        allow_null=True,
        help_text="Name of the passkey that signed it.",
    )
    given_at = serializers.DateTimeField()
    conditions = ReviewConditionSerializer(many=True, source="conditions.all")


class WithdrawalSerializer(serializers.Serializer[OverrideWithdrawal]):
    """The withdrawal of an override, with its reason."""

    withdrawn_by = serializers.CharField(source="withdrawn_by.username")
    reason = serializers.CharField()
    withdrawn_at = serializers.DateTimeField()


class OverrideSerializer(serializers.Serializer[Override]):
    """An override of a soft rule for one subject digest. ``withdrawal`` is null until it is withdrawn."""

    id = serializers.IntegerField()
    rule = serializers.CharField()
    given_by = serializers.CharField(source="given_by.username")
    reason = serializers.CharField()
    subject_digest = serializers.CharField()
    meaning = serializers.CharField()
    printed_name = serializers.CharField()
    signed_at = serializers.DateTimeField(allow_null=True)
    passkey = serializers.CharField(
        source="passkey_signature.passkey.name",
        default=None,
        allow_null=True,
        help_text="Name of the passkey that signed it.",
    )
    given_at = serializers.DateTimeField()
    withdrawal = WithdrawalSerializer(source="withdrawn", allow_null=True)


class CheckRunSerializer(serializers.Serializer[CheckRun]):
    """A validation job. ``context["evidence"]`` holds the evidence that the reader may see, by id of the job."""

    id = serializers.IntegerField()
    rule = serializers.CharField()
    check_code = serializers.CharField()
    state = serializers.CharField()
    progress = serializers.IntegerField()
    summary = serializers.CharField()
    evidence = serializers.SerializerMethodField(
        help_text="Without data that you may not see; `hidden_from_you` says how many there are."
    )
    evidence_digest = serializers.CharField()
    inputs_digest = serializers.CharField()
    attempts = serializers.IntegerField()
    author = serializers.CharField(help_text="Who posted the result of an external check.")
    queued_at = serializers.DateTimeField()
    started_at = serializers.DateTimeField(allow_null=True)
    finished_at = serializers.DateTimeField(allow_null=True)

    @extend_schema_field(serializers.JSONField(allow_null=True))
    def get_evidence(self, job: CheckRun) -> Any:
        """Return the evidence without the names of hidden data."""
        return self.context["evidence"][job.pk]


class RequestDetailSerializer(RequestSerializer):
    """A transition request with its verdict, checks, reviews and overrides; no rules once it is closed."""

    rules = RuleSerializer(many=True)
    checks = CheckRunSerializer(many=True)
    reviews = ReviewSerializer(many=True)
    overrides = OverrideSerializer(many=True)


class PolicySerializer(serializers.Serializer[PolicyRevision]):
    """A revision of a policy that is in force."""

    name = serializers.CharField(source="policy.name")
    target = serializers.CharField(source="policy.target")
    models = serializers.CharField(source="policy.models_pattern")
    revision = serializers.IntegerField(source="number")
    digest = serializers.CharField()
    published_by = serializers.CharField()
    published_at = serializers.DateTimeField()
    body = serializers.JSONField()


_TARGET = (
    "Staging, Production, or an alias such as @champion. -champion removes the alias. None and Archived are targets of "
    "the current Production version only."
)


class OpenSerializer(serializers.Serializer[Any]):
    """Body of a call that opens a transition request."""

    model = serializers.CharField(max_length=256, trim_whitespace=False)
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    target = serializers.CharField(max_length=256, help_text=_TARGET)
    archive_existing = serializers.BooleanField(default=False)
    comment = serializers.CharField(default="", allow_blank=True, max_length=MAX_COMMENT)
    apply_after = serializers.DateTimeField(
        default=None, allow_null=True, help_text="Apply the request not before this time."
    )


class WithdrawSerializer(serializers.Serializer[Any]):
    """Body of a withdrawal: the reason."""

    comment = serializers.CharField(default="", allow_blank=True, max_length=MAX_COMMENT)


class ReasonSerializer(serializers.Serializer[Any]):
    """Body of a call that sets the reason of a request."""

    reason = serializers.CharField(max_length=MAX_COMMENT)


class SignatureSerializer(serializers.Serializer[Any]):
    """The signatures of a decision: password and meaning, and the answer of a passkey, each as the policy asks."""

    passkey = PasskeyAnswerSerializer(default=None, write_only=True)
    password = serializers.CharField(max_length=4096, required=False, trim_whitespace=False, write_only=True)
    meaning = serializers.CharField(max_length=200, required=False, write_only=True)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Replace `password` and `meaning` by `signature`, None without them. Raises ValidationError for one alone."""
        password, meaning = attrs.pop("password", None), attrs.pop("meaning", None)
        if (password is None) != (meaning is None):
            raise serializers.ValidationError("A signature needs both a password and a meaning.")
        signature = Signature(password=password, meaning=meaning) if password is not None else None
        return attrs | {"signature": signature}


class DecideSerializer(SignatureSerializer):
    """Body of a review: the decision, the comment, and the subject digest that was seen."""

    decision = serializers.ChoiceField(choices=Decision.values)
    comment = serializers.CharField(max_length=MAX_COMMENT)
    seen_digest = serializers.CharField(default="", allow_blank=True, max_length=64)
    conditions = ConditionSerializer(many=True, default=list)


class GiveOverrideSerializer(SignatureSerializer):
    """Body of an override."""

    rule = serializers.CharField(max_length=110)
    reason = serializers.CharField(max_length=MAX_COMMENT)
    seen_digest = serializers.CharField(max_length=64)


class WithdrawOverrideSerializer(serializers.Serializer[Any]):
    """Body of the withdrawal of an override: the reason."""

    reason = serializers.CharField(max_length=MAX_COMMENT)


class ListSerializer(PeriodQuery):
    """Query parameters of a list of requests; ``since`` and ``until`` are about when they were opened."""

    state = serializers.ChoiceField(choices=["live", *RequestState.values], required=False, default="")
    model = serializers.CharField(default="", allow_blank=True, max_length=256, trim_whitespace=False)
    version = serializers.IntegerField(required=False, min_value=1, max_value=2**31 - 1)
    target = serializers.CharField(required=False, max_length=256)
    requester = serializers.CharField(required=False, max_length=150, help_text="Username of who asked.")
    reviewer = serializers.CharField(required=False, max_length=150, help_text="Username of somebody who reviewed it.")
