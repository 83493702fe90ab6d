"""Background work as a Django app."""

from django.apps import AppConfig


class TasksConfig(AppConfig):
    name = "core.tasks"
    label = "tasks"
    verbose_name = "Tasks"
