"""Settings of Parley. Every number that an operator may want to change is named here once."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import environ
from django.core.exceptions import ImproperlyConfigured
from whitenoise.compress import Compressor

from config import desk
from config import env as installation

env = environ.Env()


def _number(name: str, default: int) -> int:
    value = os.environ.get(name) or str(default)
    if not value.isascii() or not value.isdigit():
        raise ImproperlyConfigured(f"{name} is {value!r}. Set it to a number, or leave it out.")
    return int(value)


BASE_DIR = installation.BASE_DIR
PARLEY_HOME = installation.home()

# --- which installation this is -----------------------------------------------------------

# "demo" fills itself with people and rooms and listens on loopback; "production" starts empty.
PARLEY_ENV = env.str("PARLEY_ENV", default="demo")
PARLEY_DEMO = PARLEY_ENV == "demo"
DEBUG = False
SECRET_KEY = env.str("SECRET_KEY", default="") or installation.secret("django")
ALLOWED_HOSTS = env.list("ALLOWED_HOSTS", default=["*"] if PARLEY_DEMO else ["localhost", "127.0.0.1"])
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])
# Whether a proxy in front says by X-Forwarded-For and -Proto who asks, and how.
BEHIND_PROXY = env.bool("BEHIND_PROXY", default=False)
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if BEHIND_PROXY else None
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = env.bool("COOKIE_SECURE", default=False)
SESSION_COOKIE_HTTPONLY = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "config.views.csrf_failure"

# --- apps, from the lowest floor up -------------------------------------------------------

LOCAL_APPS = [
    "core.log",
    "core.audit",
    "core.tasks",
    "realtime",
    "accounts",
    "chat",
    "ops",
]
INSTALLED_APPS = [
    "unfold",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_filters",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "drf_standardized_errors",
    "django_tasks",
    "django_tasks_db",
    *LOCAL_APPS,
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "config.csp.ContentSecurityPolicyMiddleware",
    "core.middleware.OptionalSlashMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
ROOT_URLCONF = "config.urls"
APPEND_SLASH = False
WSGI_APPLICATION = "config.wsgi.application"
ASGI_APPLICATION = "config.asgi.application"
TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    }
]

# --- database -----------------------------------------------------------------------------


def _database() -> dict[str, Any]:
    url = os.environ.get("DATABASE_URL")
    if not url:
        # Not by an address: the path may hold any character.
        return {"ENGINE": "django.db.backends.sqlite3", "NAME": str(PARLEY_HOME / "parley.sqlite3")}
    if url.partition("://")[0] not in {"postgres", "postgresql", "sqlite"}:
        raise ImproperlyConfigured(
            "DATABASE_URL is not the address of a PostgreSQL or SQLite database. "
            "It looks like postgres://user:password@host:5432/name, or leave it out."
        )
    return dict(env.db_url_config(url))


DATABASES: dict[str, dict[str, Any]] = {"default": _database()}
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["OPTIONS"] = {
        # A transaction that reads and then writes would fail with "database is locked" instead
        # of waiting; taking the write lock at BEGIN makes it wait.
        "transaction_mode": "IMMEDIATE",
        "timeout": 10,
        # FULL: an acknowledged message is on the disk, even when the power goes.
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
            "PRAGMA temp_store=MEMORY; PRAGMA mmap_size=134217728; PRAGMA journal_size_limit=67108864;"
        ),
    }
    # Opening a file and running the pragmas takes longer than a commit.
    DATABASES["default"]["CONN_MAX_AGE"] = None
else:
    DATABASES["default"].setdefault("CONN_MAX_AGE", 600)
    DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Redis --------------------------------------------------------------------------------

VALKEY_SOCKET = installation.socket_path("valkey")
REDIS_EMBEDDED = not os.environ.get("REDIS_URL")
REDIS_URL = f"unix://{quote(str(VALKEY_SOCKET))}" if REDIS_EMBEDDED else os.environ["REDIS_URL"]
# Seconds. Redis is never needed for the truth: better to go on without it than to hang.
REDIS_TIMEOUT = env.float("REDIS_TIMEOUT", default=1.0)
CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "django",
        "OPTIONS": {"IGNORE_EXCEPTIONS": True},
    }
}

# --- people and tokens --------------------------------------------------------------------

AUTH_USER_MODEL = "accounts.User"
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "/signin"
LOGIN_REDIRECT_URL = "/"
PARLEY_AUTHENTICATOR = "accounts.tokens.authenticate_token"
PARLEY_REGISTRATION_OPEN = env.bool("REGISTRATION_OPEN", default=True)
SIMPLE_JWT = {
    "ALGORITHM": "HS256",
    "SIGNING_KEY": env.str("JWT_KEY", default="") or installation.secret("jwt"),
    "ACCESS_TOKEN_LIFETIME": timedelta(seconds=_number("ACCESS_TOKEN_SECONDS", default=900)),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=_number("REFRESH_TOKEN_DAYS", default=30)),
}
# Seconds for which a rotated refresh token still works: two tabs, or a lost answer.
REFRESH_GRACE = 30

# --- REST ---------------------------------------------------------------------------------

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["accounts.authentication.TokenAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["core.rest.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["core.rest.JSONParser"],
    "DEFAULT_SCHEMA_CLASS": "core.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "core.error_answers.exception_handler",
    "UNAUTHENTICATED_USER": None,
}
DRF_STANDARDIZED_ERRORS: dict[str, Any] = {
    "EXCEPTION_FORMATTER_CLASS": "core.error_answers.ErrorFormatter",
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Parley",
    "DESCRIPTION": "The REST API of Parley, a self-hosted chat server.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "PREPROCESSING_HOOKS": ["config.schema.only_versioned"],
    "POSTPROCESSING_HOOKS": [
        "drf_standardized_errors.openapi_hooks.postprocess_schema_enums",
        "config.schema.add_raw_routes",
    ],
}

# --- how it is served ---------------------------------------------------------------------

# Not HOST: some shells set that to the name of the machine.
HOST = env.str("PARLEY_HOST", default="127.0.0.1")
PORT = _number("PORT", default=8000)
_ON_SQLITE = DATABASES["default"]["ENGINE"].endswith("sqlite3")
WEB_WORKERS = _number("WEB_WORKERS", default=1 if _ON_SQLITE else min(4, os.cpu_count() or 1))
# Requests that Django answers at a time in each web worker (docs/adr tells what was measured).
DJANGO_THREADS = _number("DJANGO_THREADS", default=4)
LISTEN_BACKLOG = 2048
WEBSOCKET_PROTOCOL = "realtime.protocol:SocketProtocol"
# Proxies, by address, whose word about the client's address is taken.
TRUSTED_PROXIES = env.list("TRUSTED_PROXIES", default=["127.0.0.1", "::1"])
METRICS_TOKEN = env.str("METRICS_TOKEN", default="") or installation.secret("metrics")
LOGGING_CONFIG = "ops.logs.configure"
LOGGING: dict[str, Any] = {
    # Containers and service managers read stderr; a person at a terminal would rather not.
    "to": env.str("LOG_TO", default="file" if PARLEY_DEMO else "stderr"),
    "format": env.str("LOG_FORMAT", default="json"),
    "level": env.str("LOG_LEVEL", default="INFO").upper(),
    "folder": PARLEY_HOME / "logs",
}

# --- limits (bytes, unless said otherwise) ------------------------------------------------

MAX_CONTENT_BYTES = 100_000
MAX_PAYLOAD_BYTES = 102_400
MAX_FRAME_BYTES = 256 * 1024
MAX_BODY_BYTES = 1024 * 1024
MAX_TOPIC_BYTES = 255
MAX_TOPICS_PER_SOCKET = 100
# Bytes that may wait for a slow socket before it is closed with a code that says reconnect.
MAX_SOCKET_BUFFER_BYTES = 1024 * 1024
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES
# "name": (how many, per how many seconds), counted per user, or per address where nobody is
# signed in. Off for loopback in the demo, so that one can try things out.
PARLEY_RATE_LIMITS: dict[str, tuple[int, int]] = {
    "sign_in": (10, 60),
    "register": (10, 3600),
    "send": (120, 60),
    "write": (300, 60),
    "join": (600, 60),
    "connect": (60, 60),
    "push": (600, 60),
}
PARLEY_RATE_LIMITS_OFF_ON_LOOPBACK = env.bool("RATE_LIMITS_OFF_ON_LOOPBACK", default=PARLEY_DEMO)
RECALL_HOURS = 24

# --- realtime -----------------------------------------------------------------------------

HEARTBEAT_SECONDS = 25
SOCKET_IDLE_SECONDS = 60
# Who may join topics that no app claims: "signed_in", "everyone" (guests too) or "nobody".
PARLEY_OPEN_TOPICS = env.str("OPEN_TOPICS", default="signed_in")
# Off for loopback in the demo, as the rate limits are.
MAX_SOCKETS_PER_USER = 50
MAX_SOCKETS_PER_ADDRESS = 500
# Missed changes that a join sends by itself; whoever missed more loads the current state.
MAX_RECOVERED_CHANGES = 1000
# Origins, beside the server's own, from which browsers may open sockets.
PARLEY_ALLOWED_ORIGINS = env.list("ALLOWED_ORIGINS", default=[])

# --- tasks --------------------------------------------------------------------------------

TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend", "QUEUES": ["default"]}}

# --- the moderators' desk -----------------------------------------------------------------

UNFOLD = desk.UNFOLD
FORMAT_MODULE_PATH = ["config.formats"]

# --- static files, languages, time --------------------------------------------------------

STATIC_URL = "/static/"
STATIC_ROOT = Path(os.environ.get("PARLEY_STATIC") or PARLEY_HOME / "static")
# Source maps are for developer tools: compressing 10 MB of them would make the first start wait.
WHITENOISE_SKIP_COMPRESS_EXTENSIONS = (*Compressor.SKIP_COMPRESS_EXTENSIONS, "map")
# One name for each module: under two it would be loaded twice.
WHITENOISE_KEEP_ONLY_HASHED_FILES = True
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "config.storage.StaticStorage"},
}
MEDIA_ROOT = PARLEY_HOME / "media"
LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
USE_I18N = True
