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
    """A grant as it is answered."""

    kind = serializers.ChoiceField(choices=list(PrincipalKind))
    name = serializers.CharField()
    level = serializers.SerializerMethodField()

    def get_level(self, grant: Any) -> str:
        """Return the name of the level, as it is sent."""
        return str(grant.level.name).lower()


def new_grant_serializer(
    name: str, levels: list[str], **more: serializers.Field[Any, Any, Any, Any]
) -> type[serializers.Serializer[Any]]:
    """Return the serializer of one grant that is sent: whose, and one of these levels."""
    fields: dict[str, Any] = {
        "kind": serializers.ChoiceField(choices=list(PrincipalKind)),
        "name": serializers.CharField(max_length=_MAX_NAME, help_text="A username, or a group's name."),
        "level": serializers.ChoiceField(choices=levels),
        "__doc__": "A grant: whom it is given to, and what it allows. It replaces the grant that they have.",
        "__module__": __name__,
    }
    return type(name, (serializers.Serializer,), fields | more)
