"""Addresses of connections: all for administrators."""

from django.urls import path

from trackside.connections import views

urlpatterns = [
    path("connections/", views.connections, name="connections"),
    path("connections/new/", views.connection_new, name="connection_new"),
    path("connections/<int:number>/", views.connection, name="connection"),
    path("connections/<int:number>/test/", views.connection_test, name="connection_test"),
    path("connections/<int:number>/delete/", views.connection_delete, name="connection_delete"),
]
