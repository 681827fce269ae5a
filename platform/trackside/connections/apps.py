from django.apps import AppConfig


class Config(AppConfig):
    name = "trackside.connections"
    label = "connections"
