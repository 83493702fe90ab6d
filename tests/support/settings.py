"""Settings under test: the real ones, on throwaway data, with cheap passwords.

What they name is started in ``conftest.py`` before the first test.
"""

from __future__ import annotations

import os

from tests.support import places, services

os.environ["PARLEY_HOME"] = str(places.home())
os.environ["REDIS_URL"] = services.redis_url(places.home())
if places.backend() == "postgres":
    os.environ["DATABASE_URL"] = services.postgres_url()
else:
    os.environ.pop("DATABASE_URL", None)

from config.settings import *  # noqa: F403 - all of them, then what differs
from config.settings import DATABASES, LOGGING, STORAGES

if places.backend() == "sqlite":
    # A file, as in life: Django would take a database in memory.
    DATABASES["default"]["TEST"] = {"NAME": str(places.home() / "test.sqlite3")}

# Argon2 takes 50 ms on purpose; a test that is about passwords names it.
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher",
    "django.contrib.auth.hashers.Argon2PasswordHasher",
]
STORAGES["staticfiles"] = {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"}
LOGGING["to"] = "file"
SECRET_KEY = "tests"
