"""What an ASGI server loads: ``config.asgi:application``."""

from __future__ import annotations

import os

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
django.setup()

from config.application import Application  # noqa: E402 - the apps must be loaded first

__all__ = ["Application", "application"]

application = Application()
