"""Comments on a version: adding, editing and deleting them. The text before an edit is kept."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone

from accounts.models import User
from approvals.models import ApprovalComment, CommentRevision
from approvals.permissions.refusal import deny_if
from approvals.permissions.requests import (
    refusal_to_add_comment,
    refusal_to_delete_comment,
    refusal_to_edit_comment,
)
from audit.actions import Action
from audit.services import record
from audit.texts.owners import TextOf
from core.actors import Actor
from core.errors import InvalidInput, NotFound
from core.ids import row_id
from registry.models import ModelVersion
from registry.names import check_text
from registry.permissions import visible_versions
from registry.queries import get_version

MAX_COMMENT = 65_535


@transaction.atomic
def add_comment(*, actor: Actor, name: str, version: int, text: str, reply_to: int | None = None) -> ApprovalComment:
    """Add a comment to a version, or a reply to a comment, and return it.

    A thread is one level deep: a reply to a reply joins the same thread. People mentioned as @name are notified.
    Raises NotFound (the version, or the comment to reply to), InvalidInput (empty), TooLarge, Denied (no account).
    """
    row = get_version(actor, name, version)
    checked = _checked_text(text)
    thread = _thread(row, reply_to)
    deny_if(refusal_to_add_comment(actor, row))
    author = User.objects.get(pk=actor.user_id or 0)
    comment = ApprovalComment.objects.create(
        version=row, author=author, text=checked, created_at=timezone.now(), reply_to=thread
    )
    reply = {"reply_to": thread.pk} if thread else {}
    _record(actor, Action.APPROVALS_COMMENT_ADDED, comment, after={"comment": comment.pk, "text": checked, **reply})
    return comment


def _thread(row: ModelVersion, reply_to: int | None) -> ApprovalComment | None:
    """Return the first comment of the thread that a reply joins; None for a comment that is not a reply.

    Raises NotFound if the version has no comment ``reply_to``.
    """
    if reply_to is None:
        return None
    rows = ApprovalComment.objects.filter(pk=row_id(reply_to), version=row, deleted_at__isnull=True)
    comment = rows.select_related("reply_to").first()
    if comment is None:
        raise NotFound(f"There is no comment {reply_to} on this version.")
    return comment.reply_to or comment


@transaction.atomic
def edit_comment(*, actor: Actor, comment_id: int, text: str) -> ApprovalComment:
    """Replace the text of the actor's own comment and return the comment. The same text changes nothing.

    Raises NotFound, InvalidInput (empty), TooLarge, Denied (somebody else's comment).
    """
    comment = _lock(actor, comment_id)
    checked = _checked_text(text)
    deny_if(refusal_to_edit_comment(actor, comment))
    if checked == comment.text:
        return comment
    before, comment.text, comment.edited_at = comment.text, checked, timezone.now()
    comment.save(update_fields=["text", "edited_at"])
    CommentRevision(comment=comment, text=before, replaced_at=comment.edited_at).save()
    facts = {"comment": comment.pk}
    _record(
        actor,
        Action.APPROVALS_COMMENT_EDITED,
        comment,
        before={**facts, "text": before},
        after={**facts, "text": checked},
    )
    return comment


@transaction.atomic
def delete_comment(*, actor: Actor, comment_id: int) -> None:
    """Mark a comment as deleted. Its author and everybody who manages the model may. Raises NotFound, Denied."""
    comment = _lock(actor, comment_id)
    deny_if(refusal_to_delete_comment(actor, comment))
    comment.deleted_at = timezone.now()
    comment.save(update_fields=["deleted_at"])
    author = comment.author.username
    before = {"comment": comment.pk, "author": author, "text": TextOf(author, comment.text)}
    _record(actor, Action.APPROVALS_COMMENT_DELETED, comment, before=before)


def _lock(actor: Actor, comment_id: int) -> ApprovalComment:
    """Lock a comment on a version that the actor may see until commit, and return it. Raises NotFound."""
    rows = ApprovalComment.objects.filter(pk=row_id(comment_id), deleted_at__isnull=True)
    rows = rows.filter(version__in=visible_versions(actor)).select_for_update(of=("self",))
    comment = rows.select_related("version__model", "author").first()
    if comment is None:
        raise NotFound(f"There is no comment {comment_id}.")
    return comment


def _checked_text(text: str) -> str:
    checked = check_text(text, "comment", MAX_COMMENT).strip()
    if not checked:
        raise InvalidInput("A comment cannot be empty.")
    return checked


def _record(
    actor: Actor,
    action: Action,
    comment: ApprovalComment,
    *,
    before: dict[str, object] | None = None,
    after: dict[str, object] | None = None,
) -> None:
    record(actor=actor, action=action, obj=comment.version, before=before, after=after)
