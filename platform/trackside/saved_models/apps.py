from django.apps import AppConfig


class Config(AppConfig):
    name = "trackside.saved_models"
    label = "saved_models"
