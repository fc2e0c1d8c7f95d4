# SPDX-License-Identifier: GPL-2.0
"""The headless browser of browser.mjs, as long as a test case runs."""

import json
import os
import subprocess

HERE = os.path.dirname(os.path.abspath(__file__))


class Browser:
    def __init__(self, modules):
        self.process = subprocess.Popen(
            ["node", os.path.join(HERE, "browser.mjs")], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True, env={**os.environ, "KCT_NODE_MODULES": modules})

    def __call__(self, do, **order):
        self.process.stdin.write(json.dumps({"do": do, **order}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise AssertionError(answer["error"])
        return answer["result"]

    def close(self):
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()
