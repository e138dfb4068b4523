"""Hypothesis strategies for bodies of policies: most of them valid, some with one mistake."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from policies.rule_parsing import FOUR_EYES_ROLES, MODEL_ROLES
from policies.rules import Severity
from registry.risk import TIERS
from validation.catalogue import known_checks

words = st.text(min_size=1, max_size=8).filter(lambda text: "\x00" not in text and text.isprintable())
names = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,8}", fullmatch=True)
durations = st.builds("{}{}".format, st.integers(1, 3000), st.sampled_from("mhd"))
tag_maps = st.dictionaries(words, words, max_size=3)
groups = st.lists(names, min_size=1, max_size=3)


def some(values: Any) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(list(values)), min_size=1, max_size=3)


conditions = st.fixed_dictionaries(
    {}, optional={"tier": some(TIERS), "tags": tag_maps, "from": some(["None", "Staging"]), "incumbent": st.booleans()}
).filter(bool)
owners = st.lists(st.fixed_dictionaries({"models": words, "users": groups}), min_size=1, max_size=2)
approvals = st.fixed_dictionaries(
    {"groups": groups},
    optional={
        "count": st.integers(1, 20),
        "roles": some(MODEL_ROLES),
        "owners": owners,
        "distinct_groups": st.booleans(),
        "carry_over": some(["card", "checks", "incumbent"]),
    },
)
ends = st.sampled_from(
    [("12-20", "01-03"), ("fri 16:00", "mon 08:00"), ("2026-12-24", "2026-12-26"), ("2026-12-24T18:00", "2027-01-02")]
)
windows = st.builds(lambda name, pair: {"name": name, "from": pair[0], "to": pair[1]}, words, ends)
kinds = st.one_of(
    st.sampled_from(sorted(set(known_checks()) - {"metric.threshold"})).map(lambda code: {"check": code}),
    approvals.map(lambda value: {"approvals": value}),
    some(FOUR_EYES_ROLES).map(lambda value: {"four_eyes": value}),
    st.fixed_dictionaries(
        {"hours": st.floats(0.5, 500) | st.integers(1, 500)}, optional={"in": some(["Staging"]).map(min)}
    ).map(lambda value: {"soak": value}),
    st.lists(windows, min_size=1, max_size=2).map(lambda value: {"not_during": value}),
    st.fixed_dictionaries({}, optional={"severity": st.sampled_from([s.value for s in Severity])}).map(
        lambda value: {"no_findings": value}
    ),
)
levels = st.one_of(
    st.sampled_from([{}, {"level": "hard"}, {"level": "advisory"}]),
    groups.map(lambda value: {"level": "soft", "override": value}),
)
rules = st.builds(
    lambda name, kind, level, more: {"id": name, **level, **kind, **more},
    names,
    kinds,
    levels,
    st.just({}) | conditions.map(lambda value: {"applies_if": value}),
)
options = st.fixed_dictionaries(
    {},
    optional={
        "expires_after": durations,
        "rollback_window": durations,
        "apply_delay": durations,
        "remind_every": durations,
        "e_signature": st.booleans(),
        "signed_by": st.sampled_from(["passkey", "device_passkey"]),
        "re_review_every": durations
        | st.fixed_dictionaries(
            {"every": durations}, optional={"when_due": st.sampled_from(["warn", "flag", "block"])}
        ),
        "break_glass": st.fixed_dictionaries(
            {"groups": groups}, optional={"second_person": st.booleans(), "post_review_within": durations}
        ),
        "rollback": st.fixed_dictionaries({}, optional={"within": durations | st.just("any"), "approvals": approvals}),
    },
)
scopes = st.fixed_dictionaries(
    {"target": st.sampled_from(["Staging", "Production", "@champion"])},
    optional={"models": words, "tags": tag_maps, "tier": some(TIERS) | st.just(["any"])},
)
bodies: st.SearchStrategy[dict[str, Any]] = st.fixed_dictionaries(
    {"name": names, "applies_to": scopes, "rules": st.lists(rules, min_size=1, max_size=4)},
    optional={"description": words, "options": options},
)
junk = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | words | st.floats(allow_nan=False, allow_infinity=False),
    lambda part: st.lists(part, max_size=2) | st.dictionaries(words, part, max_size=2),
    max_leaves=4,
)


@st.composite
def spoilt(draw: st.DrawFn) -> dict[str, Any]:
    """Draw a body in which one value, anywhere, is something else, or one key too many or too few."""
    body = draw(bodies)
    part: Any = body
    while True:
        keys = list(part) if isinstance(part, dict) else list(range(len(part)))
        if not keys:
            return body
        key = draw(st.sampled_from(keys))
        deeper = isinstance(part[key], dict | list) and part[key] and draw(st.booleans())
        if not deeper:
            break
        part = part[key]
    if isinstance(part, dict) and draw(st.booleans()):
        part.pop(key)
    else:
        part[key] = draw(junk)
    return body
