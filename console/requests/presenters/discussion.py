"""The discussion of a version in threads: who said what, and what this person may do with it."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Exists, OuterRef, Q

from approvals.models import ApprovalComment
from approvals.requests.abilities import Ability, comment_abilities, manages
from core.actors import Actor
from registry.models import ModelVersion

_MOST = 300


@dataclass(frozen=True, slots=True)
class Remark:
    """One comment. A deleted one is shown without its words where others answered it."""

    comment: ApprovalComment
    may_edit: bool
    may_delete: bool

    @property
    def is_deleted(self) -> bool:
        return self.comment.deleted_at is not None


@dataclass(frozen=True, slots=True)
class Thread:
    """A comment and the answers to it, oldest first."""

    first: Remark
    answers: list[Remark]


def threads_of(actor: Actor, version: ModelVersion) -> list[Thread]:
    """Return the newest remarks about a version in their threads, the thread that started last first; two queries."""
    answers = ApprovalComment.objects.filter(reply_to=OuterRef("pk"), deleted_at__isnull=True)
    rows = ApprovalComment.objects.filter(version=version).filter(Q(deleted_at__isnull=True) | Q(Exists(answers)))
    newest = list(rows.select_related("author").order_by("-pk")[:_MOST])
    may_manage = manages(actor, version)
    threads: dict[int, Thread] = {}
    for row in reversed(newest):
        remark = _remark(actor, row, may_manage=may_manage)
        if row.reply_to_id in threads:
            threads[row.reply_to_id].answers.append(remark)
        else:
            threads[row.pk] = Thread(remark, [])
    return list(threads.values())[::-1]


def _remark(actor: Actor, row: ApprovalComment, *, may_manage: bool) -> Remark:
    if row.deleted_at is not None:
        return Remark(row, may_edit=False, may_delete=False)
    abilities = comment_abilities(actor, row, manages=may_manage)
    return Remark(row, Ability.EDIT_COMMENT in abilities, Ability.DELETE_COMMENT in abilities)
