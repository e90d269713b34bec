"""Reads one mail with Python's own parser and prints it as JSON: decoded headers in order, and its texts.

Usage: read_mail.py FILE
"""

import email
import email.policy
import json
import sys

with open(sys.argv[1], "rb") as file:
    mail = email.message_from_binary_file(file, policy=email.policy.default)


def body(kind):
    part = mail.get_body(preferencelist=(kind,))
    return part.get_content() if part else ""


json.dump(
    {
        "headers": [[name, str(value)] for name, value in mail.items()],
        "text": body("plain"),
        "html": body("html"),
        "defects": [str(defect) for part in mail.walk() for defect in part.defects],
    },
    sys.stdout,
)
