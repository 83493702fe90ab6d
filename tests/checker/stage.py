"""Steps for random histories, and one fixed history in which everything happens once."""

from __future__ import annotations

import random
from collections.abc import Callable

from tests.checker.model import Model, ModelClient, ModelRoom
from tests.support.history import FinalState, History

Step = Callable[[Model, ModelClient, ModelRoom], object]

STEPS: dict[str, Step] = {
    "send": lambda model, client, room: model.send(client, room),
    "send, answer lost": lambda model, client, room: model.send(client, room, lose_ack=True),
    "send, request lost": lambda model, client, room: model.send(client, room, lose_request=True),
    "retry": lambda model, client, room: model.retry(client),
    "edit": lambda model, client, room: model.edit(client, room),
    "recall": lambda model, client, room: model.recall(client, room),
    "read": lambda model, client, room: model.read(client, room),
    "snapshot": lambda model, client, room: model.snapshot(client, room),
    "join": lambda model, client, room: model.join(client, room),
    "deliver": lambda model, client, room: model.deliver(client, room),
    "cut": lambda model, client, room: model.cut(client),
    "poll": lambda model, client, room: model.poll(client, room),
    "meta": lambda model, client, room: model.meta(client, room),
    "add": lambda model, client, room: model.add(room, client.user),
    "remove": lambda model, client, room: model.remove(room, client.user),
}


def small_talk() -> tuple[list[History], FinalState]:
    """Ann (socket), Ben (polls) and Cleo (both) talk in "red"; Dan leaves it; Ann and Dan have "blue"."""
    model = Model(random.Random(7))
    red, blue = model.room("red", "ann", "ben", "dan"), model.room("blue", "ann", "dan")
    ann, ben, dan = model.client("ann-1", "ann"), model.client("ben-1", "ben"), model.client("dan-1", "dan")
    cleo = model.client("cleo-1", "cleo")
    for client in (ann, dan):
        model.join(client, red)
        model.join(client, blue)
    model.poll(ben, red)
    model.send(cleo, red)  # refused: not yet a member
    model.send(ann, red)
    model.meta(ben, red)
    model.send(dan, blue)
    model.deliver(dan, red)
    model.add(red, "cleo")
    model.join(cleo, red)
    model.send(ann, red, lose_ack=True)
    model.send(ben, red, lose_request=True)
    model.meta(ben, red)
    model.edit(ann, red, which=0)
    model.meta(cleo, red)
    model.remove(red, "dan")
    model.poll(ben, red)
    model.deliver(ann, red)
    model.retry(ann)
    model.cut(cleo)
    model.send(ann, red)
    model.recall(ann, red, which=-1)
    model.send(cleo, red)
    model.meta(ben, red)
    model.snapshot(cleo, red)
    model.join(cleo, red)
    model.retry(ben)
    model.read(ben, red)
    model.send(dan, blue)
    final = model.finish()
    return [client.history for client in model.clients], final
