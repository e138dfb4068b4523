"""Texts of the product and its guides use plain words: phrases that readers stumbled over are not used again."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.source import ROOT, modules, name_of, tree_of, walk
from tests.architecture.test_documents import GUIDES

# Phrase (a regular expression, in any case) → what to write instead.
PHRASES = {
    r"out of (?:the actor's )?sight": "not visible",
    r"signs? of life": "heartbeat",
    r"stands? in (?:the|its) way": "prevents",
    r"tak(?:e|es|en|ing) (?:\w+ ){0,3}away": "revoke, or remove",
    r"(?:has|have|gives?|giving) (?:\w+ )?a say": "review rights",
    r"speaks? against": "name the problem, or the reason",
    r"stands? behind|stands? (?:up)?on\b": "depends on, or is based on",
    r"in the words of": "name the language or format",
    r"celery's side": "Celery tasks of …",
    r"safety net": "say what is repeated, and when",
    r"the way of mlflow": "as MLflow does",
    r"(?:tells?|told) (?:\w+ )?apart": "distinguish",
    r"at this very moment": "at the same moment",
    r"broke the glass": "used break-glass",
    r"trickles? in": "arrives slowly",
    r"neighbours' waiting": "delay other requests",
    r"comes? to a tier|came to it": "the tier of, or the reasons of",
    r"made for the purpose": "say who made it, and when",
    r"had a hand in": "is an author of",
    r"lets? (?:\w+ ){1,2}off\b": "relax, or waive",
    r"loses? nothing": "say what is kept",
    r"for anybody's": "say whose",
    r"is no business of|'s business": "name the module that does it",
    r"(?:what|which) (?:somebody|who) said": "statement, comment or claim",
    r"this very\b": "exactly this",
}


_ANY_PHRASE = re.compile(rf"\b(?:{'|'.join(PHRASES)})", re.IGNORECASE)


def texts_of_module(path: Path) -> Iterator[tuple[int, str]]:
    """Yield (line, text) of each string and each block of comments in a module."""
    comments: list[str] = []
    for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
        if token.type == tokenize.COMMENT:
            comments.append(token.string.lstrip("# "))
        elif token.type not in (tokenize.NL, tokenize.INDENT, tokenize.DEDENT):
            if comments:
                yield token.start[0], " ".join(comments)
                comments = []
            if token.type == tokenize.STRING:
                yield token.start[0], token.string


def hits(text: str) -> list[str]:
    """Return each phrase of PHRASES that a text contains, with what to write instead."""
    plain = " ".join(text.split())
    if not _ANY_PHRASE.search(plain):
        return []
    return [
        f"{match[0]!r}: write {instead}"
        for phrase, instead in PHRASES.items()
        for match in re.finditer(rf"\b{phrase}", plain, re.IGNORECASE)
    ]


def may_have_hits(path: Path) -> bool:
    """Return whether a phrase is anywhere in a file, comments joined: reading its tokens takes longer."""
    return bool(hits(path.read_text(encoding="utf-8").replace("#", " ")))


def test_modules_use_plain_words() -> None:
    assert [
        f"{name_of(path)} line {line}, {hit}"
        for path in modules()
        if may_have_hits(path)
        for line, text in texts_of_module(path)
        for hit in hits(text)
    ] == []


PAGES = [*sorted((ROOT / "templates").rglob("*.html")), *(path for path in GUIDES if path.name != "CHANGELOG.md")]


def test_pages_use_plain_words() -> None:
    found = {name_of(path): hits(path.read_text(encoding="utf-8")) for path in PAGES}
    assert {page: words for page, words in found.items() if words} == {}


# Words with which a question begins: a module or a class is a thing, so its docstring begins with a noun.
_QUESTION = re.compile(r"(?:What|Which|Whom?|Whose|Why|When|Where|How|Whether|That)\b")


def questions_in(tree: ast.Module) -> list[tuple[int, str]]:
    """Return (line, name) of each module and class whose docstring begins as a question does."""
    nodes = [node for node in walk(tree) if isinstance(node, ast.Module | ast.ClassDef)]
    return [
        (getattr(node, "lineno", 1), getattr(node, "name", "the module"))
        for node in nodes
        if _QUESTION.match(ast.get_docstring(node) or "")
    ]


def test_docstrings_begin_with_a_noun() -> None:
    assert [
        f"{name_of(path)} line {line}: {name}" for path in modules() for line, name in questions_in(tree_of(path))
    ] == []


# A verb with a question as its object: "Return what the page shows" names no type and no thing.
_VERB_AND_QUESTION = re.compile(r"\w+ (?:what|who|whom|whose|where|how(?! many| much| long| often))\b")


def vague_results(tree: ast.Module) -> list[tuple[int, str]]:
    """Return (line, name) of each function whose docstring begins with a verb and a question."""
    functions = [node for node in walk(tree) if isinstance(node, ast.FunctionDef)]
    return [(node.lineno, node.name) for node in functions if _VERB_AND_QUESTION.match(ast.get_docstring(node) or "")]


def test_docstrings_name_what_a_function_returns() -> None:
    assert [
        f"{name_of(path)} line {line}: {name}" for path in modules() for line, name in vague_results(tree_of(path))
    ] == []


def test_a_vague_result_is_noticed() -> None:
    code = 'def a():\n    """Return what it is."""\ndef b():\n    """Return how many there are."""\n'
    assert vague_results(ast.parse(code)) == [(1, "a")]


def test_a_question_is_noticed() -> None:
    code = '"""What it is."""\nclass Whole:\n    """Whole numbers."""\nclass Asked:\n    """Whether it is."""\n'
    assert questions_in(ast.parse(code)) == [(1, "the module"), (4, "Asked")]


def test_a_phrase_is_noticed(tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text('"""A run that is out of\nsight."""\n\nx = 1  # fine\n# taken\n# away\ny = "stands on it"\n')
    assert may_have_hits(module)
    assert [(line, len(hits(text))) for line, text in texts_of_module(module) if hits(text)] == [(1, 1), (7, 1), (7, 1)]
    assert hits("It is out of order, and stands by itself.") == []
