"""The log as a Django app."""

from django.apps import AppConfig


class LogConfig(AppConfig):
    name = "core.log"
    label = "log"
    verbose_name = "Change log"
