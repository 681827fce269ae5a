"""Addresses of the fleet."""

from django.urls import path

from trackside.compute import views

urlpatterns = [
    path("gpus/", views.gpus, name="gpus"),
    path("gpus/usage/", views.usage, name="usage"),
    path("gpus/usage.csv", views.usage_csv, name="usage_csv"),
    path("gpus/quotas/", views.quotas_page, name="quotas"),
]
