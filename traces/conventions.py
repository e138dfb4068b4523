"""Attributes of other tracing libraries, read as MLflow's own: GenAI semantic conventions, OpenInference, OpenLLMetry.

A span that MLflow's client sent is left as it is. Others get MLflow's attributes beside their own, so that pages,
searches and MLflow's client find inputs, outputs, type and token usage in one place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import orjson

from traces.keys import INPUTS, OUTPUTS, SPAN_TYPE, SPAN_USAGE
from traces.spans import Json, SpanData, plain, typed

_INPUTS = ("gen_ai.input.messages", "gen_ai.tool.call.arguments", "input.value", "traceloop.entity.input")
_OUTPUTS = ("gen_ai.output.messages", "gen_ai.tool.call.result", "output.value", "traceloop.entity.output")
_KINDS = ("gen_ai.operation.name", "openinference.span.kind", "traceloop.span.kind")
_TYPES = {
    "chat": "CHAT_MODEL",
    "create_agent": "AGENT",
    "embeddings": "EMBEDDING",
    "execute_tool": "TOOL",
    "generate_content": "LLM",
    "invoke_agent": "AGENT",
    "text_completion": "LLM",
    "response": "LLM",
    "tool": "TOOL",
    "chain": "CHAIN",
    "llm": "LLM",
    "retriever": "RETRIEVER",
    "embedding": "EMBEDDING",
    "agent": "AGENT",
    "reranker": "RERANKER",
    "guardrail": "GUARDRAIL",
    "evaluator": "EVALUATOR",
    "workflow": "WORKFLOW",
    "task": "TASK",
}
_USAGE = {
    "input_tokens": ("gen_ai.usage.input_tokens", "llm.token_count.prompt", "gen_ai.usage.prompt_tokens"),
    "output_tokens": ("gen_ai.usage.output_tokens", "llm.token_count.completion", "gen_ai.usage.completion_tokens"),
    "total_tokens": ("gen_ai.usage.total_tokens", "llm.token_count.total", "llm.usage.total_tokens"),
}


def with_mlflow_attributes(span: SpanData) -> SpanData:
    """Return the span with MLflow's attributes added where it has those of another library, otherwise unchanged.

    Raises InvalidInput.
    """
    attributes = span.attributes
    added: Json = {}
    if INPUTS not in attributes and (value := _first(attributes, _INPUTS)) is not None:
        added[INPUTS] = typed(_decoded(value))
    if OUTPUTS not in attributes and (value := _first(attributes, _OUTPUTS)) is not None:
        added[OUTPUTS] = typed(_decoded(value))
    if SPAN_TYPE not in attributes and (kind := _TYPES.get(str(_first(attributes, _KINDS)).lower())):
        added[SPAN_TYPE] = typed(kind)
    if SPAN_USAGE not in attributes and (usage := _usage(attributes)):
        added[SPAN_USAGE] = typed(usage)
    return replace(span, attributes={**attributes, **added}) if added else span


def _first(attributes: Mapping[str, Json], keys: Iterable[str]) -> Any:
    return next((plain(attributes[key]) for key in keys if key in attributes), None)


def _decoded(value: object) -> object:
    """Return the JSON value of a string: these libraries send lists and mappings as strings."""
    if not isinstance(value, str) or not value.startswith(("{", "[")):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError:
        return value


def _usage(attributes: Mapping[str, Json]) -> dict[str, int]:
    counts = {name: _first(attributes, keys) for name, keys in _USAGE.items()}
    usage = {name: count for name, count in counts.items() if isinstance(count, int) and not isinstance(count, bool)}
    if usage and "total_tokens" not in usage:
        usage["total_tokens"] = usage.get("input_tokens", 0) + usage.get("output_tokens", 0)
    return usage
