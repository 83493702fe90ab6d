"""The storm: eight people write at once while others come, go, read, edit and recall, and something breaks."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass

from tests.checker import Report
from tests.support.drivers import Refusal, RestUser, SocketUser
from tests.support.history import Asked
from tests.system.crowd import Crowd, Mixer, Sender, read_log, register

SENDERS = 8
DROPS = 0.03

Act = Callable[[], Awaitable[object]]


def coming_and_going(owner: RestUser, room: str, guests: list[RestUser]) -> Act:
    """The owner adds guests and removes them again, two of them being inside at a time."""

    def steps() -> Iterator[tuple[str, RestUser]]:
        while True:
            for number, guest in enumerate(guests):
                yield "add", guest
                yield "remove", guests[number - 2]

    endless = steps()
    step: list[tuple[str, RestUser]] = [next(endless)]

    async def act() -> None:
        what, guest = step[0]
        try:
            if what == "add":
                await owner.call("POST", f"rooms/{room}/members", json={"user_ids": [guest.user_id]})
            else:
                await owner.call("DELETE", f"rooms/{room}/members/{guest.user_id}")
        except Refusal as refusal:
            # Nobody inside yet, or the answer to the same step was lost and it is done.
            if refusal.code not in {"not_found", "conflict"}:
                raise
        step[0] = next(endless)

    return act


def editing(person: RestUser, room: str) -> Act:
    """Sends a message and edits it."""

    async def act() -> None:
        message = await person.send(room, "first words")
        await person.edit(room, message["id"], f"better words than those of {message['seq']}")

    return act


def recalling(person: RestUser, room: str) -> Act:
    """Sends a message, edits it and recalls it."""

    async def act() -> None:
        message = await person.send(room, "words to be sorry for")
        await person.edit(room, message["id"], "words to be just as sorry for")
        await person.recall(room, message["id"])

    return act


def reading(device: SocketUser, room: str) -> Act:
    """Moves a read position to the newest message, and reads the list."""

    async def act() -> None:
        body = await device.user.read_snapshot(room)
        await device.read(room, body["messages"][-1]["seq"] if body["messages"] else 0)

    return act


@dataclass(slots=True)
class Numbers:
    """What the storm was."""

    answered: int
    dropped: int
    retried: int
    mixed: int
    reconnected: int


async def storm(crowd: Crowd, bases: list[str], *, messages: int, window: int, break_things: Act) -> Numbers:
    """Send ``messages`` with everything else around it. ``break_things`` is done when half is answered."""
    names = [f"sender{number}" for number in range(SENDERS)]
    others = ["watcher", "poller1", "poller2", *(f"guest{number}" for number in range(5))]
    crowd.people = await register(bases, *names, *others)
    senders, (watcher, *pollers) = crowd.people[:SENDERS], crowd.people[SENDERS : SENDERS + 3]
    hall = await senders[0].create_room(*senders[1:], watcher, *pollers, name="hall")
    den = await senders[1].create_room(*senders[2:5], watcher, name="den")
    crowd.rooms = [hall, den]
    work = []
    for number, person in enumerate(senders):
        # Some write to both rooms, so that a transaction locks the two together.
        mine = [hall, hall, hall, den] if 1 <= number < 5 else [hall]
        device = await crowd.device(person, "socket", *(f"room:{room}" for room in sorted(set(mine))))
        work.append(Sender(device, mine, messages // SENDERS, window=window, drops=DROPS))
    watching = await crowd.device(watcher, "socket", f"room:{hall}", f"room:{den}")
    for poller, interval in zip(pollers, (0.1, 0.3), strict=True):
        await crowd.poller(poller, hall, "poll", interval)
    mixers = [
        Mixer([coming_and_going(senders[0], hall, crowd.people[SENDERS + 3 :])], 0.05),
        Mixer([editing(senders[1], den), recalling(senders[1], hall), reading(watching, hall)], 0.05),
        Mixer([editing(senders[2], hall), recalling(senders[2], den), reading(watching, den)], 0.05),
    ]
    sending = asyncio.gather(*(sender.run() for sender in work))
    while sum(sender.answered for sender in work) < messages // 2 and not sending.done():
        await asyncio.sleep(0.02)
    await break_things()
    await sending
    for mixer in mixers:
        await mixer.stop()
    return Numbers(
        answered=sum(sender.answered for sender in work),
        dropped=sum(sender.dropped for sender in work),
        retried=sum(times > 1 for times in _attempts(crowd).values()),
        mixed=sum(mixer.done for mixer in mixers),
        reconnected=sum(socket.connections > 1 for socket in crowd.sockets),
    )


async def judge(crowd: Crowd, url: str, bases: list[str]) -> Report:
    """Everybody catches up, the whole log is read once more from each server, and the checker judges."""
    final = await crowd.settle(url)
    reader = crowd.people[1]
    for room in crowd.rooms:
        for number, base in enumerate(bases):
            crowd.others.append(await read_log(reader, room, base, f"pages{number}"))
    await crowd.close()
    return crowd.check(final)


def _attempts(crowd: Crowd) -> Counter[str]:
    """How often each act was asked for."""
    entries = (entry for history in crowd.histories() for entry in history.entries)
    return Counter(entry.key for entry in entries if isinstance(entry, Asked))
