"""Addresses of projects."""

from django.urls import path

from trackside.projects import views

urlpatterns = [
    path("", views.home, name="home"),
    path("projects/new/", views.project_new, name="project_new"),
    path("p/<str:key>/settings/", views.project_settings, name="project_settings"),
    path("p/<str:key>/settings/members/", views.members, name="members"),
    path("p/<str:key>/settings/delete/", views.project_delete, name="project_delete"),
]
