"""Markdown as safe HTML and as plain text, for templates."""

from __future__ import annotations

from html import unescape

from django.utils.html import strip_tags
from django.utils.safestring import SafeString, mark_safe

from registry.markdown import markdown_html


def render_markdown(text: str) -> SafeString:
    """Return ``text`` as sanitised HTML that a template shows as it is."""
    return mark_safe(markdown_html(text))  # noqa: S308 - markdown_html has just sanitised it


def plain_text(text: str) -> str:
    """Return ``text`` without its markup and line breaks, for one line of a list."""
    return " ".join(unescape(strip_tags(markdown_html(text))).split())
