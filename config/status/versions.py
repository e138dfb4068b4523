"""Status of the versions: Custody, the protocol, Python and the packages that matter."""

from __future__ import annotations

import platform
from importlib.metadata import version

from django.conf import settings

from config.status.areas import Area

_PACKAGES = ("Django", "celery", "granian", "psycopg", "redis")


def versions_area() -> Area:
    """Return the versions of the code that answers."""
    facts = {
        "custody": settings.VERSION,
        "mlflow_protocol": settings.MLFLOW_PROTOCOL_VERSION,
        "python": platform.python_version(),
        "machine": platform.machine(),
        "packages": {name: version(name) for name in _PACKAGES},
        "host": platform.node(),
    }
    return Area("versions", facts)
