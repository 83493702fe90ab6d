"""The desk of people: look, ban, sign out, change roles."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.auth.models import Group
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from unfold.forms import AdminOwnPasswordChangeForm, AuthenticationForm
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldAdminSelectWidget

from accounts.attempts import forgive_attempts, limit_attempts
from accounts.models import Partner, Role, User, fold
from accounts.payloads import partner_state
from accounts.permissions import can_moderate, is_admin, is_staff
from accounts.selectors import list_devices
from accounts.services import credentials, standing
from core.desk import Desk, DeskAct, ReasonForm, column, isolated
from core.errors import ParleyError
from core.ids import as_uuid


class SignInForm(AuthenticationForm):  # type: ignore[misc]  # unfold has no types
    """The desk's own door: the same checks and limits as every other sign-in."""

    def clean(self) -> dict[str, Any]:
        """Who this is. Raises ValidationError."""
        data: dict[str, Any] = self.cleaned_data
        username, password = data.get("username", ""), data.get("password", "")
        name = User.normalize_username(username)
        try:
            limit_attempts(self.request, "sign_in", name)
            self.user_cache = credentials.check_credentials(username=username, password=password)
            forgive_attempts(self.request, name)
        except ParleyError as error:
            raise ValidationError(str(error.detail), code=error.code) from error
        self.confirm_login_allowed(self.user_cache)
        return data


class OwnPasswordForm(AdminOwnPasswordChangeForm):  # type: ignore[misc]  # unfold has no types
    """A new password of one's own: by the service, so that it signs out everywhere."""

    user: User

    def save(self, commit: bool = True) -> User:
        """The user with the new password."""
        self.user = credentials.change_own_password(user_id=self.user.pk, password=self.cleaned_data["new_password1"])
        return self.user


def change_own_password(request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:
    """The desk's page for it, with our form."""
    view = PasswordChangeView.as_view(
        form_class=OwnPasswordForm,
        success_url=reverse("admin:password_change_done"),
        template_name="registration/password_change_form.html",
        extra_context={**admin.site.each_context(request), **(extra_context or {})},
    )
    return view(request)


class RoleForm(ReasonForm):
    """Which role, and why."""

    role = forms.ChoiceField(choices=Role.choices, widget=UnfoldAdminSelectWidget)
    field_order = ("role", "reason")


class PartnerForm(ReasonForm):
    """Which standing, and why."""

    state = forms.ChoiceField(choices=Partner.State.choices, widget=UnfoldAdminSelectWidget)
    field_order = ("state", "reason")


class PasswordForm(ReasonForm):
    """Which password, and why."""

    password = forms.CharField(
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
        strip=False,
        help_text="Tell it to them by a way you trust.",
    )
    field_order = ("password", "reason")


def _may_moderate(actor: User, user: User | None) -> bool:
    return is_staff(actor) if user is None else can_moderate(actor, user)


ACTS = (
    DeskAct(
        name="ban",
        title="Ban",
        explanation="They are signed out everywhere at once and cannot come back until the ban is lifted.",
        allows=lambda actor, user: _may_moderate(actor, user) and (user is None or user.banned_at is None),
        run=lambda actor, user, data: standing.ban_user(actor=actor, user_id=user.pk, reason=data["reason"]),
        icon="block",
        danger=True,
    ),
    DeskAct(
        name="unban",
        title="Lift the ban",
        explanation="They can sign in again.",
        allows=lambda actor, user: _may_moderate(actor, user) and (user is None or user.banned_at is not None),
        run=lambda actor, user, data: standing.unban_user(actor=actor, user_id=user.pk, reason=data["reason"]),
        icon="lock_open",
    ),
    DeskAct(
        name="sign-out",
        title="Sign out everywhere",
        explanation="All their devices are signed out at once. They can sign in again with their password.",
        allows=_may_moderate,
        run=lambda actor, user, data: standing.sign_out_user(actor=actor, user_id=user.pk, reason=data["reason"]),
        icon="logout",
    ),
    DeskAct(
        name="role",
        title="Change role",
        explanation="Moderators recall messages, freeze rooms and ban people. Admins do all.",
        allows=lambda actor, _user: is_admin(actor),
        run=lambda actor, user, data: standing.change_role(actor=actor, user_id=user.pk, **data),
        icon="badge",
        form=RoleForm,
        initial=lambda user: {"role": user.role},
        for_many=False,
        rare=True,
    ),
    DeskAct(
        name="partner",
        title="Change partner state",
        explanation="Only an active partner acts as one, and is shown as verified.",
        allows=lambda actor, _user: is_admin(actor),
        run=lambda actor, user, data: standing.set_partner_state(actor=actor, user_id=user.pk, **data),
        icon="handshake",
        form=PartnerForm,
        initial=lambda user: {"state": partner_state(user)},
        for_many=False,
        rare=True,
    ),
    DeskAct(
        name="password",
        title="Set a new password",
        explanation="For somebody who forgot theirs. All their devices are signed out.",
        allows=lambda actor, _user: is_admin(actor),
        run=lambda actor, user, data: credentials.set_password(actor=actor, user_id=user.pk, **data),
        icon="key",
        form=PasswordForm,
        for_many=False,
        rare=True,
    ),
)


class BannedFilter(admin.SimpleListFilter):
    """Banned or not."""

    title = "ban"
    parameter_name = "banned"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """The choices."""
        return [("yes", "Banned"), ("no", "Not banned")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        """The chosen ones."""
        if self.value() not in ("yes", "no"):
            return queryset
        return queryset.filter(banned_at__isnull=self.value() == "no")


class PartnerFilter(admin.SimpleListFilter):
    """Partners, by their standing."""

    title = "partner state"
    parameter_name = "partner"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The choices."""
        return list(Partner.State.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[User]) -> QuerySet[User]:
        """The chosen ones."""
        return queryset if self.value() not in Partner.State.values else queryset.filter(partner__state=self.value())


@admin.register(User)
class UserDesk(Desk):
    """People."""

    acts = ACTS
    audit_type = standing.USER
    list_display = ("who", "role_label", "standing_label", "last_login", "created_at")
    list_filter = ("role", BannedFilter, PartnerFilter)
    list_select_related = ("partner",)
    search_fields = ("search_name",)
    search_help_text = "A username, a display name, or an id"
    ordering: ClassVar[tuple[str, ...]] = ("-id",)
    sortable_by = ()
    fields = (
        "username",
        "display_name",
        "signature",
        "role_label",
        "standing_label",
        "ban_reason",
        "created_at",
        "last_login",
        "devices",
        "id",
    )
    readonly_fields = ("role_label", "standing_label", "devices")
    hide_when_empty = ("signature", "ban_reason", "last_login")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        """With what a row shows."""
        users: QuerySet[User] = super().get_queryset(request)
        return users.select_related("partner")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[User], search_term: str
    ) -> tuple[QuerySet[User], bool]:
        """By words of both names, or an id."""
        found = as_uuid(search_term.strip())
        if found is not None:
            return queryset.filter(pk=found), False
        for word in fold(search_term).split():
            queryset = queryset.filter(search_name__contains=word.lstrip("@"))
        return queryset, False

    def describe(self, row: User) -> str:
        """Both names."""
        return f"{isolated(row.display_name)} (@{row.username})"

    @column("Person", header=True)
    def who(self, user: User) -> tuple[str, str, str]:
        """Both names, and a letter before them."""
        return user.display_name, f"@{user.username}", user.display_name[:1]

    @column("Role", label={"Admin": "primary", "Moderator": "primary", "Partner": "info"})
    def role_label(self, user: User) -> str | None:
        """The role, where it is a particular one."""
        return Role(user.role).label if user.role != Role.USER else None

    @column("State", label={"Banned": "danger", "Partner pending": "warning", "Partner suspended": "warning"})
    def standing_label(self, user: User) -> str | None:
        """What is particular about their being here."""
        if user.banned_at is not None:
            return "Banned"
        state = partner_state(user)
        return None if state in (None, Partner.State.ACTIVE) else f"Partner {state}"

    @column("Signed in on")
    def devices(self, user: User) -> SafeString:
        """Their devices, the latest seen first."""
        rows = [
            (device["name"] or "A device", device["last_seen_at"][:16].replace("T", " "))
            for device in list_devices(user_id=user.pk)
        ]
        if not rows:
            return format_html("{}", "No device")
        return format_html("<ul>{}</ul>", format_html_join("", "<li>{}, last seen {} UTC</li>", rows))


admin.site.unregister(Group)
admin.site.login_form = SignInForm
admin.site.password_change = change_own_password  # type: ignore[assignment]  # no setting for it
