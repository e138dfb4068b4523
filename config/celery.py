"""The Celery application. Tasks are found in each app's tasks.py; settings start with CELERY_."""

import os

from celery import Celery
from celery.signals import beat_init, celeryd_init

from config.start import prepare_start

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("custody")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@celeryd_init.connect
@beat_init.connect
def prepare(**_signal: object) -> None:
    """Make the data directory before a worker or the scheduler starts. Raises DataDirectoryUnusable."""
    prepare_start()
