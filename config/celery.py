"""The Celery application. Tasks are found in each app's tasks.py; settings start with CELERY_."""

import os

from celery import Celery
from celery.signals import beat_init, celeryd_init, worker_init
from django.utils.module_loading import import_string

from config.start import prepare_start

# Functions that workers call when they start. They are named, because other processes must not import them.
_IN_WORKERS = (
    "config.metrics.pool.start_sampling",
    "config.status.task_ends.store_ends",
    "config.tracing.start.start_worker_tracing",
)

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("custody", task_cls="config.schedule:GuardedTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.autodiscover_tasks(["config.status"])


@celeryd_init.connect
@beat_init.connect
def prepare(**_signal: object) -> None:
    """Make the data directory before a worker or the scheduler starts. Raises DataDirectoryUnusable."""
    prepare_start()


@worker_init.connect
def observe(**_signal: object) -> None:
    """Start the measurements of a worker. Raises ImproperlyConfigured where packages for tracing are missing."""
    for path in _IN_WORKERS:
        import_string(path)()
