"""Addresses of this app: the live stream."""

from django.urls import path

from trackside.jobs.live import live

urlpatterns = [path("live/", live, name="live")]
