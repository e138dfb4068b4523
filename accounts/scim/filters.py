"""Filters of SCIM as conditions of the database."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from functools import reduce
from typing import Any

from django.conf import settings
from django.db.models import Q
from scim2_models import InvalidFilterException
from scim2_models.path import (
    AttrPath,
    CompareOperator,
    Comparison,
    FilterNode,
    FilterVisitor,
    LogicalExpr,
    LogicalOperator,
    Not,
    Present,
    ValuePath,
)

from accounts.provisioning.queries import visible_members
from core.ids import row_id

# A condition for an operator and a value. The operator None asks whether there is a value.
Condition = Callable[[CompareOperator | None, Any], Q]
_NOTHING, _EVERYTHING = Q(pk__in=[]), Q()
_LOOKUPS = {
    CompareOperator.eq: "exact",
    CompareOperator.ne: "exact",
    CompareOperator.co: "contains",
    CompareOperator.sw: "startswith",
    CompareOperator.ew: "endswith",
}


def _text(column: str, *, exact_case: bool = False) -> Condition:
    """Return the condition of a column of texts, in which "" is no value."""

    def condition(op: CompareOperator | None, value: Any) -> Q:
        if op is None:
            return ~Q(**{column: ""})
        lookup = _LOOKUPS.get(op)
        if lookup is None:
            raise InvalidFilterException(detail=f"{op.value} is not supported")
        matching = Q(**{f"{column}__{'' if exact_case else 'i'}{lookup}": "" if value is None else str(value)})
        return ~matching if op is CompareOperator.ne else matching

    return condition


def _number(column: str) -> Condition:
    """Return the condition of a column of ids, each of which is a text in SCIM."""

    def condition(op: CompareOperator | None, value: Any) -> Q:
        if op is None:
            return ~Q(**{f"{column}__isnull": True})
        return _equal(op, Q(**{column: row_id(str(value))}))

    return condition


def _active(op: CompareOperator | None, value: Any) -> Q:
    if op is None:
        return _EVERYTHING
    return _equal(op, Q(account__is_active=str(value).lower() == "true"))


def _member(op: CompareOperator | None, value: Any) -> Q:
    """Return the condition of the members of a group: those that the provider sees, and no other."""
    rows = visible_members()
    if op is None:
        return Q(group_id__in=rows.values("group_id"))
    return _equal(op, Q(group_id__in=rows.filter(user_id=row_id(str(value))).values("group_id")))


def _group_name(op: CompareOperator | None, value: Any) -> Q:
    """Return the condition of the name that the provider has for a group, which only the settings know."""
    if op is None:
        return _EVERYTHING
    text = str(value).casefold()
    tests: Mapping[CompareOperator, Callable[[str], bool]] = {
        CompareOperator.eq: lambda name: name == text,
        CompareOperator.ne: lambda name: name != text,
        CompareOperator.co: lambda name: text in name,
        CompareOperator.sw: lambda name: name.startswith(text),
        CompareOperator.ew: lambda name: name.endswith(text),
    }
    if op not in tests:
        raise InvalidFilterException(detail=f"{op.value} is not supported")
    return Q(group__name__in=[ours for theirs, ours in settings.SCIM_GROUPS.items() if tests[op](theirs.casefold())])


def _equal(op: CompareOperator, equal: Q) -> Q:
    if op not in {CompareOperator.eq, CompareOperator.ne}:
        raise InvalidFilterException(detail=f"{op.value} is not supported")
    return ~equal if op is CompareOperator.ne else equal


# By attribute, in small letters: attribute names have no case.
_EXTERNAL_ID = _text("external_id", exact_case=True)
_EMAIL = _text("account__email")
USERS: Mapping[str, Condition] = {
    "id": _number("account_id"),
    "externalid": _EXTERNAL_ID,
    "username": _text("account__username"),
    "displayname": _text("display_name"),
    "name.givenname": _text("account__first_name"),
    "name.familyname": _text("account__last_name"),
    "emails": _EMAIL,
    "emails.value": _EMAIL,
    "active": _active,
}
GROUPS: Mapping[str, Condition] = {
    "id": _number("group_id"),
    "externalid": _EXTERNAL_ID,
    "displayname": _group_name,
    "members": _member,
    "members.value": _member,
}
# The only entry of a list that is kept here has these.
_FIXED = {"emails.type": "work", "emails.primary": "true"}


class Conditions(FilterVisitor[Q]):
    """Makes the condition of a filter. Raises InvalidFilterException for an attribute that is not searched by."""

    def __init__(self, conditions: Mapping[str, Condition]) -> None:
        self.conditions = conditions
        self.within = ""

    def visit_comparison(self, node: Comparison) -> Q:
        """Return the condition of a comparison."""
        return self._condition(node.attr_path, node.op, node.value)

    def visit_present(self, node: Present) -> Q:
        """Return the condition that there is a value."""
        return self._condition(node.attr_path, None, None)

    def visit_not(self, node: Not) -> Q:
        """Return the negation of a condition."""
        return ~self.visit(node.expr)

    def visit_logical_expr(self, node: LogicalExpr) -> Q:
        """Return several conditions joined."""
        join = operator.and_ if node.op is LogicalOperator.and_ else operator.or_
        return reduce(join, (self.visit(term) for term in node.terms))

    def visit_value_path(self, node: ValuePath) -> Q:
        """Return the condition on an entry of a list, of which one at most is kept."""
        self.within = f"{node.attr_path.attr}."
        condition = self.visit(node.val_filter)
        self.within = ""
        return condition

    def _condition(self, path: AttrPath, op: CompareOperator | None, value: Any) -> Q:
        name = f"{self.within}{path.attr}{f'.{path.sub_attr}' if path.sub_attr else ''}".lower()
        if name in _FIXED and op is CompareOperator.eq:
            return _EVERYTHING if str(value).lower() == _FIXED[name] else _NOTHING
        if isinstance(value, str) and "\x00" in value:
            raise InvalidFilterException(detail=f"{name} holds no NUL")
        condition = self.conditions.get(name)
        if condition is None:
            raise InvalidFilterException(detail=f"{name} cannot be searched by. Use {', '.join(self.conditions)}.")
        return condition(op, value)


def condition_of(node: FilterNode | None, conditions: Mapping[str, Condition]) -> Q:
    """Return the condition of a filter, for no filter one that everything meets. Raises InvalidFilterException."""
    return _EVERYTHING if node is None else Conditions(conditions).visit(node)
