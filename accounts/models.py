"""People, how they sign in, and what they are here."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.utils.crypto import salted_hmac

from core import clock, ids


class Role(models.TextChoices):
    """What a person is on this site (rights inside a room are the membership's)."""

    USER = "user"
    PARTNER = "partner"
    MODERATOR = "moderator"
    ADMIN = "admin"


def fold(text: str) -> str:
    """NFKC, without case, and NFKC again: what was folded stays as it is."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


class UserManager(BaseUserManager["User"]):
    """Creates people with a hashed password."""

    def create_user(self, username: str, password: str | None = None, **fields: object) -> User:
        """A new user; without a password nobody can sign in as them."""
        user = self.model(username=self.model.normalize_username(username), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, username: str, password: str | None = None, **fields: object) -> User:
        """A site admin (``manage.py createsuperuser``)."""
        fields.setdefault("display_name", username)
        return self.create_user(username, password, **{**fields, "role": Role.ADMIN, "is_superuser": True})


class User(AbstractBaseUser, PermissionsMixin):
    """A person with an account here."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    # Normalised and in lower case (``normalize_username``), so that "Anna" cannot pose as "anna".
    username = models.CharField(max_length=64, unique=True)
    display_name = models.CharField(max_length=100)
    # Both names as a search compares them: databases fold the case of some scripts only.
    search_name = models.CharField(max_length=300, default="", editable=False)
    avatar = models.CharField(max_length=500, blank=True)
    signature = models.CharField(max_length=300, blank=True)
    locale = models.CharField(max_length=16, default="en")
    timezone = models.CharField(max_length=64, default="UTC")
    privacy = models.JSONField(default=dict, blank=True)
    role = models.CharField(max_length=12, choices=Role.choices, default=Role.USER)
    # Raised to make every access token of this person worthless at once.
    token_generation = models.PositiveIntegerField(default=1)
    banned_at = models.DateTimeField(null=True, blank=True)
    ban_reason = models.TextField(blank=True)
    created_at = models.DateTimeField(default=clock.now)
    last_updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        verbose_name = "person"
        verbose_name_plural = "people"

    USERNAME_FIELD = "username"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    def __str__(self) -> str:
        return self.username

    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        """Django's, with ``search_name`` kept up to the names."""
        self.search_name = fold(f"{self.username} {self.display_name}")[:300]
        if update_fields is not None and {"username", "display_name"} & set(update_fields):
            update_fields = {*update_fields, "search_name"}
        super().save(*args, update_fields=update_fields, **kwargs)

    @classmethod
    def normalize_username(cls, username: str) -> str:
        """As it is kept and compared."""
        return fold(username)

    @property
    def is_active(self) -> bool:  # type: ignore[override]  # Django's attribute, here derived
        """False for the banned: Django then refuses to sign them in."""
        return self.banned_at is None

    @property
    def is_staff(self) -> bool:
        """May open Django's admin."""
        return self.role in (Role.MODERATOR, Role.ADMIN)

    @property
    def stream(self) -> str:
        """The key of this person's own stream, which is also their topic."""
        return user_stream(self.pk)

    def _get_session_auth_hash(self, secret: str | None = None) -> str:
        # Django ends the sessions whose hash no longer fits. With the generation in it, "sign out
        # everywhere" and a ban end the browser's sessions of the admin pages as they end tokens.
        salt = "accounts.models.User.session"
        value = f"{self.password}:{self.token_generation}"
        return salted_hmac(salt, value, secret=secret, algorithm="sha256").hexdigest()


def user_stream(user_id: object) -> str:
    """The stream (and topic) of a user."""
    return f"user:{user_id}"


class Partner(models.Model):
    """A partner's standing; only an active one acts as a partner."""

    class State(models.TextChoices):
        PENDING = "pending"
        ACTIVE = "active"
        SUSPENDED = "suspended"

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="partner")
    state = models.CharField(max_length=12, choices=State.choices, default=State.PENDING)
    updated_at = models.DateTimeField(auto_now=True)

    def __str__(self) -> str:
        return f"{self.user_id}: {self.state}"


class SignIn(models.Model):
    """One sign-in on one device; its id is the ``sid`` of every token that comes of it."""

    id = models.UUIDField(primary_key=True, default=ids.uuid7, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="sign_ins")
    device_name = models.CharField(max_length=100, blank=True)
    user_agent = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(default=clock.now)
    last_seen_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True, blank=True)
    ended_reason = models.CharField(max_length=32, blank=True)

    class Meta:
        indexes = (models.Index(fields=["user", "-last_seen_at"], name="sign_in_user"),)

    def __str__(self) -> str:
        return f"{self.user_id} on {self.device_name or 'a device'}"


class RefreshToken(models.Model):
    """A refresh token's digest (the token itself is kept by the client alone).

    The tokens of one sign-in are a family: using one that was replaced long ago ends the sign-in.
    """

    digest = models.CharField(max_length=64, primary_key=True)
    sign_in = models.ForeignKey(SignIn, on_delete=models.CASCADE, related_name="refresh_tokens")
    issued_at = models.DateTimeField(default=clock.now)
    expires_at = models.DateTimeField(db_index=True)
    replaced_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return f"refresh token of {self.sign_in_id}"
