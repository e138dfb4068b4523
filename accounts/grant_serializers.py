"""/api/v1: serializers of grants of permission levels, on models and on experiments."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from accounts.principals import PrincipalKind

_MAX_NAME = 150


class PrincipalQuery(serializers.Serializer[Any]):
    """Query parameters that name the person or group of a grant."""

    kind = serializers.ChoiceField(choices=list(PrincipalKind))
    name = serializers.CharField(max_length=_MAX_NAME, help_text="A username, or a group's name.")


class GrantSerializer(serializers.Serializer[Any]):
    """A grant in a response."""

    kind = serializers.ChoiceField(choices=list(PrincipalKind))
    name = serializers.CharField()
    level = serializers.SerializerMethodField()

    def get_level(self, grant: Any) -> str:
        """Return the name of the level."""
        return str(grant.level.name).lower()


def new_grant_serializer(
    name: str, levels: list[str], **more: serializers.Field[Any, Any, Any, Any]
) -> type[serializers.Serializer[Any]]:
    """Return the serializer of a grant in a request: the principal, and one of these levels."""
    fields: dict[str, Any] = {
        "kind": serializers.ChoiceField(choices=list(PrincipalKind)),
        "name": serializers.CharField(max_length=_MAX_NAME, help_text="A username, or a group's name."),
        "level": serializers.ChoiceField(choices=levels),
        "__doc__": "A grant: the principal and the level. It replaces an earlier grant to the principal.",
        "__module__": __name__,
    }
    return type(name, (serializers.Serializer,), fields | more)
