"""The real settings, with the naive endpoint of ``bench.naive`` beside the real ones."""

from config.settings import *  # noqa: F403

ROOT_URLCONF = "bench.urls"
