"""The WSGI application, served by granian."""

import os

from django.core.wsgi import get_wsgi_application

from config.start import prepare_start
from config.supervisor.parents import die_with_supervised_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
die_with_supervised_parent()
prepare_start()

_django = get_wsgi_application()
# After Django is set up: the fast path reads settings and models.
from config.fast_path import with_fast_path  # noqa: E402 - Django first

application = with_fast_path(_django)
