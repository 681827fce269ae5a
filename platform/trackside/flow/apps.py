from django.apps import AppConfig


class Config(AppConfig):
    name = "trackside.flow"
    label = "flow"
