"""``manage.py serve``. manage.py takes a shorter way that loads no app; this is for ``manage.py help``."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ops.serve import main


class Command(BaseCommand):
    """Run the whole installation on this machine."""

    help = "Start Parley: Valkey (unless REDIS_URL is set), the web workers and the task worker."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--with-parent", action="store_true", help="stop when the starting process ends")

    def handle(self, *args: Any, **options: Any) -> None:
        sys.exit(main(["--with-parent"] if options["with_parent"] else []))
