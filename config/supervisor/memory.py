"""Memory of a process that answers requests: what was loaded at the start is left out of garbage collections.

A full collection looks at every object. With the routes and models loaded there are 250,000 of them, so it takes 150 ms
in the middle of a request that makes many rows. These objects live as long as the process.
"""

from __future__ import annotations

import gc

from django.urls import get_resolver


def leave_out_loaded_objects() -> None:
    """Load all routes with their views, then exclude every object that exists from later garbage collections."""
    get_resolver().url_patterns  # noqa: B018 - reading it loads the views
    gc.collect()
    gc.freeze()
