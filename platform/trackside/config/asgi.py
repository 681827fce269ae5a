"""The one ASGI application: pages, REST and the live stream."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "trackside.config.settings")
application = get_asgi_application()
