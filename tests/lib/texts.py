# SPDX-License-Identifier: GPL-2.0
"""Texts that do harm where they are shown as they are, and what output may hold."""

import unicodedata

HOSTILE = {
    "escapes": b"a\x1b[31mb\x1b]0;owned\x07",
    "lines": b"a\nkvmclock-trace: all is well\r\nb",
    "C1 controls": "a\u009b31mb\u0085".encode(),
    "invalid UTF-8": b"a\xff\xfeb\xc3",
    "cut UTF-8": b"a\xf0\x9f\x90",
    "surrogate": b"a\xed\xa0\x80b",
    "right to left": "a\u05d0\u05d1 1".encode(),
    "directions": "a\u202eb\u2066c\u200f".encode(),
    "zero width": "we\u200bb\ufeff\u2060\u00ad".encode(),
    "combining": "e\u0301\u0323\u20dd".encode(),
    "wide": "\u4e3b\u673a\uff57\u3000\u4e3b".encode(),
    "emoji": "\U0001f427\U0001f468\u200d\U0001f469\ufe0f\U0001f44d\U0001f3fd".encode(),
    "look-alikes": "p\u0430ypal\u2010\uff0d1".encode(),
    "tags": "a\U000e0041\U000e007f".encode(),
    "format": b"%s%n%99999d",
    "shell": b"$(reboot); `reboot` 'x' \"y\" \\",
    "long": b"\x1b" * 4000,
}
NEVER = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp", "Mn", "Me")


def faults(output):
    """Why this may not stand on a terminal, or in a file that somebody shows on one."""
    try:
        text = output.decode() if isinstance(output, bytes) else output
        text.encode()
    except UnicodeError as error:
        return [str(error)]
    return [f"U+{ord(c):04x}" for c in set(text) - {"\n"}
            if unicodedata.category(c) in NEVER or unicodedata.bidirectional(c) in ("R", "AL")
            or 0xff00 <= ord(c) < 0xff60]
