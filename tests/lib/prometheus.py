# SPDX-License-Identifier: GPL-2.0
"""A real Prometheus server that scrapes each second, and Grafana's way of asking it."""

import json
import os
import re
import socket
import urllib.error
import urllib.parse
import urllib.request

import kct

CONFIG = """
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: {rules}
scrape_configs:
  - job_name: kvmclock
    static_configs: [{{targets: {targets}}}]
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Prometheus(kct.Process):
    """A server in `directory`, which scrapes `targets` (HOST:PORT) and evaluates rule files."""

    def __init__(self, directory, targets, rules=()):
        config = os.path.join(directory, "prometheus.yml")
        with open(config, "w", encoding="utf-8") as file:
            file.write(CONFIG.format(targets=json.dumps(targets), rules=json.dumps(list(rules))))
        self.url = f"http://127.0.0.1:{free_port()}"
        super().__init__(
            f"--config.file={config}", f"--storage.tsdb.path={os.path.join(directory, 'tsdb')}",
            f"--web.listen-address={self.url.removeprefix('http://')}", "--log.level=warn",
            program="prometheus", stdin=None, stdout=None)
        kct.until(self.is_ready, "Prometheus to be ready")

    def is_ready(self):
        if not self.is_running():
            raise AssertionError(f"prometheus: {self.stderr()}")
        try:
            with urllib.request.urlopen(self.url + "/-/ready", timeout=kct.PATIENCE) as answer:
                return answer.status == 200
        except OSError:
            return False

    def get(self, path, **parameters):
        url = f"{self.url}/api/v1/{path}?{urllib.parse.urlencode(parameters)}"
        try:
            with urllib.request.urlopen(url, timeout=kct.PATIENCE) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{parameters}: {error.read().decode()}") from error

    def query(self, expression):
        """[(labels, value)] now; an expression that is none raises AssertionError."""
        return [(sample["metric"], float(sample["value"][1]))
                for sample in self.get("query", query=expression)["result"]]

    def query_range(self, expression, end, seconds=60):
        """The same of that time before `end`: [(labels, [values])]."""
        return [(series["metric"], [float(value) for _, value in series["values"]])
                for series in self.get("query_range", query=expression, start=end - seconds,
                                       end=end, step=1)["result"]]

    def values(self, variable):
        """Of a dashboard's variable: label_values(METRIC, LABEL)."""
        metric, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable).groups()
        return self.get(f"label/{label}/values", **{"match[]": metric})

    def alerts(self, state):
        """{name: number} of those in that state."""
        found = [alert["labels"]["alertname"] for alert in self.get("alerts")["alerts"]
                 if alert["state"] == state]
        return {name: found.count(name) for name in found}


def interpolate(expression, **variables):
    """As Grafana does it for Prometheus; of a variable with several values, a list."""
    def text(value):
        if isinstance(value, str):
            return value
        # Its backslashes stand within a string of PromQL.
        quoted = [re.sub(r"([\\^$.*+?()\[\]{}|])", r"\\\\\1", one) for one in value]
        return f"({'|'.join(quoted)})"

    for name, value in variables.items():
        expression = re.sub(rf"\${name}\b|\${{{name}}}", lambda _, v=value: text(v), expression)
    assert "$" not in expression, expression
    return expression
