"""The task worker's process: queued tasks in the main thread, ticks in a second one."""

from __future__ import annotations

import faulthandler
import signal
import threading
from types import FrameType

import structlog
from django.db import DatabaseError, close_old_connections, connection
from django.utils.crypto import get_random_string
from django_tasks_db.management.commands.db_worker import Worker
from django_tasks_db.models import DBTaskResult

from core.tasks import ticks

logger = structlog.get_logger(__name__)

# Seconds between two looks at an empty queue.
LOOK = 1.0
# Seconds that a running task gets to finish when the server stops.
DRAIN_SECONDS = 10


def run() -> None:
    """Work until SIGTERM or SIGINT; finish what is under way."""
    stop = threading.Event()
    worker = Worker(
        queue_names=["*"],
        interval=LOOK,
        batch=True,
        backend_name="default",
        startup_delay=False,
        max_tasks=None,
        worker_id=get_random_string(32),
        excluded_queue_names=[],
    )

    def asked(signum: int, frame: FrameType | None) -> None:
        worker.running = False
        stop.set()
        faulthandler.dump_traceback_later(DRAIN_SECONDS + 4, exit=True)

    signal.signal(signal.SIGTERM, asked)
    signal.signal(signal.SIGINT, asked)
    ticks.discover()
    runner = ticks.Runner()
    runner.start()
    logger.info("worker_started", ticks=sorted(ticks.registry))
    while not stop.is_set():
        close_old_connections()
        try:
            # Only when there is something: the worker's own look takes SQLite's write lock.
            if DBTaskResult.objects.ready().exists():
                worker.run()
        except DatabaseError:
            logger.exception("tasks_wait_for_database")
        stop.wait(LOOK)
    runner.stop(DRAIN_SECONDS)
    connection.close()
    logger.info("worker_stopped")
