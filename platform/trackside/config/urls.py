"""Every address. Each app brings its own list; `accounts/gate.py` denies what no list allows."""

from django.urls import URLPattern, URLResolver

urlpatterns: list[URLPattern | URLResolver] = []
