"""The small tags every page uses. Thin: the words come from console.shell.formatting, the links from console.shell.links."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from accounts.authentication import actor_from_request
from approvals.oversight.post_review_queries import visible_post_reviews
from console.shell import formatting, labels, links
from console.shell.markdown import plain_words, render_markdown
from registry.models import ModelVersion

register = template.Library()

register.filter("number", formatting.number)
register.filter("signed", formatting.signed)
register.filter("size", formatting.size)
register.filter("exact", formatting.exact)
register.filter("duration", lambda seconds: "—" if seconds is None else formatting.duration(seconds))
register.filter("place", links.place_of)
register.filter("ref_label", links.label_of)
register.filter("markdown", render_markdown)
register.filter("plain", plain_words)


@register.filter
def metric_order(key: str) -> str:
    """Return the search order "by this metric, highest first"."""
    return f"metrics.`{key}` DESC"


@register.filter
def lookup(rows: Mapping[int, Sequence[object]], key: int) -> Sequence[object]:
    """Return the row under a key, empty where there is none."""
    return rows.get(key, ())


@register.filter
def ago(moment: datetime.datetime | int | None) -> SafeString | str:
    """Render a moment (or milliseconds since 1970) relative to now, with the exact time on hover."""
    when = formatting.from_ms(moment) if isinstance(moment, int) else moment
    if when is None:
        return "—"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        when.isoformat(),
        formatting.exact(when),
        formatting.ago(when, timezone.now()),
    )


@register.filter
def lasting(seconds: float | None) -> str:
    """Render a number of seconds as a length of time; tenths below ten seconds."""
    if seconds is None:
        return "—"
    return f"{seconds:.1f} s" if seconds < 10 else formatting.span(seconds)  # noqa: PLR2004 - one digit


@register.filter
def digest(value: str) -> SafeString | str:
    """Render a digest short, with the whole of it on hover."""
    return (
        format_html('<code class="c-digest" title="{}">{}</code>', value, formatting.short_digest(value))
        if value
        else "—"
    )


@register.filter
def add_px(value: float, more: float) -> str:
    """Add a length to a coordinate of a drawing."""
    return f"{value + more:g}"


@register.filter
def from_px(length: float, base: float) -> str:
    """Return where a bar of this length starts when it stands on ``base``."""
    return f"{base - length:g}"


@register.simple_tag
def badge(kind: str, value: str) -> SafeString:
    """Render a stage or state as icon and word in its colour."""
    shown = labels.look(kind, value)
    return format_html(
        '<span class="c-badge is-{}"><span class="material-symbols-outlined" aria-hidden="true">{}</span>{}</span>',
        shown.tone,
        shown.icon,
        shown.label,
    )


@register.simple_tag
def looks(kind: str, value: str) -> labels.Look:
    """Give a template the tone, icon and label of a state."""
    return labels.look(kind, value)


@register.simple_tag
def icon(name: str) -> SafeString:
    """Render a decorative icon."""
    return format_html('<span class="material-symbols-outlined" aria-hidden="true">{}</span>', name)


@register.simple_tag(takes_context=True)
def with_query(context: template.Context, **changes: object) -> str:
    """Return the query string of this address with some of its values changed; None takes one away."""
    query: Any = context["request"].GET.copy()
    for key, value in changes.items():
        if value is None:
            query.pop(key, None)
        else:
            query[key] = str(value)
    return f"?{query.urlencode()}"


@register.simple_tag(takes_context=True)
def emergencies_owed(context: template.Context) -> int:
    """Return how many emergencies this person may know of still owe a review; asked once a page."""
    request: Any = context.get("request")
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return 0
    return visible_post_reviews(actor_from_request(request), state="open").count()


@register.simple_tag
def review_due(version: ModelVersion) -> SafeString | str:
    """Say when a version has to be reviewed again."""
    if version.review_due_at is None:
        return ""
    late = version.review_due_at <= timezone.now()
    tone, words = ("is-bad", "review overdue since") if late else ("", "to be reviewed again")
    return format_html('<span class="c-badge {}">{} {}</span>', tone, words, ago(version.review_due_at))


@register.inclusion_tag("console/shell/_empty.html")
def empty(icon: str, title: str, text: str = "") -> dict[str, str]:
    """Render an empty state: what is missing, and what to do next."""
    return {"icon": icon, "title": title, "text": text}
