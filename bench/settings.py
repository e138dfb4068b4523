"""The product's settings with one more route: an empty view behind the same middleware."""

from config.settings import *  # noqa: F403 - these are those settings

ROOT_URLCONF = "bench.urls"
