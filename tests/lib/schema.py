# SPDX-License-Identifier: GPL-2.0
"""What the schemas in docs/ have against a value that the program printed."""

import functools
import json
import os
import unittest

try:
    import jsonschema
except ImportError:
    jsonschema = None

DOCS = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))),
                    "docs")


@functools.lru_cache(maxsize=None)
def validator(name):
    if not jsonschema:
        raise unittest.SkipTest("python3-jsonschema is not installed")
    with open(os.path.join(DOCS, f"{name}.schema.json"), encoding="utf-8") as file:
        schema = json.load(file)
    jsonschema.Draft7Validator.check_schema(schema)
    loose = list(loose_objects(schema))
    assert not loose, f"{name}: not every field is required, or others are allowed, at {loose}"
    return jsonschema.Draft7Validator(schema)


# Recordings that were made before these were told do not have them.
LATER = {"conditions", "id", "missed", "name_source", "namespace", "orchestrator", "part",
         "segment", "stack", "stack_note", "tsc_generation", "tsc_khz", "unwritten"}


def loose_objects(schema, at="#"):
    """Places in a schema that let a field be missing, or an unknown one pass."""
    if isinstance(schema, dict):
        fields = schema.get("properties")
        # One that is only the choice among others leaves that to them.
        if isinstance(fields, dict) and "type" in schema and "oneOf" not in schema and (
                set(fields) - set(schema.get("required", [])) - LATER or
                schema.get("additionalProperties") is not False):
            yield at
        for key, value in schema.items():
            yield from loose_objects(value, f"{at}/{key}")
    elif isinstance(schema, list):
        for index, value in enumerate(schema):
            yield from loose_objects(value, f"{at}/{index}")


def faults(name, text):
    """Each of the faults of a line of JSON, in few words; `name` as in docs/NAME.schema.json."""
    errors = list(validator(name).iter_errors(json.loads(text)))[:5]
    deepest = [jsonschema.exceptions.best_match([error]) for error in errors]
    return [f"{list(error.absolute_path)}: {error.message[-200:]}" for error in deepest]
