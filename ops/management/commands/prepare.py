"""``manage.py prepare``: bring the database and the static files up to date. ``serve`` runs it."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ops.prepare import prepare
from ops.problems import StartProblem


class Command(BaseCommand):
    """Migrate, collect static files, make the demo's people or the first sign-in link."""

    help = "Bring the database and the static files up to date, as serve does at each start."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--address", default="", help="where the server will be reached, for the first sign-in link"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            notes = prepare(options["address"], lambda text: self.stderr.write(f"parley: {text}"))
        except StartProblem as problem:
            self.stdout.write(str(problem))
            sys.exit(1)
        if notes:
            self.stdout.write(notes)
