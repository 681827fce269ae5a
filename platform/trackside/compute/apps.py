from django.apps import AppConfig


class Config(AppConfig):
    name = "trackside.compute"
    label = "compute"
