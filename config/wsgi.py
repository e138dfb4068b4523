"""The WSGI application, served by granian."""

import os

from django.conf import settings
from django.core.wsgi import get_wsgi_application

from config import heartbeats
from config.bodies.granian_protocol import hand_on_protocol
from config.start import prepare_start
from config.supervisor.parents import SUPERVISED, die_with_supervised_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
die_with_supervised_parent()
prepare_start()
if os.environ.get(SUPERVISED) == "on":
    heartbeats.start(settings.RUNTIME_DIR)

_django = get_wsgi_application()
# After Django is set up: they read settings and models.
from config.bodies.limits import with_limits  # noqa: E402 - likewise
from config.bodies.receive import with_received_bodies  # noqa: E402 - likewise
from config.fast_path import with_fast_path  # noqa: E402 - Django first
from config.metrics.pool import start_sampling  # noqa: E402 - likewise
from config.metrics.requests import start_counting, with_metrics  # noqa: E402 - likewise
from config.paths import with_single_slashes  # noqa: E402 - likewise
from config.supervisor.memory import leave_out_loaded_objects  # noqa: E402 - likewise
from config.tracing.start import with_tracing  # noqa: E402 - likewise

hand_on_protocol()
start_sampling()
start_counting()
_limited = with_received_bodies(with_limits(with_fast_path(_django)))
application = with_single_slashes(with_tracing(with_metrics(_limited)))
leave_out_loaded_objects()
