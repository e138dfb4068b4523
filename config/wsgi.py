"""The WSGI application, served by granian."""

import os

from django.core.wsgi import get_wsgi_application

from config.start import prepare_start
from config.supervisor.parents import die_with_supervised_parent

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
die_with_supervised_parent()
prepare_start()

_django = get_wsgi_application()
# after Django is set up: the short cut reads settings and models
from config.shortcut import with_shortcut  # noqa: E402 - Django first

application = with_shortcut(_django)
