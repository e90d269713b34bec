"""Who is on call, a second time: slow, plain, and written from the rules alone.

`tests/it/model` deals random schedules with PagerPal's answers, one JSON object a line. This reads them, works out
every answer anew and says where the two differ. It shares nothing with the answers it checks: other language, other
implementation of the same zone database, other method. Nothing here is clever on purpose:

- local time to instant is a search through real minutes, one after the other, for the first that reads it or later;
- turns are counted one by one from the anchor, windows day by day;
- an instant is answered claim by claim; a final schedule is the answer at every second at which it could change, and
  at the second before.

    target/venv/bin/python tests/models/oncall.py FILE [PROCESSES]

Prints one JSON object: what was compared, and each disagreement with its schedule in words.
"""

import json
import sys
from bisect import bisect_left, bisect_right
from calendar import monthrange
from collections import Counter
from datetime import datetime, timedelta, timezone
from functools import cache
from itertools import accumulate
from multiprocessing import Pool
from zoneinfo import ZoneInfo, reset_tzpath

import tzdata

# Hosts' zone files are of any age; the package's are of the age of those inside PagerPal.
reset_tzpath(to=())

DAY = 24 * 60  # civil times are whole minutes since 1970-01-01 00:00
NEAR_A_CHANGE = 3 * 3600
DISAGREEMENTS_SHOWN = 5

# --- time -------------------------------------------------------------------------------------------------------------


def instant(text):
    return int(datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=timezone.utc).timestamp())


def instant_words(second):
    return datetime.fromtimestamp(second, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


def civil(text):
    return (datetime.strptime(text, "%Y-%m-%dT%H:%M") - datetime(1970, 1, 1)) // timedelta(minutes=1)


def civil_datetime(minute):
    return datetime(1970, 1, 1) + timedelta(minutes=minute)


def minute_of_day(text):
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


def offset(zone, second):
    """What the zone's clock shows beyond UTC, in seconds."""
    return int(datetime.fromtimestamp(second, ZoneInfo(zone)).utcoffset().total_seconds())


@cache
def latest_readings(zone, day):
    """For every minute of this day of UTC, the latest that the zone's clock has shown since the day began."""
    shown = []
    for minute in range(day * DAY, (day + 1) * DAY):
        ahead = offset(zone, minute * 60)
        assert ahead % 60 == 0, f"{zone} is off by seconds, and a search by minutes would miss that"
        shown.append(minute + ahead // 60)
    return list(accumulate(shown, max))


def R(zone, local):
    """The earliest instant whose wall clock reads `local` or later. No clock is a whole day off UTC."""
    for day in range(local // DAY - 1, local // DAY + 2):
        latest = latest_readings(zone, day)
        if latest[-1] >= local:
            return (day * DAY + bisect_left(latest, local)) * 60
    raise AssertionError(f"{zone} never reads {civil_datetime(local)}")


# --- rotations --------------------------------------------------------------------------------------------------------

WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]


def weekday(day):
    return WEEKDAYS[(day + 3) % 7]  # 1970-01-01 was a Thursday


def months_later(local, months):
    start = civil_datetime(local)
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    day = min(start.day, monthrange(year, month + 1)[1])
    return (start.replace(year=year, month=month + 1, day=day) - datetime(1970, 1, 1)) // timedelta(minutes=1)


def field(text, low, high, names=()):
    """The values of one field of a cron pattern without steps."""
    if text == "*":
        return set(range(low, high + 1))
    for number, name in enumerate(names):
        text = text.upper().replace(name, str(number))
    values = set()
    for part in text.split(","):
        first, _, last = part.partition("-")
        values.update(range(int(first), int(last or first) + 1))
    return values


def cron_matches(pattern, anchor):
    """On the civil line, minute by minute of matching days. Two restricted day fields: either, as crontab(5) says."""
    minutes, hours, days, months, weekdays = pattern.split()
    either = days != "*" and weekdays != "*"
    minutes, hours = field(minutes, 0, 59), field(hours, 0, 23)
    days, months = field(days, 1, 31), field(months, 1, 12)
    weekdays = {number % 7 for number in field(weekdays, 0, 7, ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"])}
    day = anchor // DAY
    while True:
        date = civil_datetime(day * DAY)
        of_month, of_week = date.day in days, date.isoweekday() % 7 in weekdays
        if date.month in months and (of_month or of_week if either else of_month and of_week):
            for minute in range(day * DAY, (day + 1) * DAY):
                if minute >= anchor and minute % 60 in minutes and minute % DAY // 60 in hours:
                    yield minute
        day += 1


def window_begins(window, anchor):
    day = anchor // DAY
    while True:
        begin = day * DAY + minute_of_day(window["start"])
        if weekday(day) in window["days"] and begin >= anchor:
            yield begin
        day += 1


def every(items, n):
    for number, item in enumerate(items):
        if number % n == 0:
            yield item


def turn_begins(version):
    """Local times at which turns 0, 1, 2, ... begin, without end."""
    anchor, (kind, n) = civil(version["anchor"]), next(iter(version["cadence"].items()))
    if kind == "windows":
        yield from every(window_begins(version["windows"][0], anchor), n)
    if kind == "cron":
        yield from cron_matches(n, anchor)
    turn = 0
    while True:
        if kind == "months":
            yield months_later(anchor, turn * n)
        else:
            yield anchor + turn * n * {"hours": 60, "days": DAY, "weeks": 7 * DAY}[kind]
        turn += 1


def turns(version, zone, until):
    """Instants at which turns begin, the last one after `until`."""
    begins = []
    for local in turn_begins(version):
        begins.append(R(zone, local))
        if begins[-1] > until:
            return begins


def open_windows(version, zone, start, end):
    """Each day's windows that may touch [start, end), as pairs of instants; None means always open."""
    if not version["windows"]:
        return None
    found = []
    for day in range(start // 86400 - 10, end // 86400 + 3):
        for window in version["windows"]:
            if weekday(day) in window["days"]:
                first, last = minute_of_day(window["start"]), minute_of_day(window["end"])
                last_day = day + window["extra_days"] + (1 if last <= first else 0)
                found.append((R(zone, day * DAY + first), R(zone, last_day * DAY + last)))
    return found


# --- schedules --------------------------------------------------------------------------------------------------------


class Schedule:
    """One line of the file, its recurring times worked out for the stretch it asks about, and a day around."""

    def __init__(self, line):
        self.line = line
        self.start, self.end = instant(line["start"]), instant(line["end"])
        around = self.start - 86400, self.end + 86400
        self.people = {name: [spans(span) for span in activity] for name, activity in line["people"].items()}
        self.entries = [(spans(entry["span"]), entry) for entry in line["entries"]]
        self.overrides = sorted(((spans(o["span"]), o) for o in line["overrides"]), key=lambda pair: pair[1]["id"])
        self.imports = {
            name: [(spans(shift["span"]), shift) for shift in shifts] for name, shifts in line["imports"].items()
        }
        self.layers = []
        for layer in line["layers"]:
            zone, versions = layer["zone"] or line["zone"], []
            for version in layer.get("versions", []):
                begins = turns(version, zone, around[1])
                anchor = R(zone, civil(version["anchor"]))
                windows = open_windows(version, zone, *around)
                versions.append((instant(version["effective_from"]), anchor, begins, windows, version["slots"]))
            self.layers.append((layer, versions))

    def is_active(self, name, at):
        return any(start <= at < end for start, end in self.people.get(name, []))

    def claims(self, at):
        """Highest first: (source, [(user, replacing override)], why it names nobody)."""
        found = []
        for name in self.line["imported_covers"]:
            found.append((f"imported cover {name}", *self.imported(name, at)))
        for (start, end), entry in self.entries:
            if start <= at < end:
                found.append((f"entry {entry['id']}", [(entry["user"], None)], None))
        for layer, versions in self.layers:
            source = f"layer {layer['id']}"
            if "imported" in layer:
                found.append((source, *self.imported(layer["imported"], at)))
            else:
                found.append((source, *rotation(versions, at)))
        if self.line["fallback"]:
            found.append(("fallback", [(self.line["fallback"], None)], None))
        for (start, end), o in self.overrides:
            if not start <= at < end or not self.is_active(o["user"], at):
                continue
            if o["replaces"] is None:
                found.insert(0, (f"override {o['id']}", [(o["user"], None)], None))
            else:
                stands_in = (o["user"], f"override {o['id']}")
                found = [
                    (source, [stands_in if user == o["replaces"] else (user, by) for user, by in places], why)
                    for source, places, why in found
                ]
        return found

    def imported(self, name, at):
        places, unmatched = [], None
        for (start, end), shift in self.imports.get(name, []):
            if start <= at < end:
                places.extend((user, None) for user in shift["users"])
                unmatched = unmatched or (None if shift["users"] else "unmatched")
        return places, (unmatched if not places else None)

    def answer(self, at):
        """(users, source, overrides that put them there), or ([], None, why nobody is on call)."""
        claims = self.claims(at)
        for source, places, _ in claims:
            active = {}
            for user, by in places:
                if self.is_active(user, at):
                    active.setdefault(user, by)
            if active:
                return list(active), source, list(active.values())
        reasons = {why for *_, why in claims}
        if any(places for _, places, _ in claims):
            return [], None, "all inactive"
        for why in ["unmatched", "outside windows"]:
            if why in reasons:
                return [], None, why
        return [], None, "no claim"

    def cuts(self):
        """Every second of the stretch, and of a day around, at which the answer could change."""
        cuts = {self.start - 86400, self.start, self.end, self.end + 86400}
        for activity in self.people.values():
            cuts.update(second for span in activity for second in span)
        for span, _ in self.entries + self.overrides + [pair for shifts in self.imports.values() for pair in shifts]:
            cuts.update(span)
        for _, versions in self.layers:
            for effective_from, anchor, begins, windows, _ in versions:
                cuts.update([effective_from, anchor, *begins])
                cuts.update(second for window in windows or [] for second in window)
        return sorted(cut for cut in cuts if self.start - 86400 <= cut <= self.end + 86400)

    def history(self):
        """The answer from each cut on: [(from, until, answer)], every piece checked at its last second, too."""
        cuts, pieces = self.cuts(), []
        for start, end in zip(cuts, cuts[1:]):
            answer = self.answer(start)
            assert answer == self.answer(end - 1), f"the model missed a cut between {start} and {end}"
            pieces.append((start, end, answer))
        return pieces


def spans(pair):
    start, end = pair
    return instant(start), instant(end) if end else 2**62


def rotation(versions, at):
    """The slot of a rotation at an instant, and why it has none."""
    chosen = versions[0]
    for version in versions[1:]:
        if version[0] <= at:
            chosen = version
    _, anchor, begins, windows, slots = chosen
    turn = bisect_right(begins, at) - 1
    if at < anchor or turn < 0:
        return [], "no claim"
    if windows is not None and not any(start <= at < end for start, end in windows):
        return [], "outside windows"
    return [(user, None) for user in slots[turn % len(slots)]], None


# --- comparing --------------------------------------------------------------------------------------------------------


def compare(text):
    """One line of the file: what was compared, and the disagreements."""
    line = json.loads(text)
    schedule, work, wrong = Schedule(line), Counter(schedules=1), []

    def check(kind, at, ours, theirs):
        work[kind] += 1
        if offset(line["zone"], at - NEAR_A_CHANGE) != offset(line["zone"], at + NEAR_A_CHANGE):
            work["near_a_change"] += 1
        if ours != theirs:
            wrong.append(f"{kind} at {instant_words(at)}:\n    model   {ours}\n    product {theirs}")

    for theirs in line["answers"]:
        at = instant(theirs["at"])
        users, source, by = schedule.answer(at)
        ours = [{"user": user, "claim": source, "replaced": by[i]} for i, user in enumerate(users)]
        check("answers", at, ours, theirs["places"])
    pieces = schedule.history()
    ours, theirs = segments(pieces, schedule.start, schedule.end), line["segments"]
    for i in range(max(len(ours), len(theirs))):
        mine, other = (list[i] if i < len(list) else None for list in (ours, theirs))
        check("segments", instant((mine or other)["start"]), mine, other)
    for theirs in line["runs"]:
        at = instant(theirs["at"])
        check("runs", at, run(pieces, theirs["user"], at, theirs), theirs)
    return work, [words(line, wrong)] if wrong else []


def segments(pieces, start, end):
    """Neighbours with the same people, claim and stand-ins, or the same reason for nobody, are one segment."""
    joined = []
    for first, last, key in pieces:
        if joined and joined[-1][2] == key:
            joined[-1][1] = last
        else:
            joined.append([first, last, key])
    return [
        {
            "start": instant_words(max(first, start)),
            "end": instant_words(min(last, end)),
            "users": users,
            "claim": source,
            "gap": None if users else more,
            "fallback": source == "fallback",
            "clipped_start": first < start,
            "clipped_end": last > end,
        }
        for first, last, (users, source, more) in joined
        if first < end and last > start
    ]


def run(pieces, user, at, theirs):
    """How long somebody stays on call by any claim. An end beyond the pieces is only known to be beyond."""
    since, until, after = at, at, None
    for first, last, (users, _, _) in reversed(pieces):
        if first <= since:
            if user not in users:
                break
            since = first
    for first, last, (users, _, _) in pieces:
        if last > until:
            if user not in users:
                after = users
                break
            until = last
    known_since, known_until = since > pieces[0][0], until < pieces[-1][1]
    return {
        "at": theirs["at"],
        "user": user,
        "since": instant_words(since) if known_since else min(theirs["since"], instant_words(since)),
        "until": instant_words(until) if known_until else max(theirs["until"], instant_words(until)),
        "next": after if known_until else theirs["next"],
    }


def words(line, wrong):
    """A schedule and what differs, for a person."""
    out = [f"{line['name']}: {line['zone']}, {line['start']} to {line['end']}"]
    for layer in line["layers"]:
        out.append(f"  layer {layer['id']}" + (f" in {layer['zone']}" if layer["zone"] else ""))
        versions = layer.get("versions", [f"import {layer.get('imported')}"])
        out.extend("    " + json.dumps(version) for version in versions)
    out.extend(f"  import {name}: {json.dumps(shifts)}" for name, shifts in line["imports"].items())
    for part in ["imported_covers", "fallback", "entries", "overrides"]:
        if line[part]:
            out.append(f"  {part}: {json.dumps(line[part])}")
    always = [["1970-01-01T00:00:00Z", None]]
    inactive = {name: activity for name, activity in line["people"].items() if activity != always}
    out.append(f"  activity of those not always active: {json.dumps(inactive)}")
    out.extend("  " + text for text in wrong[:DISAGREEMENTS_SHOWN])
    if len(wrong) > DISAGREEMENTS_SHOWN:
        out.append(f"  and {len(wrong) - DISAGREEMENTS_SHOWN} more")
    return "\n".join(out)


def main(path, processes="2"):
    work, disagreements = Counter(), []
    with open(path) as file, Pool(int(processes)) as pool:
        # Neighbours share a zone and a year: in one process they share the search for local times, too.
        for done, wrong in pool.imap(compare, file, chunksize=100):
            work.update(done)
            disagreements.extend(wrong)
    shown = disagreements[:DISAGREEMENTS_SHOWN]
    summary = {"zone_database": tzdata.IANA_VERSION, **work, "disagreements": len(disagreements), "shown": shown}
    print(json.dumps(summary))


if __name__ == "__main__":
    main(*sys.argv[1:])
