"""The forms of the pages before the app. They ask; the services of accounts judge."""

from __future__ import annotations

from typing import Any

from django import forms

MAX = 1000


def text_input(**attributes: Any) -> forms.TextInput:
    """A line of text, as phones should offer it: as typed."""
    fixed = {"class": "input", "autocapitalize": "none", "autocorrect": "off", "spellcheck": "false"}
    return forms.TextInput(attrs=fixed | attributes)


def password_input(kind: str) -> forms.PasswordInput:
    """``kind``: ``current-password`` or ``new-password``, for password managers."""
    return forms.PasswordInput(attrs={"class": "input", "autocomplete": kind})


class SignInForm(forms.Form):
    """Username and password."""

    use_required_attribute = True

    username = forms.CharField(
        label="Username", max_length=MAX, widget=text_input(autocomplete="username", autofocus=True)
    )
    password = forms.CharField(label="Password", max_length=MAX, strip=False, widget=password_input("current-password"))


class AccountForm(forms.Form):
    """A new account."""

    username = forms.CharField(
        label="Username",
        max_length=MAX,
        help_text="Letters and digits, and . _ - between them. You sign in with it.",
        widget=text_input(autocomplete="username", autofocus=True),
    )
    display_name = forms.CharField(
        label="Your name (optional)",
        required=False,
        max_length=MAX,
        help_text="What others see. You can change it later.",
        widget=forms.TextInput(attrs={"class": "input", "autocomplete": "name", "dir": "auto"}),
    )
    password = forms.CharField(
        label="Password",
        max_length=MAX,
        strip=False,
        help_text="At least eight characters, and not one that many people use.",
        widget=password_input("new-password"),
    )
