# SPDX-License-Identifier: GPL-2.0
"""Recordings that have been tampered with.

Each function takes the lines of a recording, as bytes with their ends, and yields forgeries: (what
was done, its lines). Where the trailer is not to give it away, it counts the events that are left.
"""

import json


def line(value):
    return json.dumps(value, separators=(",", ":")).encode() + b"\n"


def trailer(recording, **changes):
    return line({**json.loads(recording[-1]), **changes})


def counted(recording, events):
    """These events between this recording's ends; the trailer is made to agree."""
    return [recording[0], *events, trailer(recording, events=len(events))]


def label(what, recording, at):
    event = json.loads(recording[at])
    words = [str(event.get(key)) for key in ("event", "vm", "vcpu", "cause", "op") if key in event]
    return f"{what} {at}: {' '.join(words)}"


def places(recording):
    return range(1, len(recording) - 1)


def dropped(recording):
    for at in places(recording):
        left = recording[1:at] + recording[at + 1:-1]
        yield label("without", recording, at), counted(recording, left)


def dropped_and_told(recording):
    """The trailer says that there was one more."""
    for at in places(recording):
        yield label("without", recording, at), recording[:at] + recording[at + 1:]


def doubled(recording):
    for at in places(recording):
        more = recording[1:at + 1] + recording[at:-1]
        yield label("twice", recording, at), counted(recording, more)


def swapped(recording):
    for at in places(recording)[:-1]:
        pair = [recording[at + 1], recording[at]]
        yield label("swapped", recording, at), recording[:at] + pair + recording[at + 2:]


def lossy(recording):
    for reason in json.loads(recording[-1])["losses"]:
        for count in (1, 1000, "18446744073709551615"):
            losses = {**json.loads(recording[-1])["losses"], reason: count}
            yield f"{count} {reason}", recording[:-1] + [trailer(recording, losses=losses)]


def cut(recording):
    """Behind the header there is something of it left."""
    for lines in (1, 2, len(recording) // 3, len(recording) // 2, len(recording) - 1):
        yield f"cut behind line {lines}", recording[:lines]
    for lines in (1, len(recording) // 2, len(recording) - 1):
        for size in (1, len(recording[lines]) // 2, len(recording[lines]) - 1):
            yield (f"cut in line {lines + 1} at {size}",
                   recording[:lines] + [recording[lines][:size]])


def joined(one, other):
    """Two recordings as one."""
    yield "one behind the other", one + other
    yield "one behind the other, without a trailer between", one[:-1] + other
    yield "without ends between", counted(one, one[1:-1] + other[1:-1])
    for at in (2, len(one) // 3, len(one) // 2, len(one) - 2):
        yield (f"one within the other, behind line {at}",
               counted(one, one[1:at] + other[1:-1] + one[at:-1]))


def spliced(one, other):
    """Some lines of one are the other's; only those that touch more than a VM's creation."""
    events = min(len(one), len(other)) - 2
    for at in range(events // 4, events, 5):
        first = json.loads(other[at])
        if first["event"] == "vm" or first.get("cause") == "vm-create":
            continue
        for count in (1, 3, 10):
            into = one[1:at] + other[at:at + count] + one[at:-1]
            yield f"{count} lines put in at {at}", counted(one, into)
            instead = one[1:at] + other[at:at + count] + one[at + count:-1]
            yield f"{count} lines replaced at {at}", counted(one, instead)


def shifted(recording, ns):
    """The same run on a host that started earlier: all times are later by that."""
    def shift(value):
        return {key: item + ns if key in ("ns", "started_ns", "ended_ns") else item
                for key, item in value.items()}

    return [line(shift(json.loads(text))) for text in recording]
