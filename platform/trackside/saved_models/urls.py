"""Addresses of this app."""

from django.urls import path

from trackside.saved_models import views

MODEL = "p/<str:key>/models/<str:name>/"
urlpatterns = [
    path("p/<str:key>/models/", views.saved_models, name="saved_models"),
    path(MODEL, views.saved_model, name="saved_model"),
    path(MODEL + "versions/<int:number>/activate/", views.activate, name="version_activate"),
    path(MODEL + "versions/<int:number>/delete/", views.version_delete, name="version_delete"),
    path(MODEL + "versions/<int:number>/bundle.tar", views.bundle, name="version_bundle"),
]
