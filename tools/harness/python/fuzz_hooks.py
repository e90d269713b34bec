"""Points schemathesis at things that exist, which it could not guess: a random id leads to 404 and no further.

The file named by FUZZ_KNOWN says of each operation ("PUT /api/v1/teams/{id}") which path, query and body work.
Every operation is tried with them once; after that most sound requests name what is there, and some say what works. What
schemathesis made wrong on purpose is left as it is.
"""

import json
import os
import random

import schemathesis

with open(os.environ["FUZZ_KNOWN"], encoding="utf-8") as file:
    KNOWN = json.load(file)

DICE = random.Random(int(os.environ["FUZZ_SEED"]))


def ids_in(value):
    if isinstance(value, dict):
        for member in value.values():
            yield from ids_in(member)
    elif isinstance(value, list):
        for item in value:
            yield from ids_in(item)
    elif isinstance(value, str) and "_" in value:
        yield value.split("_")[0], value


# One of each kind: "usr" -> "usr_1".
IDS = {kind: value for known in KNOWN.values() for kind, value in ids_in([known["path"], known["body"]])}


def with_known_ids(value):
    if isinstance(value, dict):
        return {name: with_known_ids(member) for name, member in value.items()}
    if isinstance(value, list):
        return [with_known_ids(item) for item in value]
    if isinstance(value, str) and value.split("_")[0] in IDS and "_" in value and DICE.random() < 0.5:
        return IDS[value.split("_")[0]]
    return value


def known_of(operation):
    return KNOWN[f"{operation.method.upper()} {operation.path}"]


def is_sound(case):
    return case.meta is not None and case.meta.generation.mode.is_positive


@schemathesis.hook
def before_add_examples(context, examples):
    known = known_of(context.operation)
    sent = {"path_parameters": known["path"], "query": known["query"], "headers": {"If-Match": "*"}}
    if known["body"] is not None:
        sent |= {"body": known["body"], "media_type": "application/json"}
    examples.append(context.operation.Case(**sent))


@schemathesis.hook
def before_call(context, case, kwargs):
    if not is_sound(case):
        return
    known = known_of(case.operation)
    if case.path_parameters and DICE.random() < 0.7:
        case.path_parameters = dict(known["path"])
    if case.headers and "If-Match" in case.headers and DICE.random() < 0.7:
        case.headers = {**case.headers, "If-Match": "*"}
    body = with_known_ids(case.body)
    if known["body"] is not None and isinstance(body, dict) and DICE.random() < 0.4:
        body = known["body"]
    # What is set anew is judged anew, and a body that is none would be judged to be wrong.
    if body != case.body:
        case.body = body
