"""The Celery application. Tasks are found in each app's tasks.py; settings start with CELERY_."""

import os

from celery import Celery
from celery.signals import beat_init, celeryd_init, worker_ready

from config.metrics.pool import start_sampling
from config.start import prepare_start
from config.tracing.start import start_worker_tracing
from config.status import task_ends  # noqa: F401 - it stores the ends of periodic tasks, by a signal

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("custody")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(["config.status"])


@celeryd_init.connect
@beat_init.connect
def prepare(**_signal: object) -> None:
    """Make the data directory before a worker or the scheduler starts. Raises DataDirectoryUnusable."""
    prepare_start()


@worker_ready.connect
def measure(**_signal: object) -> None:
    """Sample the connection pool of a worker, and trace its tasks where tracing is on.

    Raises ImproperlyConfigured.
    """
    start_sampling()
    start_worker_tracing()
