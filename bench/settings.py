"""The real settings, with the naive endpoint of ``bench.naive`` beside the real ones."""

from config.settings import *  # noqa: F403 - all of them, that is the point

ROOT_URLCONF = "bench.urls"
