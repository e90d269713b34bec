"""Judges calendars with Python's own libraries. Reads JSON from the standard input, writes JSON to the standard output.

{"calendar": text}: its name and its events, as the package `icalendar` reads them.
{"rules": [[start, rule, last], ...]}: for each the readings of the wall clock that `dateutil` finds from start to last.
"""

import json
import sys
from datetime import datetime, timezone

from dateutil.rrule import rrulestr
from icalendar import Calendar
from icalendar.parser import unescape_char


def instant(value):
    assert value.tzinfo is not None and value.utcoffset().total_seconds() == 0, value
    return value.astimezone(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def read(text):
    calendar = Calendar.from_ical(text)
    errors = [str(error) for component in calendar.walk() for error in component.errors]
    events = [
        {
            "uid": str(event["UID"]),
            "start": instant(event["DTSTART"].dt),
            "end": instant(event["DTEND"].dt),
            "stamp": instant(event["DTSTAMP"].dt),
            "sequence": int(event["SEQUENCE"]),
            "summary": str(event["SUMMARY"]),
            "status": str(event["STATUS"]),
            "transparency": str(event["TRANSP"]),
        }
        for event in calendar.walk("VEVENT")
    ]
    return {"name": unescape_char(str(calendar["X-WR-CALNAME"])), "errors": errors, "events": events}


def starts(start, rule, last):
    begin, end = datetime.fromisoformat(start), datetime.fromisoformat(last)
    if "UNTIL" not in rule:
        # It would look for a rule's next match until the year 9999.
        rule += end.strftime(";UNTIL=%Y%m%dT%H%M%S")
    try:
        found = rrulestr(rule, dtstart=begin)
    except ValueError as error:
        # What it says of hours that the interval never meets.
        if "empty set" not in str(error):
            raise
        return []
    return [reading.isoformat() for reading in found if reading <= end]


asked = json.load(sys.stdin)
if "calendar" in asked:
    answer = read(asked["calendar"])
else:
    answer = [starts(*rule) for rule in asked["rules"]]
json.dump(answer, sys.stdout)
