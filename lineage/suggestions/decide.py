"""Decisions on suggested edges: a confirmed one becomes a declared edge, a rejected one is not suggested again."""

from __future__ import annotations

import hashlib

from django.db import IntegrityError, transaction

from audit.actions import Action
from audit.evidence import Evidence, node_subject, note_writer
from audit.services import record
from core.actors import Actor
from core.errors import Conflict, InvalidInput, NotFound
from lineage.declarations import DECLARED, declare_edge
from lineage.edges import record_edge
from lineage.identity.nodes import content_spec, ensure_nodes
from lineage.models import Relation, SuggestionDecision
from lineage.queries import find_visible
from lineage.suggestions.derive import open_suggestions
from lineage.suggestions.methods import Suggestion
from lineage.visibility import require_declaring


@transaction.atomic
def confirm_suggestion(*, actor: Actor, src_urn: str, dst_urn: str, method: str, reason: str) -> SuggestionDecision:
    """Turn a suggested edge into a declared one. It needs the right to declare it, and a reason.

    Raises NotFound (no such edge is suggested), InvalidInput (no reason), Conflict (it would close a cycle, or
    somebody decided first), Denied.
    """
    suggestion = _suggested(actor, src_urn, dst_urn, method, reason)
    decision = _store(actor, suggestion, Action.LINEAGE_SUGGESTION_CONFIRMED, SuggestionDecision.CONFIRMED, reason)
    if suggestion.relation is Relation.SAME_BYTES:
        _join(actor, suggestion, reason)
    else:
        src, dst = suggestion.src.urn, suggestion.dst.urn
        declare_edge(actor=actor, src_urn=src, dst_urn=dst, rel=suggestion.relation, reason=reason)
    return decision


@transaction.atomic
def reject_suggestion(*, actor: Actor, src_urn: str, dst_urn: str, method: str, reason: str) -> SuggestionDecision:
    """Reject a suggested edge for good. It needs the right to declare the edge, and a reason.

    Raises NotFound (no such edge is suggested), InvalidInput (no reason), Conflict (somebody decided first),
    Denied.
    """
    suggestion = _suggested(actor, src_urn, dst_urn, method, reason)
    return _store(actor, suggestion, Action.LINEAGE_SUGGESTION_REJECTED, SuggestionDecision.REJECTED, reason)


def find_suggestion(actor: Actor, src_urn: str, dst_urn: str, method: str) -> Suggestion:
    """Return the open suggestion of an edge by a method. Raises NotFound."""
    src, dst = (find_visible(actor, urn) for urn in (src_urn, dst_urn))
    for suggestion in open_suggestions(actor, [src, dst]):
        if (suggestion.src.pk, suggestion.dst.pk, suggestion.method) == (src.pk, dst.pk, method):
            return suggestion
    raise NotFound(f"No edge from {src.urn} to {dst.urn} is suggested by {method[:50]!r}.")


def _suggested(actor: Actor, src_urn: str, dst_urn: str, method: str, reason: str) -> Suggestion:
    if not reason.strip():
        raise InvalidInput("Say why. The reason is kept with your name.")
    return find_suggestion(actor, src_urn, dst_urn, method)


def _store(actor: Actor, suggestion: Suggestion, action: Action, state: str, reason: str) -> SuggestionDecision:
    """Store a decision with its event. Raises Denied, Conflict."""
    ends = {suggestion.dst.urn} | ({suggestion.src.urn} if suggestion.relation is Relation.SAME_BYTES else set())
    for urn in sorted(ends):
        require_declaring(actor, urn, action)
    try:
        with transaction.atomic():
            decision = SuggestionDecision.objects.create(
                src=suggestion.src,
                dst=suggestion.dst,
                rel=suggestion.relation,
                method=suggestion.method,
                confidence=suggestion.confidence,
                evidence=suggestion.evidence[:1000],
                state=state,
                decided_by=actor.name,
                reason=reason[:500],
            )
    except IntegrityError as error:
        raise Conflict("Somebody has decided on this suggestion already.") from error
    record(
        actor=actor,
        action=action,
        obj=suggestion.dst.urn,
        after={
            "source": suggestion.src.urn,
            "relation": suggestion.relation.name,
            "method": suggestion.method,
            "evidence": suggestion.evidence,
        },
        reason=reason,
    )
    return decision


def _join(actor: Actor, suggestion: Suggestion, reason: str) -> None:
    """Join two versions as the same bytes. Equal full digests do that without a decision."""
    src, dst = suggestion.src, suggestion.dst
    pair = hashlib.sha256(f"{src.urn} {dst.urn}".encode()).hexdigest()[:16]
    (content,) = ensure_nodes(content_spec(src.digest or dst.digest, f"confirmed {pair}"))
    for node, other in ((src, dst), (dst, src)):
        for start, end in ((node, content), (content, node)):
            record_edge(actor=actor, src=start, dst=end, rel=Relation.SAME_BYTES, mode=DECLARED, source=reason)
        subject = node_subject(node.pk)
        note_writer(actor=actor, subject=subject, kind=Evidence.EDGE_DECLARED, details=[other.urn])
