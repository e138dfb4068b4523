"""The product's own settings, and one more route: a view that does nothing, behind the same middleware."""

from config.settings import *  # noqa: F403 - these are those settings

ROOT_URLCONF = "bench.urls"
