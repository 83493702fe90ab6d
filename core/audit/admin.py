"""The audit, to read."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from core.audit.models import AuditEntry
from core.desk import Desk, column, link, page_of_audited


@admin.register(AuditEntry)
class AuditDesk(Desk):
    """Who did what to whom, and why; nobody changes it."""

    list_display = ("created_at", "actor_name", "action", "about", "reason")
    list_filter = ("action", "object_type")
    search_fields = ("actor_name", "object_id", "reason")
    search_help_text = "A name, an id, or words of the reason"
    ordering: ClassVar[tuple[str, ...]] = ("-id",)
    sortable_by = ()
    fields = ("created_at", "actor_name", "action", "about", "reason", "data")
    readonly_fields = ("about",)
    change_form_after_template = None

    def get_queryset(self, request: HttpRequest) -> QuerySet[AuditEntry]:
        """Without the actor's row: the name stands in the entry."""
        entries: QuerySet[AuditEntry] = super().get_queryset(request)
        return entries.defer("actor")

    @column("About")
    def about(self, entry: AuditEntry) -> str:
        """The object, with a link to its page where it has one."""
        text = f"{entry.object_type} {entry.object_id}"
        address = page_of_audited(entry.object_type, entry.object_id)
        return text if address is None else link(address, text)
