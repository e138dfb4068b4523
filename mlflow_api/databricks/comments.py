"""Comments in the Databricks API, and two lists that it lacks: `comments/list` and `activities/list`."""

from __future__ import annotations

import re

from approvals.requests.abilities import manages
from approvals.requests.comments import add_comment, delete_comment, edit_comment
from approvals.requests.history import MAX_ACTIVITIES, activities_of
from approvals.requests.queries import comments_for
from core.actors import Actor
from core.errors import InvalidInput
from mlflow_api.databricks import render
from mlflow_api.dispatch import rpc
from mlflow_api.parse import Params
from mlflow_api.registered_models import version_number
from mlflow_api.render_tracking import Json, filled
from registry.queries import get_version

_ID = re.compile(r"[0-9]{1,18}")


@rpc("POST", "comments/create")
def create_comment(actor: Actor, q: Params) -> Json:
    """Databricks `comments/create`: add a comment to a version and return it. Raises NotFound, InvalidInput."""
    comment = add_comment(actor=actor, name=q.need("name"), version=version_number(q), text=q.need("comment"))
    return render.one_comment(actor, comment)


@rpc("PATCH", "comments/update")
def update_comment(actor: Actor, q: Params) -> Json:
    """Databricks `comments/update`: replace the text of the actor's own comment and return it.

    Raises NotFound, InvalidInput, Denied (somebody else's comment).
    """
    edited = edit_comment(actor=actor, comment_id=_number(q.need("id"), "id"), text=q.need("comment"))
    return render.one_comment(actor, edited)


@rpc("DELETE", "comments/delete")
def remove_comment(actor: Actor, q: Params) -> Json:
    """Databricks `comments/delete`: delete a comment.

    Raises NotFound, InvalidInput (id), Denied (somebody else's comment, and the actor does not manage the model).
    """
    delete_comment(actor=actor, comment_id=_number(q.need("id"), "id"))
    return {}


@rpc("GET", "comments/list")
def list_comments(actor: Actor, q: Params) -> Json:
    """Custody `comments/list`: return one page of a version's comments, oldest first. Raises NotFound, InvalidInput."""
    version = get_version(actor, q.need("name"), version_number(q))
    limit, after = _page(q)
    rows = list(comments_for(version).filter(pk__gt=after)[: limit + 1])
    may_manage = manages(actor, version)
    comments = [render.comment(actor, row, may_manage=may_manage) for row in rows[:limit]]
    return {"comments": comments} | filled(next_page_token=str(rows[limit - 1].pk) if len(rows) > limit else None)


@rpc("GET", "activities/list")
def list_activities(actor: Actor, q: Params) -> Json:
    """Custody `activities/list`: return one page of a version's activities, newest first.

    Raises NotFound, InvalidInput (page size or token).
    """
    version = get_version(actor, q.need("name"), version_number(q))
    limit, before = _page(q)
    activities, next_before = activities_of(version, before=before, limit=limit)
    items = [render.activity(row) for row in activities]
    return {"activities": items} | filled(next_page_token=str(next_before) if next_before else None)


def _page(q: Params) -> tuple[int, int]:
    """Return the page size and the id of the last item that the caller has."""
    limit = q.integer("max_results", MAX_ACTIVITIES)
    if limit is None or not 1 <= limit <= MAX_ACTIVITIES:
        raise InvalidInput(f"Invalid value for parameter 'max_results' supplied: at most {MAX_ACTIVITIES}, at least 1.")
    return limit, _number(q.text("page_token") or "0", "page_token")


def _number(text: str, field: str) -> int:
    if not _ID.fullmatch(text):
        raise InvalidInput(f"Invalid value {text[:100]!r} for parameter '{field}' supplied.")
    return int(text)
