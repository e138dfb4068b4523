"""The discussion of a version: its comments in threads, with what this person may do with each."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q

from approvals.models import ApprovalComment
from approvals.requests.abilities import Ability, comment_abilities, manages
from core.actors import Actor
from registry.models import ModelVersion

_SHOWN = 300


@dataclass(frozen=True, slots=True)
class CommentView:
    """One comment. A deleted comment that has answers is shown without its text."""

    comment: ApprovalComment
    may_edit: bool
    may_delete: bool

    @property
    def is_deleted(self) -> bool:
        """Return whether the comment was deleted."""
        return self.comment.deleted_at is not None


@dataclass(frozen=True, slots=True)
class Thread:
    """A comment and the answers to it, oldest first."""

    first: CommentView
    answers: list[CommentView]


def threads_of(actor: Actor, version: ModelVersion) -> list[Thread]:
    """Return the newest comments on a version in threads, the thread that started last first; two queries."""
    answers = ApprovalComment.objects.filter(reply_to=OuterRef("pk"), deleted_at__isnull=True)
    rows = ApprovalComment.objects.filter(version=version).filter(Q(deleted_at__isnull=True) | Q(Exists(answers)))
    newest = list(rows.select_related("author", "version__model").order_by("-pk")[:_SHOWN])
    may_manage = manages(actor, version)
    threads: dict[int, Thread] = {}
    for row in reversed(newest):
        view = _view(actor, row, may_manage=may_manage)
        if row.reply_to_id in threads:
            threads[row.reply_to_id].answers.append(view)
        else:
            threads[row.pk] = Thread(view, [])
    return list(threads.values())[::-1]


def _view(actor: Actor, row: ApprovalComment, *, may_manage: bool) -> CommentView:
    if row.deleted_at is not None:
        return CommentView(row, may_edit=False, may_delete=False)
    abilities = comment_abilities(actor, row, manages=may_manage)
    return CommentView(row, Ability.EDIT_COMMENT in abilities, Ability.DELETE_COMMENT in abilities)
