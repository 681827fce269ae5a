"""Every address. Each app brings its own list; `accounts/gate.py` denies what no list allows."""

from django.urls import URLPattern, URLResolver, include, path

from trackside.config import health
from trackside.jobs import views_health

urlpatterns: list[URLPattern | URLResolver] = [
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("health/", views_health.page, name="health"),
    path("", include("trackside.accounts.urls")),
    path("", include("trackside.projects.urls")),
    path("", include("trackside.connections.urls")),
    path("", include("trackside.datasets.urls")),
    path("", include("trackside.compute.urls")),
    path("", include("trackside.jobs.urls")),
    path("", include("trackside.lab.urls")),
    path("", include("trackside.saved_models.urls")),
    path("", include("trackside.flow.urls")),
    path("", include("trackside.api.urls")),
]
handler400 = "trackside.ui.errors.bad_request"
handler403 = "trackside.ui.errors.forbidden"
handler404 = "trackside.ui.errors.not_found"
handler500 = "trackside.ui.errors.broken"
