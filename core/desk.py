"""The moderators' desk: what the admin pages of every app share.

Rows are shown, never edited: whatever changes is an act with a reason, done by a service, so that
everyone sees it at once and the audit has it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial, update_wrapper
from typing import Any, ClassVar, TypeVar

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import ShowFacets
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import BadRequest, PermissionDenied
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.functional import cached_property
from django.utils.html import format_html
from django.utils.safestring import SafeString
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminTextareaWidget

from core.audit.selectors import list_entries, list_latest
from core.audit.services import MAX_REASON
from core.errors import ParleyError

# Rows that a list counts and pages through; who wants to see others searches or filters.
MAX_COUNTED = 10_000
# Rows that one act takes at a time from a list.
MAX_AT_ONCE = 100


class BoundedPaginator(Paginator):  # type: ignore[type-arg]  # Django's own is not generic at run time
    """Counts to ``MAX_COUNTED`` and no further: counting millions of rows would hold up every list."""

    @cached_property
    def count(self) -> int:
        """The number of rows, or ``MAX_COUNTED`` when there are more."""
        rows: Any = self.object_list
        return int(rows.order_by()[:MAX_COUNTED].count())


class ReasonForm(forms.Form):
    """Why."""

    reason = forms.CharField(
        max_length=MAX_REASON,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 3, "autofocus": True}),
        help_text="Kept in the audit for good. The person does not see it.",
    )


F = TypeVar("F", bound=Callable[..., Any])


def column(
    description: str, *, ordering: str | None = None, label: Mapping[str, str] | bool = False, header: bool = False
) -> Callable[[F], F]:
    """Decorator of a computed column. ``label``: shown as a coloured label, by its value; ``header``: two
    lines and a sign before them."""
    decorate: Callable[[F], F] = display(
        description=description,
        ordering=ordering,
        label=dict(label) if isinstance(label, Mapping) else label or None,
        header=header or None,
    )
    return decorate


def _nothing(_row: Any) -> dict[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class DeskAct:
    """Something to do with a row. ``allows(actor, row)`` says whether it is offered and may be done
    (``row`` None: at all); ``run(actor, row, data)`` calls the service."""

    name: str
    title: str
    explanation: str
    allows: Callable[[Any, Any], bool]
    run: Callable[[Any, Any, dict[str, Any]], object]
    icon: str
    form: type[forms.Form] = ReasonForm
    initial: Callable[[Any], dict[str, Any]] = _nothing
    danger: bool = False
    # Whether it can be done to many rows of a list.
    for_many: bool = True
    # Behind "More" on the page of a row.
    rare: bool = False


class Desk(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """A list and a page to look at, with acts. For moderators and admins of the site."""

    acts: ClassVar[Sequence[DeskAct]] = ()
    # What the audit calls such a row; empty where nothing is written down about it.
    audit_type: ClassVar[str] = ""
    hide_when_empty: ClassVar[Sequence[str]] = ()
    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = ShowFacets.NEVER
    list_per_page = 50
    list_fullwidth = True
    list_filter_sheet = False
    compressed_fields = True
    change_form_after_template: ClassVar[str | None] = "admin/audit_trail.html"

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Staff sees the lists."""
        return self.has_view_permission(request)

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Staff looks."""
        return bool(request.user.is_active and getattr(request.user, "is_staff", False))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nothing is made here."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nothing is edited here."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Nothing is deleted here but by an act."""
        return False

    def get_urls(self) -> list[URLPattern]:
        """Django's, and one path for each act."""
        urls: list[URLPattern] = super().get_urls()
        return [*(self._act_url(act) for act in self.acts), *urls]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """The acts that this person may do to many rows at a time."""
        return {
            act.name: (partial(_do_to_many, act), act.name, act.title)
            for act in self.acts
            if act.for_many and act.allows(request.user, None)
        }

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list. Raises BadRequest for a query that no database could look for."""
        if any("\x00" in value for values in request.GET.lists() for value in (values[0], *values[1])):
            raise BadRequest("A query cannot hold NUL characters.")
        response: HttpResponse = super().changelist_view(request, extra_context)
        return response

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The page of a row, with its acts and what the audit has of it."""
        response: HttpResponse = super().changeform_view(request, object_id, form_url, extra_context)
        context = getattr(response, "context_data", None)
        if context and context.get("original") is not None:
            row = context["original"]
            context["actions_detail"] = self._buttons([act for act in self.acts if act.allows(request.user, row)], row)
            context["audit_trail"] = list_entries(self.audit_type, str(row.pk)) if self.audit_type else None
        return response

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Sequence[Any]:
        """Those of ``fields`` that have something to say of this row."""
        names: Sequence[Any] = super().get_fields(request, obj)
        return [name for name in names if name not in self.hide_when_empty or getattr(obj, name, None)]

    def describe(self, row: Any) -> str:
        """A row in one line, for forms and notes."""
        return str(row)

    def act_view(self, request: HttpRequest, object_id: str, act: DeskAct) -> HttpResponse:
        """The form of one act, and the act."""
        row = self.get_object(request, object_id)
        if row is None:
            raise Http404
        if not self.has_view_permission(request, row) or not act.allows(request.user, row):
            raise PermissionDenied
        form = act.form(request.POST or None, initial=act.initial(row))
        if request.method == "POST" and form.is_valid():
            try:
                act.run(request.user, row, form.cleaned_data)
            except ParleyError as error:
                form.add_error(error.attr if error.attr in form.fields else None, str(error.detail))
            else:
                self.message_user(request, f"Done: {act.title} – {self.describe(row)}", messages.SUCCESS)
                return HttpResponseRedirect(self._after(row))
        return self._page(request, act, form, [row], back=self._url("change", row.pk))

    def _page(
        self,
        request: HttpRequest,
        act: DeskAct,
        form: forms.Form,
        rows: Sequence[Any],
        *,
        back: str,
        many: bool = False,
    ) -> TemplateResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": act.title,
            "opts": self.opts,
            "act": act,
            "form": form,
            "rows": [self.describe(row) for row in rows],
            "many": [row.pk for row in rows] if many else [],
            "checkbox": ACTION_CHECKBOX_NAME,
            "back": back,
        }
        return TemplateResponse(request, "admin/act.html", context)

    def _act_url(self, act: DeskAct) -> URLPattern:
        def view(request: HttpRequest, object_id: str) -> HttpResponse:
            return self.act_view(request, object_id, act)

        wrapped = update_wrapper(self.admin_site.admin_view(view), view)
        return path(f"<path:object_id>/{act.name}/", wrapped, name=self._name(act.name))

    def _buttons(self, acts: Sequence[DeskAct], row: Any) -> list[dict[str, Any]]:
        buttons = [self._button(act, row) for act in acts if not act.rare]
        rare = [self._button(act, row) for act in acts if act.rare]
        if rare:
            buttons.append({"title": "More", "variant": ActionVariant.DEFAULT, "method_name": "More", "items": rare})
        return buttons

    def _button(self, act: DeskAct, row: Any) -> dict[str, Any]:
        variant = ActionVariant.DANGER if act.danger else ActionVariant.DEFAULT
        address = self._url(act.name, row.pk)
        return {"title": act.title, "icon": act.icon, "variant": variant, "attrs": {}, "dialog": None, "path": address}

    def _after(self, row: Any) -> str:
        still_there = self.model._default_manager.filter(pk=row.pk).exists()
        return self._url("change", row.pk) if still_there else self._url("changelist")

    def _url(self, name: str, *arguments: object) -> str:
        return reverse(f"{self.admin_site.name}:{self._name(name)}", args=arguments)

    def _name(self, name: str) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_{name}"


def first_page(_request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the desk begins with: what was done lately."""
    return {**context, "audit_trail": list_latest()}


def page_of(row: Model, text: str) -> SafeString:
    """A link to the page of another row."""
    return link(reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=[row.pk]), text)


def page_of_audited(object_type: str, object_id: str) -> str | None:
    """The address of the page of what an audit entry is about, None where such things have none."""
    for desk in admin.site._registry.values():
        if isinstance(desk, Desk) and desk.audit_type == object_type:
            return desk._url("change", object_id)
    return None


def link(address: str, text: str) -> SafeString:
    """A link in a cell."""
    return format_html('<a href="{}" class="text-primary-600 dark:text-primary-500"><bdi>{}</bdi></a>', address, text)


def isolated(text: str) -> str:
    """The text so that its direction does not rearrange the line it stands in (Unicode's FSI and PDI)."""
    return f"\u2068{text}\u2069"


def _do_to_many(act: DeskAct, desk: Desk, request: HttpRequest, rows: QuerySet[Any]) -> HttpResponse | None:
    """What happens when an act was chosen over a list: ask why, then do it to each row."""
    chosen = list(rows[: MAX_AT_ONCE + 1])
    if len(chosen) > MAX_AT_ONCE:
        desk.message_user(request, f"Choose at most {MAX_AT_ONCE} at a time.", messages.ERROR)
        return None
    asked = "reason" in request.POST
    form = act.form(request.POST if asked else None)
    if not asked or not form.is_valid():
        return desk._page(request, act, form, chosen, back=desk._url("changelist"), many=True)
    done = 0
    for row in chosen:
        try:
            if not act.allows(request.user, row):
                raise PermissionDenied
            act.run(request.user, row, form.cleaned_data)
            done += 1
        except (ParleyError, PermissionDenied) as error:
            why = str(error.detail) if isinstance(error, ParleyError) else "not for you to do, or done before"
            desk.message_user(request, f"{desk.describe(row)}: {why}", messages.WARNING)
    if done:
        desk.message_user(request, f"Done: {act.title} – {done}", messages.SUCCESS)
    return None
