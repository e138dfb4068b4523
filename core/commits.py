"""Work that is done once after a commit, for everything that the hooks of the commit have done.

A hook that writes takes a transaction of its own, and on SQLite a turn among all writers. Several hooks of one commit
therefore hand over what they would write, and it is written together.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import connection

Finish = Callable[[list[Any]], None]


class BatchedCommitHooks:
    """The part of a database wrapper that calls `Finish` functions after all hooks of a commit."""

    _batches: dict[Finish, list[Any]] | None = None

    def run_and_clear_commit_hooks(self) -> None:
        """Run the hooks of a commit, then finish what they handed over. A hook may commit itself."""
        if self._batches is not None:
            super().run_and_clear_commit_hooks()  # type: ignore[misc]  # of Django's wrapper
            return
        batches: dict[Finish, list[Any]] = {}
        self._batches = batches
        try:
            super().run_and_clear_commit_hooks()  # type: ignore[misc]  # likewise
        finally:
            self._batches = None
            for finish, items in batches.items():
                finish(items)


def after_hooks(finish: Finish, item: Any) -> None:
    """Call ``finish`` once with the items of all hooks of the present commit; at once where no commit runs hooks."""
    batches: dict[Finish, list[Any]] | None = getattr(connection, "_batches", None)
    if batches is None:
        finish([item])
    else:
        batches.setdefault(finish, []).append(item)
