"""What is answered ahead of Django."""

from core.raw import RawRoute
from ops.health import healthz, metrics_page, readyz

routes = [
    RawRoute("/healthz", healthz),
    RawRoute("/readyz", readyz),
    RawRoute("/metrics", metrics_page),
]
