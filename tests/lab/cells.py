# SPDX-License-Identifier: GPL-2.0
"""What a job of the lab found, in the form that tests/lab/matrix makes its table of."""
import json
import os


def tell(column, method, wrong, right, remarks=()):
    """Print it for the reader, as one line of TAP, and for the table, as one line of JSON.

    column: what was tried; method: how the hooks were attached; wrong: what is not as it has to
    be, in words; right: what to say when nothing is; remarks: what else the reader must know.
    """
    cpus = os.cpu_count()
    says = "; ".join([*(wrong or [right]), *remarks])
    column = f"{column} on {cpus} CPU{'s' * (cpus > 1)}"
    print(f"{'not ok' if wrong else 'ok'} {column}, {method}: {says}")
    print("cell:", json.dumps({"kernel": os.uname().release, "column": column, "method": method,
                               "wrong": bool(wrong), "says": says}), flush=True)
