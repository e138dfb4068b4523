"""Base class of the views of /api/v1: each method declares the query parameters and the body that it takes.

How to write a view:

    class WidgetsView(ApiView):
        @accepts(query=WidgetListSerializer, responses=listed("widgets", WidgetSerializer))
        def get(self, request: Request) -> Response:
            rows = widgets(colour=self.query["colour"])

        @accepts(body=NewWidgetSerializer, responses={201: WidgetSerializer})
        def post(self, request: Request) -> Response:
            made = make_widget(actor=actor_of(request), **self.body)

`@accepts` replaces drf-spectacular's `extend_schema`: the same declaration is checked and documented. Before the method
runs, `self.query` and `self.body` hold the validated values. A parameter or key that the serializer does not name, a
parameter that is repeated, and a body where none is declared are a 400 (InvalidInput) that names it and lists what is
accepted. A class with an undeclared method fails when it is imported (TypeError). A test checks that every route of
/api/v1 uses this class.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from django.db.models import QuerySet
from django.http import QueryDict
from drf_spectacular.utils import extend_schema, extend_schema_serializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.views import APIView

from core.errors import InvalidInput
from core.times import to_ms

_METHODS = ("get", "post", "put", "patch", "delete")
_DECLARATION = "_declared_input"
_SHOWN_CHARS = 100
_ANY_ERROR = ("default", "application/problem+json")
Handler = TypeVar("Handler", bound=Callable[..., Any])
SerializerClass = type[serializers.Serializer[Any]]


@dataclass(frozen=True, slots=True)
class Declaration:
    """The declared input of a method; None for none."""

    query: SerializerClass | None = None
    body: SerializerClass | None = None


_NOTHING = Declaration()


def accepts(
    *, query: SerializerClass | None = None, body: SerializerClass | None = None, responses: Any, **schema: Any
) -> Callable[[Handler], Handler]:
    """Return a decorator that declares what a method of an ApiView takes and answers.

    ``responses`` and ``schema`` go to drf-spectacular's `extend_schema`; every error is documented as a problem
    document.
    """
    schema.setdefault("parameters", [query] if query else [])
    schema.setdefault("request", body)

    answers = dict(responses) if isinstance(responses, Mapping) else {200: responses}
    answers[_ANY_ERROR] = ProblemSerializer

    def declare(handler: Handler) -> Handler:
        documented: Handler = extend_schema(responses=answers, **schema)(handler)
        setattr(documented, _DECLARATION, Declaration(query, body))
        return documented

    return declare


class ProblemSerializer(serializers.Serializer[Any]):
    """An error, as RFC 9457 says: a kind, its status, and the problem as text. Some errors have more fields."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    detail = serializers.CharField()


@extend_schema_serializer(many=False)  # the answer is an object, although the operation is named a list
class Listing(serializers.Serializer[Any]):
    """An answer that lists rows under their name, such as ``{"deployments": […]}``."""


def listed(
    name: str, row: SerializerClass, *, paged: bool = True, **others: serializers.Field[Any, Any, Any, Any]
) -> Any:
    """Return the serializer of an answer that lists rows under ``name``, with ``others`` beside them.

    A ``paged`` one also has the offset of the next page, as `page` returns it.
    """
    fields: dict[str, Any] = {name: row(many=True), **others}
    if paged:
        fields["next_offset"] = serializers.IntegerField(allow_null=True, help_text="null: this is the last page.")
    kind = "Page" if paged else "List"
    return type(f"{row.__name__.removesuffix('Serializer')}{kind}", (Listing,), fields)


class PageQuery(serializers.Serializer[Any]):
    """Query parameters of a list that is read by offset: which part is wanted."""

    limit = serializers.IntegerField(default=50, min_value=1, max_value=500)
    offset = serializers.IntegerField(default=0, min_value=0, max_value=2**31 - 1)


class PeriodQuery(PageQuery):
    """A list of things that happened at a time. Times without a zone are UTC."""

    since = serializers.DateTimeField(required=False, help_text="At or after this time.")
    until = serializers.DateTimeField(required=False, help_text="Before this time.")


class ApiView(APIView):
    """A view of /api/v1. ``query`` and ``body`` are the validated values of the present request."""

    query: dict[str, Any]
    body: dict[str, Any]

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        for name in _METHODS:
            if name in cls.__dict__ and not hasattr(cls.__dict__[name], _DECLARATION):
                raise TypeError(f"{cls.__name__}.{name} does not declare its input: decorate it with @accepts(…).")

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Authenticate, then validate query and body. Raises InvalidInput and DRF's errors."""
        super().initial(request, *args, **kwargs)
        handler = getattr(self, (request.method or "").lower(), None)
        declared: Declaration = getattr(handler, _DECLARATION, _NOTHING)
        if handler is None:
            return  # dispatch answers 405
        query = _known_query(declared.query, request.query_params)
        has_body = request.method not in {"GET", "HEAD", "OPTIONS"}
        if has_body:
            _refuse_unknown_body(declared.body, request.data)
        self.query = _validated(query)
        self.body = self.read_body(declared.body, request.data) if has_body else {}

    def read_body(self, serializer: SerializerClass | None, data: Any) -> dict[str, Any]:
        """Return the validated body. A view that also takes another media type than JSON extends this method."""
        return checked_body(serializer, data)


def filters(query: Mapping[str, Any], columns: Mapping[str, str]) -> dict[str, Any]:
    """Return the conditions of a queryset for the parameters that were given: ``columns`` maps parameter to look-up.

    Times become milliseconds since 1970 for columns in milliseconds.
    """
    conditions = {column: query[name] for name, column in columns.items() if query.get(name) not in (None, "")}
    return {
        column: to_ms(value) if isinstance(value, datetime) and "_ms__" in column else value
        for column, value in conditions.items()
    }


def page(rows: QuerySet[Any], query: dict[str, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Return one page of rows, and the offset of the next page (None on the last)."""
    start, limit = query["offset"], query["limit"]
    items = list(rows[start : start + limit + 1])
    return items[:limit], {"next_offset": start + limit if len(items) > limit else None}


def checked_query(serializer: SerializerClass, sent: QueryDict) -> dict[str, Any]:
    """Return the validated parameters of an address.

    Raises InvalidInput for an unknown or repeated parameter, DRF's ValidationError for a value.
    """
    return _validated(_known_query(serializer, sent))


def checked_body(serializer: SerializerClass | None, data: Any) -> dict[str, Any]:
    """Return the validated fields of a JSON body.

    Raises InvalidInput for an unknown key, DRF's ValidationError for a value.
    """
    if isinstance(data, QueryDict):  # an empty body: DRF parses it as an empty form
        data = data.dict()
    if serializer is None:
        if data:
            _refuse_unknown(
                "JSON key", data if isinstance(data, Mapping) else {"": data}, frozenset(), where="the body"
            )
        return {}
    parsed = serializer(data=data)
    _refuse_unknown_keys(parsed, data, where="the body")
    return _validated(parsed)


def _refuse_unknown_body(serializer: SerializerClass | None, data: Any) -> None:
    """Refuse unknown keys of a JSON object before any value is looked at, so that a misspelt name is named first."""
    if not isinstance(data, Mapping) or isinstance(data, QueryDict):
        return
    if serializer is None:
        _refuse_unknown("JSON key", data, frozenset(), where="the body")
    else:
        _refuse_unknown_keys(serializer(data=data), data, where="the body")


def _known_query(serializer: SerializerClass | None, sent: QueryDict) -> serializers.Serializer[Any] | None:
    """Return the query to be validated. Raises InvalidInput for a parameter that is unknown or given twice."""
    parsed = serializer(data=sent) if serializer else None
    fields = parsed.fields if parsed else {}
    _refuse_unknown("query parameter", sent, fields.keys(), where="the address")
    for name, values in sent.lists():
        if len(values) > 1 and not isinstance(fields[name], serializers.ListField | serializers.MultipleChoiceField):
            raise InvalidInput(f"The query parameter {name} is given {len(values)} times. Give it once.")
    return parsed


def _validated(parsed: serializers.Serializer[Any] | None) -> dict[str, Any]:
    if parsed is None:
        return {}
    parsed.is_valid(raise_exception=True)
    return dict(parsed.validated_data)


def _refuse_unknown_keys(field: Any, data: Any, *, where: str) -> None:
    """Refuse keys that a serializer, or one inside it, does not name. Wrong types are left to the validation."""
    if isinstance(field, serializers.ListSerializer):
        for number, item in enumerate(data if isinstance(data, list) else []):
            _refuse_unknown_keys(field.child, item, where=f"{where}[{number}]")
    elif isinstance(field, serializers.Serializer) and isinstance(data, Mapping):
        _refuse_unknown("JSON key", data, field.fields.keys(), where=where)
        for name, inner in field.fields.items():
            _refuse_unknown_keys(inner, data.get(name), where=f"{where}.{name}")


def _refuse_unknown(kind: str, sent: Mapping[str, Any], allowed: Any, *, where: str) -> None:
    unknown = sorted(str(name) for name in sent if name not in allowed)
    if not unknown:
        return
    names = ", ".join(repr(name[:_SHOWN_CHARS]) for name in unknown[:5])
    accepted = f"Accepted: {', '.join(sorted(allowed))}." if allowed else "None is accepted."
    raise InvalidInput(f"Unknown {kind} in {where}: {names}. {accepted}")
