"""Addresses of the fleet."""

from django.urls import path

from trackside.compute import views

urlpatterns = [path("gpus/", views.gpus, name="gpus")]
