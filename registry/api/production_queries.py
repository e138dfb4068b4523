"""Query parameters of the reads of Production, for the API's views and for the program that lets clients wait."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

MOST_SECONDS = 60


class ProductionQuery(serializers.Serializer[Any]):
    """Query parameters of the current Production version: ``at`` asks about a moment in the past."""

    at = serializers.DateTimeField(required=False)
    etag = serializers.CharField(
        required=False, max_length=300, help_text="The ETag that the client has, as in If-None-Match."
    )
    wait = serializers.IntegerField(
        required=False,
        min_value=0,
        max_value=MOST_SECONDS,
        help_text="Seconds to wait for another version than the one with the ETag.",
    )

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """Return the parameters. Raises ValidationError for a past moment together with waiting."""
        if "at" in attrs and ("wait" in attrs or "etag" in attrs):
            raise serializers.ValidationError({"at": "The past does not change: leave out wait and etag."})
        return attrs


class WaitingQuery(ProductionQuery):
    """The same without the past: the program that lets clients wait knows the present only."""

    at = None  # type: ignore[assignment]  # DRF leaves a declared field out that is None


class ModelNames(serializers.CharField):
    """Names of models with commas between them, as the list of them without repetitions, in order."""

    MOST = 100

    def to_internal_value(self, data: str) -> Any:
        """Return the names. Raises ValidationError: none, or too many."""
        names = list(dict.fromkeys(name.strip() for name in super().to_internal_value(data).split(",") if name.strip()))
        if not 0 < len(names) <= self.MOST:
            msg = f"1 to {self.MOST} names of models with commas between them"
            raise serializers.ValidationError(msg)
        return names


class ProductionOfModelsQuery(serializers.Serializer[Any]):
    """Query parameters of the current Production versions of several models."""

    models = ModelNames(max_length=40_000)


def presented_etags(if_none_match: str, etag: str) -> str:
    """Return the ETags of an If-None-Match header and of the parameter `etag`, which may lack its quotes."""
    tag = etag.strip()
    if tag and tag != "*" and not tag.endswith('"'):
        tag = f'"{tag}"'
    return ", ".join(part for part in (if_none_match.strip(), tag) if part)
