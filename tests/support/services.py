"""Real servers for tests: PostgreSQL, Debian's Redis, the embedded Valkey.

Each lives in a throwaway folder, ends with the process that started it (also when that is killed),
and is stopped by its process, never by name.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import quote

from ops import valkey
from ops.processes import die_with_parent
from tests.support import places

DEADLINE = 60.0


class ServiceError(Exception):
    """A service does not start; says what to install or what it printed."""


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wait_for(condition: Callable[[], object], what: str, seconds: float = DEADLINE) -> None:
    """Wait until ``condition`` holds; AssertionError with ``what`` when it does not in ``seconds``."""
    deadline = time.monotonic() + seconds
    pause = 0.005
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds} s"
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


class Service:
    """A server process in a folder of its own."""

    def __init__(self, folder: Path, *, user: str | None = None) -> None:
        self.folder = folder
        self.user = user if os.getuid() == 0 else None
        self.output = folder / "output.txt"
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)
        if self.user:
            shutil.chown(folder, self.user, self.user)

    def command(self) -> Sequence[str]:
        """What to run."""
        raise NotImplementedError

    def answers(self) -> bool:
        """Whether it serves."""
        raise NotImplementedError

    @property
    def pid(self) -> int:
        """Its process."""
        assert self.process is not None
        return self.process.pid

    def start(self) -> None:
        """Start it and wait until it answers."""
        parent = os.getpid()
        last_word = signal.SIGQUIT if self.user else signal.SIGTERM
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                self.command(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
                user=self.user,
                group=self.user,
                extra_groups=[] if self.user else None,
                process_group=0,
                preexec_fn=lambda: die_with_parent(parent, last_word),  # noqa: PLW1509 - two system calls
            )
        deadline = time.monotonic() + DEADLINE
        while not self.answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise ServiceError(f"{self.command()[0]} does not start:\n{self.output.read_text()[-2000:]}")
            time.sleep(0.02)

    def kill(self) -> None:
        """End it at once, as a crash would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """End it in order."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGINT if self.user else signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process = None


class Valkey(Service):
    """The embedded Valkey, as ``serve`` starts it."""

    @property
    def socket(self) -> Path:
        """Its Unix socket."""
        return self.folder / "redis.sock"

    @property
    def url(self) -> str:
        """For ``REDIS_URL``."""
        return f"unix://{quote(str(self.socket))}"

    def command(self) -> Sequence[str]:
        return valkey.command(self.folder, self.socket)

    def answers(self) -> bool:
        return valkey.answers(self.socket)


class DebianRedis(Valkey):
    """Debian's redis-server; ``port`` 0: a Unix socket alone."""

    def __init__(self, folder: Path, *, port: int = 0) -> None:
        super().__init__(folder)
        self.port = port

    def command(self) -> Sequence[str]:
        program = shutil.which("redis-server")
        if program is None:
            raise ServiceError("redis-server is missing: apt-get install redis-server")
        options = [f"--port {self.port}", f"--unixsocket {self.socket}", f"--dir {self.folder}", "--save ''"]
        return [program, *(part for option in options for part in option.split(" ", 1))]


class Postgres(Service):
    """A PostgreSQL cluster on a free port, durable as in life."""

    def __init__(self, folder: Path, *, port: int) -> None:
        super().__init__(folder, user="postgres")
        self.port = port

    def url(self, database: str = "postgres") -> str:
        """For ``DATABASE_URL``."""
        return f"postgres://parley:parley@127.0.0.1:{self.port}/{database}"

    def _program(self, name: str) -> str:
        found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}")) or [
            Path(path) for path in [shutil.which(name)] if path
        ]
        if not found:
            raise ServiceError(f"PostgreSQL's {name} is missing: apt-get install postgresql-15")
        return str(found[-1])

    def command(self) -> Sequence[str]:
        options = {
            "port": self.port,
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.folder,
            "max_connections": 200,
            "fsync": "on",
            "synchronous_commit": "on",
            "full_page_writes": "on",
            "shared_buffers": "128MB",
        }
        settings = [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        return [self._program("postgres"), "-D", str(self.folder / "data"), *settings]

    def start(self) -> None:
        """Make the cluster when it is not there yet, and start it."""
        if not (self.folder / "data").exists():
            password = self.folder / "password"
            password.write_text("parley")
            password.chmod(0o644)
            command = [self._program("initdb"), "-D", str(self.folder / "data"), "-U", "parley", "-A", "scram-sha-256"]
            command += ["-E", "UTF8", "--locale=C.UTF-8", f"--pwfile={password}"]
            done = subprocess.run(
                command, user=self.user, group=self.user, cwd=self.folder, capture_output=True, text=True, check=False
            )
            if done.returncode:
                raise ServiceError(f"initdb failed:\n{done.stderr[-2000:]}")
        super().start()

    def answers(self) -> bool:
        import psycopg

        try:
            psycopg.connect(self.url(), connect_timeout=2).close()
        except psycopg.Error:
            return False
        return True

    def create_database(self, name: str) -> str:
        """Make a database; its URL."""
        import psycopg

        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"'.encode())
        return self.url(name)


def redis_url(folder: Path) -> str:
    """Where the Redis of the pytest process with this folder will be."""
    return f"unix://{quote(str(folder / 'redis' / 'redis.sock'))}"


def start_redis(folder: Path) -> Valkey:
    """Start the Redis of one pytest process: Valkey or Debian's, as the backend says."""
    kind = DebianRedis if places.backend() == "postgres" else Valkey
    redis = kind(folder / "redis")
    redis.start()
    return redis


def postgres_url() -> str:
    """The cluster of this run; its port is chosen by the first process of the run."""
    port = os.environ.setdefault(places.POSTGRES_VARIABLE, str(free_port()))
    return Postgres(places.run_folder() / "postgres", port=int(port)).url()


def start_postgres() -> Postgres:
    """Start the cluster of this run."""
    postgres_url()
    postgres = Postgres(places.run_folder() / "postgres", port=int(os.environ[places.POSTGRES_VARIABLE]))
    postgres.start()
    return postgres
