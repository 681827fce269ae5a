from django.apps import AppConfig


class Config(AppConfig):
    name = "trackside.accounts"
    label = "accounts"
