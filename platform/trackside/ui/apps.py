from django.apps import AppConfig


class Config(AppConfig):
    name = "trackside.ui"
    label = "ui"
