"""Names for runs and models whose client gave none: `brave-otter-417`."""

from __future__ import annotations

import secrets

_ADJECTIVES = """
amber brave brisk calm candid clever crisp daring eager fair fluent gentle glad humble keen kind lively lucid merry mild noble
patient placid plucky prompt quiet ready rustic sage serene silent sincere sober steady subtle sunny swift tidy tranquil trusty
upbeat vivid warm wise witty zesty
"""
_NOUNS = """
badger beaver bison crane curlew dolphin eagle falcon ferret finch gecko gull hare heron ibex jackal kestrel kite lark lemur
linnet lynx magpie marten mole moose newt ocelot oriole osprey otter owl panda pike plover puffin quail raven robin salmon seal
shrew sparrow stoat stork swan tapir tern trout vole walrus weasel wren yak
"""


def random_name() -> str:
    """Return two words and a number; about two and a half million combinations, for people and not for identity."""
    return f"{secrets.choice(_ADJECTIVES.split())}-{secrets.choice(_NOUNS.split())}-{secrets.randbelow(1000)}"
