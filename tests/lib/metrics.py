# SPDX-License-Identifier: GPL-2.0
"""A monitor with metrics, and what asks for them and reads them."""

import json
import re
import signal
import socket
import subprocess
import sys

import kct

# The parser of the client library, which takes nothing that OpenMetrics does not permit.
PARSE = """
import json, sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families
text = sys.stdin.read()
json.dump([[family.name, family.type, [[s.name, s.labels, s.value] for s in family.samples]]
           for family in text_string_to_metric_families(text)], sys.stdout)
"""
OPEN = "application/openmetrics-text; version=1.0.0"


def python_with_parser():
    for program in (sys.executable, "/usr/bin/python3"):
        done = subprocess.run([program, "-c", "import prometheus_client"], capture_output=True)
        if not done.returncode:
            return program
    return None


def exchange(address, request, patience=kct.PATIENCE):
    """All that comes back."""
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as client:
        client.settimeout(patience)
        client.connect(address)
        client.sendall(request)
        answer = b""
        while True:
            more = client.recv(65536)
            if not more:
                return answer
            answer += more


def get(address, path="/metrics", accept=OPEN):
    answer = exchange(address, f"GET {path} HTTP/1.1\r\nHost: x\r\nAccept: {accept}\r\n\r\n".encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    length = re.search(rb"(?m)^Content-Length: (\d+)\r?$", head)
    assert int(length[1]) == len(body), head
    return head.decode(), body.decode()


class MetricsTest(kct.LiveTest):
    def setUp(self):
        super().setUp()
        self.socket = self.path("socket")

    def monitor(self, *options, where=None, **kwargs):
        monitor = self.start("monitor", "--metrics", where or f"unix:{self.socket}", *options,
                             **kwargs)
        monitor.wait_polling()
        return monitor

    def end(self, monitor):
        monitor.popen.send_signal(signal.SIGTERM)
        self.assertEqual(monitor.popen.wait(kct.PATIENCE), kct.EXIT_OK, monitor.stderr())

    def families(self, text):
        """{sample's name: [(labels, value)]}, by the strict parser."""
        python = python_with_parser()
        if not python:
            self.skipTest("python3-prometheus-client is not installed")
        done = subprocess.run([python, "-c", PARSE], input=text, capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stderr)
        samples = {}
        for _, _, of_family in json.loads(done.stdout):
            for name, labels, value in of_family:
                samples.setdefault(name, []).append((labels, value))
        return samples

    def scrape(self):
        return self.families(get(self.socket)[1])

    @staticmethod
    def total(samples, name, **labels):
        return sum(value for its, value in samples[name]
                   if all(its[key] == wanted for key, wanted in labels.items()))
