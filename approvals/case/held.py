"""The case that the present transaction has evaluated, for the gate that is asked in the same transaction.

No fact of it has changed since: the model was locked before the case was loaded, and what the transaction has written
meanwhile, the state of the request and its cached verdict, is no fact of a verdict.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from approvals.case.loading import Case, load_case
from approvals.models import TransitionRequest

_held: ContextVar[Case | None] = ContextVar("_held", default=None)


@contextmanager
def holding(case: Case) -> Iterator[None]:
    """Hold a case for the gate in the block, which moves the version in the transaction that loaded the case."""
    token = _held.set(case)
    try:
        yield
    finally:
        _held.reset(token)


def held_or_loaded(request: TransitionRequest) -> Case:
    """Return the case of a locked request: the held one, else as it is now."""
    case = _held.get()
    return case if case is not None and case.request.pk == request.pk else load_case(request)
