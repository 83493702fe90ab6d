"""The one table of periodic work."""

from __future__ import annotations

from django.db import models


class Tick(models.Model):
    """When a periodic function runs next, and until when somebody is at it.

    A row is claimed by whoever is free. A runner that dies leaves a lease that expires, and the
    function runs again: periodic work does not depend on its last run having come to an end.
    """

    name = models.CharField(max_length=100, primary_key=True)
    next_at = models.DateTimeField(db_index=True)
    lease_until = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "tick"

    def __str__(self) -> str:
        return self.name
