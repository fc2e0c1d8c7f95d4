# SPDX-License-Identifier: GPL-2.0
"""What fuzzing begins with beside the corpus, and the words that inputs are made of.

Both come from what the project has for other purposes: the recordings that the tests make up, the
fixture of inlined functions, the schema of a recording, the commands' --help.
"""

import json
import os
import re
import shutil
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "cli"))

import chains  # noqa: E402
import migrations  # noqa: E402
import recording as r  # noqa: E402

FIXTURE = os.path.join(ROOT, "tests", "unit", "fixtures", "inlined.c")
VERDICTS = ("nothing-to-suppress", "suppressed", "coalesced", "cleared", "per-vcpu",
            "inconclusive")
COMMANDS = ("doctor", "list", "stat", "trace", "record", "report", "verify", "compare",
            "migration", "whatif", "drift", "workload")
BUILDS = {
    "gcc4.o": ("gcc", "-O2", "-gdwarf-4", "-c"),
    "gcc5.o": ("gcc", "-O2", "-gdwarf-5", "-c"),
    "gccz.so": ("gcc", "-Os", "-gdwarf-5", "-gz=zlib", "-shared", "-fPIC"),
    "clang4.o": ("clang", "-O2", "-gdwarf-4", "-c"),
    "clang5.o": ("clang", "-O2", "-gdwarf-5", "-c"),
}


def recordings():
    yield b"".join(r.small())
    yield b"".join(r.small(events=[
        r.vm(1), r.with_stack(r.request(1, 0), ["__kvm_synchronize_tsc", "?"], "cut"),
        r.with_stack(r.request(1, 0, "unknown"), None, "found-later"),
        r.with_stack(r.update(1, 0, "vcpu-request", "resnapshot"), ["a\"b\u001b", "f.part.0"])]))
    for verdict in VERDICTS:
        for functions in (False, True):
            guest = chains.guest_of(verdict, functions=functions, vcpus=(0, 1))
            yield b"".join(chains.recording(guest))
    for realtime in (False, True):
        moved = migrations.Migration(vcpus=1, realtime=realtime)
        yield b"".join(moved.one_host())
        yield b"==\n".join(b"".join(side) for side in moved.two_hosts())


def objects(directory):
    for name, (compiler, *flags) in BUILDS.items():
        if shutil.which(compiler):
            path = os.path.join(directory, name)
            subprocess.run([compiler, *flags, "-w", "-o", path, FIXTURE], check=True)


def write(kind, directory):
    """Fill a folder with the seeds of that kind of input."""
    os.makedirs(directory, exist_ok=True)
    if kind == "dwarf":
        objects(directory)
    elif kind == "recording":
        for number, content in enumerate(recordings()):
            with open(os.path.join(directory, f"{number:02}"), "wb") as file:
                file.write(content)


# ---- words ----

def schema_words(value):
    """Names of properties, and what enumerations hold."""
    if isinstance(value, dict):
        yield from value.get("properties", {})
        yield from (word for word in value.get("enum", []) if isinstance(word, str))
        for inner in value.values():
            yield from schema_words(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from schema_words(inner)


def words(kind, program):
    if kind == "recording":
        with open(os.path.join(ROOT, "docs", "recording.schema.json"), encoding="utf-8") as file:
            return {f'"{word}"' for word in schema_words(json.load(file))}
    if kind == "arguments":
        found = {"10ms", "2m", "migrate", "per-vcpu", "unnecessary=0", "drift<=1us", "1,2,3,-4"}
        for command in COMMANDS:
            said = subprocess.run([program, command, "--help"], capture_output=True, text=True)
            found |= set(re.findall(r"--[a-z-]+=?", said.stdout))
        return found
    if kind == "drift":
        fields = ("tsc_timestamp", "system_time", "tsc_to_system_mul", "tsc_shift")
        return {f"{which}_clock->{field} = " for which in ("old", "new") for field in fields}
    if kind == "names":
        return {"-name", "guest=", "-uuid", "--api-socket", "path=", "--id", "--platform", "uuid="}
    if kind == "text":
        return {"\\u202e", "\\x1b", "\u0430", "\u202e", "\u2026", "\U0001f600", "\x9b", "e\u0301"}
    return set()


def dictionary(kind, program):
    """In libFuzzer's form."""
    def quoted(word):
        escaped = word.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"')
        return '"' + "".join(chr(c) if c < 128 else f"\\x{c:02x}" for c in escaped) + '"'

    return "".join(quoted(word) + "\n" for word in sorted(words(kind, program)))
