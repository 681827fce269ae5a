from django.apps import AppConfig


class Config(AppConfig):
    name = "trackside.datasets"
    label = "datasets"
