"""Template tags of the pages: labels of states, times, links, dialog links and empty states.

They only render: texts and addresses come from console.shell.formatting, labels and links.
"""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from typing import Any

from django import template
from django.db.models import Model
from django.urls import reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.http import urlencode
from django.utils.safestring import SafeString
from django.utils.text import capfirst

from approvals.oversight.deployment_problems import problem_text
from approvals.verdict.evaluation import RuleVerdict
from console.shell import formatting, labels, links
from console.shell.first_rows import tally
from console.shell.markdown import plain_text, render_markdown
from console.shell.open_problems import open_problems
from core.refs import dataset_version_ref
from policies.models import PolicyProposal, ProposalKind
from registry.models import Deployment, ModelVersion
from webhooks.models import Subscription

register = template.Library()

register.filter("signed", formatting.signed)
register.filter("size", formatting.size)
register.filter("exact", formatting.exact)
register.filter("page_url", links.page_url)
register.filter("ref_label", links.ref_label)
register.filter("markdown", render_markdown)
register.filter("plain", plain_text)
register.filter("tally", tally)

_EVENTS_SHOWN = 3


@register.filter
def number(value: float | None) -> str:
    """Render a number with five significant digits, and a dash where there is none."""
    return "—" if value is None else formatting.number(value)


@register.filter
def rule_why(rule: RuleVerdict) -> str:
    """Return the reason why a rule has its status, as a sentence.

    The reason of a check is not changed, because it may begin with a name.
    """
    return rule.why if rule.kind == "check" else capfirst(rule.why)


@register.filter
def metric_order(key: str) -> str:
    """Return the `order_by` of a search for runs that puts the highest value of a metric first."""
    return f"metrics.`{key}` DESC"


@register.filter
def lookup(values: object, key: object) -> object:
    """Return the value under a key, "" where there is none or ``values`` is not a mapping."""
    return values.get(key, "") if isinstance(values, Mapping) else ""


@register.filter
def table_description(table: Mapping[str, Any]) -> str:
    """Return the description of a table of the admin: the first sentence of the docstring of its model."""
    model: type[Model] = table["model"]
    text = " ".join((model.__doc__ or "").split()).replace("``", "")
    return "" if text.startswith(f"{model.__name__}(") else text.partition(". ")[0].rstrip(".") + "."


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
def on_date(moment: datetime.datetime) -> SafeString:
    """Render the day of a moment, such as ``29 Nov 2026``, with the exact time on hover."""
    day = moment.astimezone(datetime.UTC)
    text = f"{day.day} {day:%b %Y}"
    return format_html('<time datetime="{}" title="{}">{}</time>', moment.isoformat(), formatting.exact(moment), text)


@register.filter
def proposal_title(proposal: PolicyProposal) -> str:
    """Return the title of a proposal, which is its effect: ``Change production-default r3``."""
    if proposal.kind == ProposalKind.RETIRE:
        return f"Retire {proposal.name}"
    base = proposal.base_revision
    return f"Change {proposal.name} r{base.number}" if base else f"New policy {proposal.name}"


@register.filter
def event_summary(subscriptions: Iterable[Subscription]) -> str:
    """Return the first events of a webhook, and how many more there are."""
    events = [row.event for row in subscriptions]
    more = len(events) - _EVENTS_SHOWN
    return ", ".join(events[:_EVENTS_SHOWN]) + (f" and {more} more" if more > 0 else "")


@register.filter
def duration(seconds: float | None) -> str:
    """Render a number of seconds as a length of time, and a dash where there is none."""
    return "—" if seconds is None else formatting.duration(seconds)


@register.filter
def digest(value: str) -> SafeString | str:
    """Render a digest short, with the whole of it on hover."""
    if not value:
        return "—"
    return format_html('<code class="c-digest" title="{}">{}</code>', value, formatting.short_digest(value))


@register.filter
def version_label(value: str) -> SafeString:
    """Render a dataset version in at most 32 characters, with the whole of it on hover."""
    return format_html('<span title="{}">{}</span>', value, formatting.version_text(value))


@register.filter
def add_px(value: float, more: float) -> str:
    """Add a length to a coordinate of a drawing."""
    return f"{value + more:g}"


def _icon_html(name: str, tone: str = "") -> SafeString:
    css = f" c-{tone}" if tone else ""
    return format_html('<span class="material-symbols-outlined{}" aria-hidden="true">{}</span>', css, name)


register.simple_tag(_icon_html, name="icon")


@register.simple_tag
def badge(kind: str, value: str) -> SafeString:
    """Render a stage or state as icon and text in its colour."""
    label = labels.state_label(kind, value)
    return format_html('<span class="c-badge is-{}">{}{}</span>', label.tone, _icon_html(label.icon), label.text)


@register.simple_tag
def state_label(kind: str, value: str) -> labels.StateLabel:
    """Return the tone, icon and text of a state, for a template that lays them out itself."""
    return labels.state_label(kind, value)


@register.simple_tag
def query_url(view: str, **query: str | int) -> str:
    """Return the address of a page that takes no arguments, with a query string."""
    return f"{reverse(view)}?{urlencode(query)}"


@register.simple_tag
def lineage_url(ref: str, direction: str = "") -> str:
    """Return the address of the lineage page of a reference; ``direction`` is `up`, `down` or "" for both."""
    return links.lineage_url(ref, **({"direction": direction} if direction else {}))


@register.simple_tag
def dataset_url(name: str, version: str) -> str:
    """Return the address of a dataset version's page."""
    return links.page_url(dataset_version_ref(name, version))


@register.simple_tag
def version_link(version: ModelVersion, text: str = "") -> SafeString:
    """Render a link to a model version's page, named like the version unless ``text`` says otherwise."""
    return format_html('<a href="{}">{}</a>', links.version_url(version.model.name, version.version), text or version)


@register.simple_tag
def deployment_problem(deployment: Deployment, *, plain: bool = False) -> str:
    """Render the problems of a live deployment as a red badge, or with ``plain`` as a sentence; "" for none."""
    text = problem_text(deployment)
    if plain or not text:
        return text
    return format_html('<span class="c-badge is-bad">{}{}</span>', _icon_html("warning"), text)


@register.simple_block_tag
def dialog_link(
    content: SafeString,
    view: str,
    *args: object,
    icon: str = "",
    tone: str = "",
    small: bool = False,
    label: str = "",
    hint: str = "",
    **query: str | int,
) -> SafeString:
    """Render a button that opens a dialog: ``view`` and ``args`` name its address, ``query`` is its query string.

    ``label`` is what a screen reader says instead of the content, ``hint`` is shown on hover. Without scripts the
    dialog is a page.
    """
    css = ["c-btn", *(["is-small"] if small else []), *([f"is-{tone}"] if tone else [])]
    url = reverse(view, args=args) + (f"?{urlencode(query)}" if query else "")
    return format_html(
        '<a class="{}" role="button" href="{}" hx-get="{}" hx-target="#modal-content" hx-select="#dialog"{}{}>{}{}</a>',
        " ".join(css),
        url,
        url,
        format_html(' aria-label="{}"', label) if label else "",
        format_html(' title="{}"', hint) if hint else "",
        _icon_html(icon) if icon else "",
        content,
    )


@register.simple_block_tag
def empty_state(content: SafeString, icon: str, title: str) -> SafeString:
    """Render the message of an empty list: ``title`` names the missing rows, the content the next step."""
    text = format_html("<p>{}</p>", content) if content.strip() else ""
    return format_html(
        '<div class="c-empty">{}<strong>{}</strong>{}</div>',
        _icon_html(icon),
        title,
        text,
    )


@register.simple_tag(takes_context=True)
def open_emergency_count(context: template.Context) -> int:
    """Return how many emergencies that this person may see need a review, 0 where nobody is signed in."""
    request: Any = context.get("request")
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return 0
    return open_problems(request).emergencies


@register.simple_tag
def review_due(version: ModelVersion) -> SafeString | str:
    """Render when the next re-review of a version is due, "" where none is."""
    if version.review_due_at is None:
        return ""
    is_late = version.review_due_at <= timezone.now()
    tone, text = ("is-bad", "re-review overdue since") if is_late else ("", "re-review due")
    return format_html('<span class="c-badge {}">{} {}</span>', tone, text, ago(version.review_due_at))
