from django.apps import AppConfig


class Config(AppConfig):
    name = "trackside.lab"
    label = "lab"
