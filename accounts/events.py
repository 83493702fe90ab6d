"""What a person's own stream says of their devices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from accounts.models import SignIn
from accounts.payloads import DevicePayload, device_payload
from core.log.events import Event, Payload, register_event
from core.log.models import Change


@register_event("device:changed")
@dataclass(frozen=True)
class DeviceChanged(Event):
    """Somebody signed in on a device, or gave it a name."""

    device: DevicePayload

    def object_ids(self) -> dict[str, str]:
        """The sign-in."""
        return {"device": self.device["id"]}

    def payload(self) -> Payload:
        """The device."""
        return {"device": self.device}

    @classmethod
    def hydrate(cls, changes: Sequence[Change]) -> list[Payload | None]:
        """The devices as they are now."""
        wanted = [change.object_ids["device"] for change in changes]
        found = {str(sign_in.pk): sign_in for sign_in in SignIn.objects.filter(pk__in=set(wanted))}
        return [{"device": device_payload(found[key])} if key in found else None for key in wanted]


@register_event("session:ended")
@dataclass(frozen=True)
class SessionEnded(Event):
    """A device was signed out; ``reason`` is one of ``services.sign_ins.EndReason``."""

    device_id: str
    reason: str

    def object_ids(self) -> dict[str, str]:
        """The sign-in."""
        return {"device": self.device_id}

    def data(self) -> Payload:
        """Why it ended."""
        return {"reason": self.reason}

    def payload(self) -> Payload:
        """Which device, and why."""
        return {"device_id": self.device_id, "reason": self.reason}

    @classmethod
    def hydrate(cls, changes: Sequence[Change]) -> list[dict[str, Any] | None]:
        """From the log alone: what ended stays ended."""
        return [{"device_id": change.object_ids["device"], "reason": change.data["reason"]} for change in changes]
