"""Tables: a row a turn, with columns for its start, end, speaker and text. What CSV and TSV share.

Times are seconds, clocks (`00:01.5`), or milliseconds where whole numbers could be nothing else. A
row is split where the speaker changes; other columns stay with each part.
"""

import re
from typing import Any, NamedTuple

from seal.errors import SealError
from seal.formats import blocks, overlaps, turns
from seal.formats.blocks import Place
from seal.formats.reading import Entry, Original, Source, original, runs
from seal.parsing import LATEST, quoted, split_time
from seal.words import Word

COLUMNS = {
    "start": ("start", "start_time", "begin", "from", "onset", "starttime", "start_(s)"),
    "end": ("end", "end_time", "stop", "to", "offset", "endtime", "end_(s)"),
    "speaker": ("speaker", "spk", "speaker_name", "name", "who", "speaker_label", "participant"),
    "text": ("text", "words", "transcript", "content", "utterance", "transcription", "sentence"),
}
"""What the columns may be called, with `_` for a space."""

LONG = 5.0
"""Seconds a word. Rows in whole numbers whose words would last longer are in milliseconds."""

_CLOCK = re.compile(blocks.TIME)


class Row(NamedTuple):
    """A row: where it stands, its fields, and its words."""

    first: int
    last: int
    fields: list[Place]
    spans: list[Place]


class Table(NamedTuple):
    rows: list[Row]
    columns: dict[str, int]
    unit: float
    mark: str


def columns_of(header: str, mark: str) -> dict[str, int]:
    """Which column is what, by the table's first line; without text or speaker, it is no table."""
    places = fields_of(header, mark)[0]
    names = [_plain(header, place).strip().lower().replace(" ", "_") for place in places]
    found = {
        kind: next(names.index(one) for one in known if one in names)
        for kind, known in COLUMNS.items()
        if any(one in names for one in known)
    }
    return found if {"text"} < found.keys() else {}


def fields_of(text: str, mark: str) -> list[list[Place]]:
    """Where the fields of each row stand, quotation marks included."""
    quoted = re.compile(rf'"(?:[^"]|"")*+"(?=[{mark}\r\n]|$)')
    plain = re.compile(rf"[^{mark}\r\n]*")
    rows: list[list[Place]] = [[]]
    place, quotes = 0, True
    while True:
        match = quoted.match(text, place) if quotes and text[place : place + 1] == '"' else None
        if match is None:
            quotes = quotes and text[place : place + 1] != '"'  # else they are marks of speech
            match = plain.match(text, place)
        assert match is not None  # an empty field is one
        rows[-1].append(match.span())
        place = match.end()
        if place >= len(text):
            return rows
        if text[place] == mark:
            place += 1
            continue
        place += 2 if text[place : place + 2] == "\r\n" else 1
        rows.append([])


def read(source: Source, mark: str) -> Original:
    text = source.text
    entries: list[Entry] = []
    rows: list[Row] = []
    timed: list[tuple[float, float, list[Entry]]] = []
    asides: list[str] = []
    header, *body = fields_of(text, mark)
    columns = columns_of(text[header[0][0] : header[-1][1]], mark)
    if not columns:
        raise SealError(
            f"{source.path}: line 1: no table with columns for start, end, speaker, text"
        )
    unit, who = _unit(text, body, columns), None
    for fields in body:
        if len(fields) == 1 and not text[slice(*fields[0])].strip():
            continue
        line = text.count("\n", 0, fields[0][0]) + 1 if len(fields) <= max(columns.values()) else 0
        if line or any(first < last for first, last in fields[len(header) :]):
            line = text.count("\n", 0, fields[0][0]) + 1
            raise SealError(
                f"{source.path}: line {line}: has {len(fields)} fields, line 1 has {len(header)}"
            )
        place = f"{source.path}: row {len(rows) + 2}"
        said = _plain(text, fields[columns["text"]])
        spans = list(turns.tokens(said))
        times = [_time(text, fields, columns, kind, unit, place) for kind in ("start", "end")]
        start, end = times
        own: list[Any] = [(None, None)] * len(spans)
        if spans and start is not None and end is not None:
            own = split_time([said[first:last] for first, last in spans], start, end)
        told = _plain(text, fields[columns["speaker"]]).strip() if "speaker" in columns else None
        who = told or who  # an empty field goes on with the speaker above
        number = len(rows)
        words = [
            Entry(said[slice(*span)], begin, stop, who, number, number, estimated=True, whole=whole)
            for span, whole, (begin, stop) in zip(spans, turns.whole(said), own, strict=True)
        ]
        entries += words
        asides += [] if spans else said.split()
        if start is not None and end is not None:
            timed.append((start, end, words))
        rows.append(Row(fields[0][0], fields[-1][1], fields, spans))
    overlaps.keep_whole(timed)
    return original(source, entries, Table(rows, columns, unit, mark), asides)


def _plain(text: str, place: Place) -> str:
    field = text[slice(*place)]
    if len(field) > 1 and field[0] == field[-1] == '"':
        return field[1:-1].replace('""', '"')
    return field


def _unit(text: str, body: list[list[Place]], columns: dict[str, int]) -> float:
    """What a number of the table is in seconds."""
    lasts, count = 0.0, 0
    for fields in body:
        if len(fields) <= max(columns.values()) or not {"start", "end"} <= columns.keys():
            continue
        start, end = (_plain(text, fields[columns[kind]]).strip() for kind in ("start", "end"))
        if not (start.isdecimal() and end.isdecimal() and len(start + end) < 30):
            return 1.0
        lasts += int(end) - int(start)
        count += len(_plain(text, fields[columns["text"]]).split())
    return 0.001 if count and lasts / count > LONG else 1.0


def _time(
    text: str, fields: list[Place], columns: dict[str, int], kind: str, unit: float, place: str
) -> float | None:
    if kind not in columns:
        return None
    told = _plain(text, fields[columns[kind]]).strip()
    if not told:
        return None
    if _CLOCK.fullmatch(told):
        time = blocks.seconds(told)
    elif re.fullmatch(r"(\d{1,12}[.,]?\d{0,12}|[.,]\d{1,12})", told, re.ASCII):
        time = round(float(told.replace(",", ".")) * unit, 6)
    else:
        raise SealError(f"{place}: not a time: {quoted(told)}")
    if time > LATEST:
        raise SealError(f"{place}: not a time of 0 to {LATEST:.0f} s: {quoted(told)}")
    return time


def write(original: Original, words: list[Word]) -> str:
    text, table = original.source.text, original.kept
    if "speaker" not in table.columns:
        raise SealError(f"{original.source.path}: has no column for speakers")
    changed = original.changes(words)
    parts: dict[int, list[int]] = {}
    for index, number in enumerate(original.places):
        parts.setdefault(number, []).append(index)
    pieces, done = [], 0
    line = "\r\n" if "\r\n" in text else "\n"
    current: str | None = None
    for number, row in enumerate(table.rows):
        own = parts.get(number, [])
        named = _plain(text, row.fields[table.columns["speaker"]]).strip()
        told = {words[index]["speaker"] for index in own}
        above, current = current, words[own[-1]]["speaker"] if own else named or current
        if any(changed[index] for index in own) if named else told - {above}:
            made = _rows(text, table, row, [words[index] for index in own])
            pieces += [text[done : row.first], line.join(made)]
            done = row.last
    return "".join([*pieces, text[done:]])


def _rows(text: str, table: Table, row: Row, words: list[Word]) -> list[str]:
    """A row as several, one a speaker."""
    said, made = _plain(text, row.fields[table.columns["text"]]), []
    for name, first, last in runs(word["speaker"] for word in words):
        begin = row.spans[first][0] if first else 0
        stop = row.spans[last][0] if last < len(words) else len(said)
        new = {
            "speaker": name,
            "text": said[begin:stop].rstrip() if last < len(words) else said[begin:],
        }
        if first:
            new["start"] = _written(text, table, row, "start", words[first]["start_time"])
        if last < len(words):
            new["end"] = _written(text, table, row, "end", words[last - 1]["end_time"])
        if first == 0 and last == len(words):
            del new["text"]
        place_of = {table.columns[kind]: kind for kind in new if kind in table.columns}
        cells = []
        for number, place in enumerate(row.fields):
            old = text[slice(*place)]
            kind = place_of.get(number)
            same = kind is None or new[kind] == _plain(text, place)
            cells.append(old if same else field(new[str(kind)], table.mark, old[:1] == '"'))
        made.append(table.mark.join(cells))
    return made


def _written(text: str, table: Table, row: Row, kind: str, time: float) -> str:
    if kind not in table.columns:
        return ""
    old = _plain(text, row.fields[table.columns[kind]]).strip()
    if _CLOCK.fullmatch(old):
        return blocks.clock(time, old)
    told = str(round(time * 1000)) if table.unit != 1 else f"{time:.3f}"
    return told.replace(".", ",") if "," in old else told


def field(text: str, mark: str, always: bool = False) -> str:
    """A field, in quotation marks where it has to be. Raises SealError for what no field can hold.

    A table with tabs has no quotation marks of its own: they are only put where a field is begun by
    one, or breaks the line.
    """
    if always or any(sign in text for sign in (mark, "\n", "\r")) or text[:1] == '"':
        return '"' + text.replace('"', '""') + '"'
    return text


def new(words: list[Word], mark: str) -> str:
    rows = [mark.join(COLUMNS)]
    for turn in turns.grouped(words):
        cells = [f"{turn[0]['start_time']:.3f}", f"{turn[-1]['end_time']:.3f}"]
        cells += [field(turn[0]["speaker"], mark), field(turns.said(turn), mark)]
        rows.append(mark.join(cells))
    return "\n".join(rows) + "\n"
