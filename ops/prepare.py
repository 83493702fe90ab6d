"""What has to be done before the first request: tables, static files, demo people."""

from __future__ import annotations

import fcntl
import hashlib
import io
from collections.abc import Callable
from pathlib import Path

from django.conf import settings
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from core.log import witness
from ops.problems import StartProblem

Say = Callable[[str], None]

# An arbitrary number that no other lock of this database uses.
_MIGRATION_LOCK = 7_305_001


def check_database() -> None:
    """Raise StartProblem when the database cannot be reached."""
    try:
        connection.ensure_connection()
    except DatabaseError as error:
        options = connection.settings_dict
        where = options["NAME"]
        if options["HOST"]:
            where = f"{where} at {options['HOST']}:{options['PORT'] or 'its usual port'}"
        reason = str(error).strip().splitlines()[-1]
        raise StartProblem(
            f"The database {where} cannot be used: {reason}. Check DATABASE_URL, and that the server is running."
        ) from error


def unapplied_migrations() -> list[str]:
    """The migrations that this database does not have yet."""
    executor = MigrationExecutor(connection)
    plan = executor.migration_plan(executor.loader.graph.leaf_nodes())
    return [f"{migration.app_label}.{migration.name}" for migration, _ in plan]


def migrate(say: Say) -> None:
    """Bring the tables up to date. Of several hosts that start together, one does it."""
    if not unapplied_migrations():
        return
    say("preparing the database")
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_advisory_lock(%s)", [_MIGRATION_LOCK])
        try:
            call_command("migrate", interactive=False, verbosity=0)
        finally:
            if connection.vendor == "postgresql":
                cursor.execute("SELECT pg_advisory_unlock(%s)", [_MIGRATION_LOCK])


def collect_static(say: Say) -> None:
    """Collect, hash and compress the static files when one of them changed."""
    root = Path(settings.STATIC_ROOT)
    root.parent.mkdir(parents=True, exist_ok=True)
    with root.with_name(f"{root.name}.lock").open("w") as lock:
        # Several servers may share the folder: the second finds all done.
        fcntl.flock(lock, fcntl.LOCK_EX)
        stamp = root / ".stamp"
        value = _static_digest()
        if stamp.is_file() and stamp.read_text() == value:
            return
        say("collecting the static files")
        # Redoc comes with the API docs' assets and nothing here uses it: 2 MB less to compress.
        call_command("collectstatic", interactive=False, verbosity=0, clear=True, ignore_patterns=["redoc"])
        stamp.write_text(value)


def _static_digest() -> str:
    # The packages' own files change with the pinned versions only.
    base = Path(settings.BASE_DIR)
    sha = hashlib.sha256((base / "requirements.txt").read_bytes())
    sha.update((base / "config" / "storage.py").read_bytes())
    for folder in (*map(Path, settings.STATICFILES_DIRS), *base.glob("*/static")):
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                facts = path.stat()
                sha.update(f"{path}|{facts.st_size}|{facts.st_mtime_ns}\n".encode())
    return sha.hexdigest()


def check_log() -> None:
    """Begin a new epoch when the database went back behind what was once committed."""
    witness.verify()


def demo() -> str:
    """Make the demo's people and rooms where they are missing; what to tell the person."""
    out = io.StringIO()
    call_command("demo", stdout=out)
    return out.getvalue().rstrip()


def first_run(address: str) -> str:
    """On an empty server in production: the link that makes the first account an admin."""
    from accounts.services.first_run import first_run_link

    link = first_run_link(address)
    return f"There is no admin yet. Open this link, once, to become the admin:\n  {link}" if link else ""


def prepare(address: str, say: Say) -> str:
    """Everything that must be done before the first request. What to tell the person about signing in."""
    check_database()
    migrate(say)
    collect_static(say)
    check_log()
    return demo() if settings.PARLEY_DEMO else first_run(address)
