"""The texts of moves: each target reads as a sentence."""

from __future__ import annotations

import pytest

from policies.targets import move_text, moved_text


@pytest.mark.parametrize(
    ("target", "move", "moved"),
    [
        ("Production", "move this version to Production", "moved to Production"),
        ("@champion", "move this version to @champion", "moved to @champion"),
        ("Archived", "archive this version", "was archived"),
        ("None", "remove this version from its stage", "was removed from its stage"),
        ("-champion", "remove @champion from this version", "no longer has @champion"),
    ],
)
def test_a_move_reads_as_a_sentence(target: str, move: str, moved: str) -> None:
    assert move_text(target) == move
    assert moved_text(target) == moved
