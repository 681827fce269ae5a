from django.apps import AppConfig


class Config(AppConfig):
    name = "trackside.projects"
    label = "projects"
