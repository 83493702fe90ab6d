"""The tables of the log."""

from __future__ import annotations

from django.db import models


class Installation(models.Model):
    """The one row that says which log this is.

    ``epoch`` changes when the log went back (a restored backup): positions of the old epoch are
    lost. ``origin`` names the installation in the order of a timeline, for good.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    epoch = models.CharField(max_length=12)
    origin = models.CharField(max_length=12)

    class Meta:
        constraints = (models.CheckConstraint(condition=models.Q(id=1), name="one_installation"),)

    def __str__(self) -> str:
        return f"{self.origin}, epoch {self.epoch}"


class StreamGuard(models.Model):
    """A row that stands for one stream and keeps a copy of its offset, so that readers need only it.

    Nobody appends to that stream but with the row locked: the lock on the row is the lock on the
    stream. The log writes the copy.
    """

    offset = models.BigIntegerField(default=0)

    class Meta:
        abstract = True

    @property
    def stream(self) -> str:
        """The key of the stream."""
        raise NotImplementedError


class Stream(models.Model):
    """A sequence of changes without gaps. ``offset`` is that of the newest, 0 before the first."""

    key = models.CharField(max_length=80, primary_key=True)
    offset = models.BigIntegerField(default=0)
    # Changes up to here were compacted away; readers that stand before it have lost their position.
    floor = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"{self.key}@{self.offset}"


class Change(models.Model):
    """One change: what happened and to which objects. The content stays in the objects' rows."""

    # Without an index of its own: that of the constraint below serves, and every change writes it.
    stream = models.ForeignKey(Stream, on_delete=models.CASCADE, related_name="changes", db_index=False)
    offset = models.BigIntegerField()
    event = models.CharField(max_length=48)
    object_ids = models.JSONField(default=dict)
    data = models.JSONField(default=dict)
    created_at = models.DateTimeField()

    class Meta:
        constraints = (models.UniqueConstraint(fields=["stream", "offset"], name="change_offset_once"),)

    def __str__(self) -> str:
        return f"{self.stream_id}@{self.offset} {self.event}"
