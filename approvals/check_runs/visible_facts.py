"""Inputs and evidence of checks as a reader may see them: without the names of lineage nodes that are hidden from them.

The stored evidence has all names. Summaries have none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from approvals.models import CheckRun
from core.actors import Actor
from core.bulk import among
from lineage.models import Node
from lineage.visibility import hidden_nodes
from validation.catalogue import known_checks

HIDDEN = "hidden_from_you"
Facts = tuple[str, object]
"""The code of a check, and its inputs or evidence."""


def visible_evidence(actor: Actor, jobs: Sequence[CheckRun]) -> dict[int, Any]:
    """Return the evidence of jobs by their ids, as `visible_facts` does."""
    facts = visible_facts(actor, [(job.check_code, job.evidence) for job in jobs])
    return {job.pk: evidence for job, evidence in zip(jobs, facts, strict=True)}


def visible_facts(actor: Actor, facts: Sequence[Facts]) -> list[Any]:
    """Return inputs or evidence in their order, without nodes that the actor may not see; HIDDEN says how many.

    A fixed number of queries, none where no node is named.
    """
    named = _named_nodes()
    urns = {urn for code, content in facts for _, listed in _lists(named, code, content) for urn in listed}
    visible = _visible(actor, sorted(urns)) if urns else set()
    return [_without_hidden(named, code, content, visible) for code, content in facts]


def counted_evidence(code: str, evidence: Any) -> Any:
    """Return evidence with the number of its lineage nodes in place of their names, for files that many people read."""
    lists = dict(_lists(_named_nodes(), code, evidence))
    return evidence | {key: len(listed) for key, listed in lists.items()} if lists else evidence


def _named_nodes() -> dict[str, tuple[str, ...]]:
    return {code: getattr(check, "named_nodes", ()) for code, check in known_checks().items()}


def _lists(named: Mapping[str, tuple[str, ...]], code: str, content: object) -> list[tuple[str, list[str]]]:
    if not isinstance(content, Mapping):
        return []
    lists = [(key, content.get(key)) for key in named.get(code, ())]
    return [(key, [str(urn) for urn in listed]) for key, listed in lists if isinstance(listed, list | tuple)]


def _visible(actor: Actor, urns: Sequence[str]) -> set[str]:
    nodes = list(Node.objects.filter(urn__in=among(urns)))
    hidden = hidden_nodes(actor, nodes)
    return {node.urn for node in nodes if node.pk not in hidden}


def _without_hidden(
    named: Mapping[str, tuple[str, ...]], code: str, content: object, visible: AbstractSet[str]
) -> object:
    lists = _lists(named, code, content)
    if not lists or not isinstance(content, Mapping):
        return content
    visible_lists = {key: [urn for urn in listed if urn in visible] for key, listed in lists}
    hidden = sum(len(listed) - len(visible_lists[key]) for key, listed in lists)
    return {**content, **visible_lists, **({HIDDEN: hidden} if hidden else {})}
