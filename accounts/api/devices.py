"""Doors: where one is signed in."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.status import HTTP_204_NO_CONTENT
from rest_framework.views import APIView

from accounts import selectors
from accounts.api.serializers import DeviceName, OwnDevice
from accounts.authentication import caller, caller_principal
from accounts.payloads import DevicePayload
from accounts.services import sign_ins
from accounts.services.sign_ins import EndReason
from core.errors import NotFound
from core.ids import as_uuid
from core.rest import validated
from core.schema import listing, shape


class DevicesView(APIView):
    """One's own devices. A device is a sign-in."""

    @extend_schema(operation_id="devices_list", responses={200: listing("devices", OwnDevice)})
    def get(self, request: Request) -> Response:
        """Where you are signed in, the latest seen first."""
        sid = caller_principal(request).sid
        devices = [_own(device, sid) for device in selectors.list_devices(user_id=caller(request).id)]
        return Response({"devices": devices, "next_cursor": None})

    @extend_schema(operation_id="devices_name", request=DeviceName, responses={200: shape(OwnDevice)})
    def post(self, request: Request) -> Response:
        """Register the device that asks under a name of your choice."""
        name = validated(DeviceName, request)["name"]
        sid = caller_principal(request).sid
        return Response(_own(sign_ins.name_device(user_id=caller(request).id, sid=sid, name=name), sid))


class DeviceView(APIView):
    """One device."""

    @extend_schema(operation_id="devices_end", responses={204: None})
    def delete(self, request: Request, device_id: str) -> Response:
        """Sign a device out; its sockets are closed at once."""
        sid = as_uuid(device_id)
        if sid is None:
            raise NotFound
        sign_ins.end_sign_in(sid, reason=EndReason.REMOVED, user_id=caller(request).id)
        return Response(status=HTTP_204_NO_CONTENT)


def _own(device: DevicePayload, sid: UUID) -> OwnDevice:
    return {**device, "current": device["id"] == str(sid)}
