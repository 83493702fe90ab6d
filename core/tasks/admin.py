"""Background work is watched by /metrics and the logs: its rows have no page on the moderators' desk."""

from __future__ import annotations

from django.contrib import admin
from django_tasks_db.models import DBTaskResult

admin.site.unregister(DBTaskResult)
