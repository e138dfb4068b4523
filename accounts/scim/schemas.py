"""The resources of /scim/v2, and what this server says of itself: only attributes that it keeps."""

# Without `from __future__ import annotations`: pydantic reads the types while the classes are made, and the references
# name classes that come later.
from typing import Annotated, Any

from pydantic import Field
from scim2_models import (
    URN,
    AuthenticationScheme,
    Bulk,
    CaseExact,
    ChangePassword,
    ComplexAttribute,
    ETag,
    Filter,
    Mutability,
    Patch,
    Reference,
    Required,
    Resource,
    ResourceType,
    Returned,
    ScimPolicy,
    ScimProvider,
    ServiceProviderConfig,
    Sort,
    Uniqueness,
)

MAX_RESULTS = 200


class PersonName(ComplexAttribute):
    """The name of a person, as electronic signatures print it."""

    given_name: str | None = None
    family_name: str | None = None


class EmailAddress(ComplexAttribute):
    """The e-mail address for notifications: of several, the primary one is kept, else the first."""

    value: str | None = None
    type: str | None = None
    primary: bool | None = None


class GroupOfUser(ComplexAttribute):
    """A group that the provider fills and the person is in."""

    value: Annotated[str | None, Mutability.read_only] = None
    ref: Annotated[Reference["Group"] | None, Mutability.read_only] = Field(
        None, serialization_alias="$ref", validation_alias="$ref"
    )
    display: Annotated[str | None, Mutability.read_only] = None


class User(Resource[Any]):
    """The account of a person. The username never changes."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:User")

    user_name: Annotated[str | None, Mutability.immutable, Uniqueness.server, Required.true] = None
    name: PersonName | None = None
    display_name: str | None = None
    emails: list[EmailAddress] | None = None
    active: bool | None = None
    groups: Annotated[list[GroupOfUser] | None, Mutability.read_only] = None


class MemberOfGroup(ComplexAttribute):
    """An account that is in a group; groups are in no group."""

    value: Annotated[str | None, Mutability.immutable, CaseExact.true] = None
    ref: Annotated[Reference["User"] | None, Mutability.immutable] = Field(
        None, serialization_alias="$ref", validation_alias="$ref"
    )
    display: str | None = None


class Group(Resource[Any]):
    """A group that CUSTODY_SCIM_GROUPS names, by the provider's name."""

    __schema__ = URN("urn:ietf:params:scim:schemas:core:2.0:Group")

    display_name: Annotated[str | None, Mutability.immutable, Uniqueness.server, Required.true] = None
    members: Annotated[list[MemberOfGroup] | None, Returned.default] = None


def provider() -> ScimProvider:
    """Return the description of this server. Unknown attributes are ignored, and Entra's way of PATCH is understood."""
    token = AuthenticationScheme(
        type=AuthenticationScheme.Type.oauthbearertoken,
        name="API token",
        description="A token of the account CUSTODY_SCIM_ACCOUNT with the scope accounts:provision.",
        primary=True,
    )
    config = ServiceProviderConfig(
        patch=Patch(supported=True),
        bulk=Bulk(supported=False, max_operations=0, max_payload_size=0),
        filter=Filter(supported=True, max_results=MAX_RESULTS),
        change_password=ChangePassword(supported=False),
        sort=Sort(supported=False),
        etag=ETag(supported=False),
        authentication_schemes=[token],
    )
    policy = ScimPolicy(
        unknown=ScimPolicy.Unknown.ignore,
        remove_value_as_filter=ScimPolicy.RemoveValue.apply,
        unmatched_path_filter=ScimPolicy.UnmatchedPathFilter.create,
    )
    types = [ResourceType.from_resource(User), ResourceType.from_resource(Group)]
    return ScimProvider(models=[User, Group], resource_types=types, config=config, policy=policy)
