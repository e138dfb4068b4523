"""Read-only admin pages of policies, reviews, checks, findings and re-reviews.

The pages of transition requests are in console/requests/.
"""

from __future__ import annotations

from django.contrib import admin

from approvals.models import CheckEvidence, CheckKey, CheckRun, CommentRevision, ExternalResult, Review
from approvals.models.oversight import Finding, PostReview, ReReview
from audit.admin import ReadOnlyAdmin
from policies.models import Policy, PolicyProposal, PolicyReview, PolicyRevision


@admin.register(Policy)
class PolicyAdmin(ReadOnlyAdmin):
    """Read-only list of the policies."""

    list_display = ["name", "target", "models_pattern", "is_active"]
    list_filter = ["target", "is_active"]
    search_fields = ["name"]


@admin.register(PolicyRevision)
class PolicyRevisionAdmin(ReadOnlyAdmin):
    """Read-only list of the published policy revisions, newest first."""

    list_display = ["policy", "number", "published_by", "published_at", "digest"]
    list_select_related = ["policy"]
    ordering = ["-id"]


@admin.register(PolicyProposal)
class PolicyProposalAdmin(ReadOnlyAdmin):
    """Read-only list of the policy proposals, newest first."""

    list_display = ["name", "kind", "state", "proposer", "opened_at", "closed_at"]
    list_filter = ["state", "kind"]
    list_select_related = ["proposer"]
    search_fields = ["name", "proposer__username"]
    ordering = ["-id"]


@admin.register(PolicyReview)
class PolicyReviewAdmin(ReadOnlyAdmin):
    """Read-only list of the reviews of policy proposals, newest first."""

    list_display = ["proposal", "reviewer", "decision", "given_at"]
    list_filter = ["decision"]
    list_select_related = ["proposal", "reviewer"]
    ordering = ["-id"]


@admin.register(Review)
class ReviewAdmin(ReadOnlyAdmin):
    """Read-only list of the reviews of transition requests, newest first."""

    list_display = ["request", "reviewer", "decision", "given_at"]
    list_filter = ["decision"]
    list_select_related = ["request__version__model", "reviewer"]
    search_fields = ["reviewer__username", "comment"]
    ordering = ["-id"]


@admin.register(CommentRevision)
class CommentRevisionAdmin(ReadOnlyAdmin):
    """Read-only list of the earlier texts of edited comments, newest first."""

    list_display = ["comment", "replaced_at"]
    list_select_related = ["comment"]
    ordering = ["-id"]


@admin.register(CheckRun)
class CheckRunAdmin(ReadOnlyAdmin):
    """Read-only list of the check jobs, newest first."""

    list_display = ["request", "rule", "check_code", "state", "attempts", "worker", "queued_at", "finished_at"]
    list_filter = ["state", "check_code"]
    list_select_related = ["request__version__model"]
    ordering = ["-id"]


@admin.register(CheckEvidence)
class CheckEvidenceAdmin(ReadOnlyAdmin):
    """Read-only list of the evidence files of check jobs, newest first."""

    list_display = ["check_run", "name", "size", "sha256", "stored_at"]
    list_select_related = ["check_run"]
    ordering = ["-id"]


@admin.register(CheckKey)
class CheckKeyAdmin(ReadOnlyAdmin):
    """Read-only list of the keys that sign results of external checks, by name."""

    list_display = ["name", "public_key", "added_by", "added_at", "revoked_by", "revoked_at"]
    ordering = ["name"]


@admin.register(ExternalResult)
class ExternalResultAdmin(ReadOnlyAdmin):
    """Read-only list of the signed results of external checks, newest first."""

    list_display = ["check_run", "key", "posted_by", "posted_at", "nonce"]
    list_select_related = ["check_run", "key"]
    ordering = ["-id"]


@admin.register(Finding)
class FindingAdmin(ReadOnlyAdmin):
    """Read-only list of the findings, newest first."""

    list_display = ["model", "version", "severity", "title", "state", "owner", "due_at", "opened_by", "opened_at"]
    list_filter = ["state", "severity", "origin"]
    list_select_related = ["model", "version__model", "owner"]
    search_fields = ["model__name", "title"]
    ordering = ["-id"]


@admin.register(PostReview)
class PostReviewAdmin(ReadOnlyAdmin):
    """Read-only list of the post-reviews of break-glass requests, newest first."""

    list_display = ["request", "requester", "broken_at", "due_at", "outcome", "completed_by", "completed_at"]
    list_select_related = ["request__version__model", "requester", "completed_by"]
    ordering = ["-id"]


@admin.register(ReReview)
class ReReviewAdmin(ReadOnlyAdmin):
    """Read-only list of the re-reviews of versions, newest first."""

    list_display = ["version", "reviewer", "given_at", "due_at"]
    list_select_related = ["version__model", "reviewer"]
    ordering = ["-id"]
