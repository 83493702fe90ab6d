"""``manage.py worker``: background tasks and ticks. ``serve`` starts it; more may run on other hosts."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    """Run the task worker."""

    help = "Run background tasks and periodic ticks until SIGTERM."
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        from core.tasks.worker import run

        run()
