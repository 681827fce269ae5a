"""The one ASGI application: pages, REST and the live stream."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "trackside.config.settings")
django = get_asgi_application()  # first: what stands in front of it reads models

from trackside.config.body_limit import limited  # noqa: E402

application = limited(django)
