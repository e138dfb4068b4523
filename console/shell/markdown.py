"""Markdown in templates."""

from __future__ import annotations

from html import unescape

from django.utils.html import strip_tags
from django.utils.safestring import SafeString, mark_safe

from registry.markdown import markdown_html


def render_markdown(text: str) -> SafeString:
    """Return ``text`` as sanitised HTML that a template shows as it is."""
    return mark_safe(markdown_html(text))  # noqa: S308 - markdown_html has just sanitised it


def plain_words(text: str) -> str:
    """Return the words of ``text`` without its marks and line breaks, for a line in a list."""
    return " ".join(unescape(strip_tags(markdown_html(text))).split())
