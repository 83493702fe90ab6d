"""``manage.py web``: one web worker. ``serve`` starts it; by hand there is no need to."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    """Run one web worker."""

    help = "Run one web worker on a listening socket that the supervisor passes on."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--fd", type=int, required=True, help="the number of the inherited listening socket")
        parser.add_argument("--gate", type=int, help="a pipe: serve when its other end is closed")

    def handle(self, *args: Any, **options: Any) -> None:
        from ops.web import serve

        serve(options["fd"], options["gate"])
