"""The one ASGI application: pages, REST and the live stream."""

import os

from django.core.asgi import get_asgi_application

from trackside.config.body_limit import limited

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "trackside.config.settings")
application = limited(get_asgi_application())
