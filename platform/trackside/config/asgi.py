"""The one ASGI application: pages, REST and the live stream."""

import os
import warnings

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "trackside.config.settings")
django = get_asgi_application()  # first: what stands in front of it reads models

# WhiteNoise's files are small and may be read at once; what is long here streams by `ui.streaming`.
warnings.filterwarnings("ignore", message="StreamingHttpResponse must consume synchronous")

from trackside.config.body_limit import limited  # noqa: E402

application = limited(django)
