# SPDX-License-Identifier: GPL-2.0
"""A real terminal, by tmux, in which a program runs until it ends."""

import os
import re
import shlex
import subprocess
import time

PATIENCE = float(os.environ.get("KCT_PATIENCE", 60))

# What runs in it: who the program is, how it ended, and what the terminal was before and after it.
SCRIPT = """trap : INT HUP
stty -g >before
sh -c 'echo $$ >pid; exec "$@"' - {command} {errors}
echo $? >status
stty -g >after
echo the end of it
exec sleep 1000
"""


class Terminal:
    """In `directory`, which it has for itself. To be closed."""

    def __init__(self, directory, *command, width=80, height=24, keeps_errors=True, **environment):
        self.directory = directory
        self.socket = os.path.join(directory, "tmux")
        script = SCRIPT.format(command=shlex.join(map(str, command)),
                               errors="2>errors" if keeps_errors else "")
        with open(self.path("script"), "w", encoding="utf-8") as file:
            file.write(script)
        outer = {key: value for key, value in os.environ.items() if not key.startswith("TMUX")}
        variables = {"LC_ALL": "C.UTF-8", "TERM": "xterm-256color", "NO_COLOR": "", **environment}
        self.environment = {**outer, "LC_ALL": "C.UTF-8", "TERM": "xterm-256color"}
        options = [part for key, value in variables.items() if key != "TERM"
                   for part in ("-e", f"{key}={value}")]
        self.tmux("-f", "/dev/null", "new-session", "-d", "-x", str(width), "-y", str(height),
                  *options, "sh", "script")
        self.pid = int(self.wait_file("pid"))

    def path(self, name):
        return os.path.join(self.directory, name)

    def tmux(self, *arguments):
        done = subprocess.run(["tmux", "-u", "-S", self.socket, *arguments], capture_output=True,
                              cwd=self.directory, env=self.environment)
        if done.returncode:
            raise AssertionError(f"tmux {arguments}: {done.stderr.decode()}")
        return done.stdout.decode()

    def close(self):
        subprocess.run(["tmux", "-S", self.socket, "kill-server"], capture_output=True)

    # ---- what is to be seen ----

    def text(self, *options):
        return self.tmux("capture-pane", "-p", *options)

    def lines(self):
        return self.text().splitlines()

    def flag(self, name):
        return self.tmux("display-message", "-p", "#{" + name + "}").strip()

    def wait(self, pattern, absent=False):
        """Until it is to be seen, or not any more: the match, or the text."""
        end = time.monotonic() + PATIENCE
        while True:
            text = self.text()
            found = re.search(pattern, text, re.MULTILINE)
            if bool(found) != absent:
                return found or text
            if time.monotonic() > end:
                raise AssertionError(f"{pattern!r} {'stays' if absent else 'did not come'}:\n"
                                     f"{text}\n{self.errors()}")
            time.sleep(0.02)

    def wait_file(self, name):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if os.path.exists(self.path(name)):
                with open(self.path(name), encoding="utf-8") as file:
                    text = file.read()
                if text.endswith("\n"):
                    return text.strip()
            time.sleep(0.01)
        raise AssertionError(f"no {name} came:\n{self.text()}\n{self.errors()}")

    def errors(self):
        if not os.path.exists(self.path("errors")):
            return ""
        with open(self.path("errors"), encoding="utf-8", errors="replace") as file:
            return file.read()

    # ---- what is done to it ----

    def keys(self, *keys):
        """tmux's names of keys, or characters."""
        self.tmux("send-keys", *keys)

    def step(self, key):
        """A key that changes the first line: when it has."""
        before = self.lines()[0]
        self.keys(key)
        self.wait(rf"\A{re.escape(before)}$", absent=True)

    def type(self, text):
        self.tmux("send-keys", "-l", text)

    def resize(self, width, height):
        self.tmux("resize-window", "-x", str(width), "-y", str(height))

    def ended(self):
        """When it has: its exit status. The terminal is as it was, or this fails."""
        status = int(self.wait_file("status"))
        before, after = self.wait_file("before"), self.wait_file("after")
        assert before == after, f"stty: {before} before, {after} after"
        self.wait("the end of it")
        assert self.flag("alternate_on") == "0", "the alternate screen was not left"
        assert self.flag("cursor_flag") == "1", "the cursor stays hidden"
        assert self.flag("keypad_flag") == "0", "the keypad stays in its other mode"
        return status
