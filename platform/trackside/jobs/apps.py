from django.apps import AppConfig


class Config(AppConfig):
    name = "trackside.jobs"
    label = "jobs"
