"""Words in cells: trimming, comparing and naming them, and what is said of one that can't be taken. Pure."""

from __future__ import annotations

import re
import sys
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from sheetsync.workbooks.interface import Raw

CELL_LIMIT = 32_767  # UTF-16 units that an .xlsx cell can hold; more would be cut silently
SHOWN_LIMIT = 60  # characters of a value that a message repeats

# Invisible characters that come along when text is pasted; they'd make equal keys differ.
_PADDING = re.compile(r"^[\s\u200b\u200e\u200f\u2060\ufeff]+|[\s\u200b\u200e\u200f\u2060\ufeff]+$")
# What neither an .xlsx file nor PostgreSQL can hold: control characters, halves of surrogate pairs, two non-characters.
UNSTORABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_BETWEEN_WORDS = re.compile(r"[\W_]+")
_WORD_GAPS = re.compile(r"[\s_\-]+")
_ERRORS = frozenset(
    {
        *(
            "#REF!",
            "#N/A",
            "#VALUE!",
            "#DIV/0!",
            "#NAME?",
            "#NUM!",
            "#NULL!",
            "#ERROR!",
            "#SPILL!",
            "#CALC!",
            "#FIELD!",
        ),
        *("#BLOCKED!", "#CONNECT!", "#UNKNOWN!", "#BUSY!", "#PYTHON!", "#EXTERNAL!", "#GETTING_DATA"),
        *("LOADING...", "LOADING…"),  # a cell of Google Sheets that isn't calculated yet
    }
)


@dataclass(frozen=True)
class Unclear:
    """Why a value can't be taken; `cells.parse` makes the sentence for people from it."""

    why: str  # continues a sentence that begins with the value: "is not a number"
    instead: str = ""  # what to do, "write 1.23 or 123"; "" lets the column's kind say what it accepts


def trim(text: str) -> str:
    """Without white space and invisible characters at both ends."""
    text = text.strip()
    return text if text.isascii() else _PADDING.sub("", text)


def fold(text: str) -> str:
    """How names match: trimmed, runs of spaces as one, ignoring case."""
    return " ".join(trim(text).split()).casefold()


def squeeze(text: str) -> str:
    """How words match where spaces, underscores and hyphens don't count either."""
    return _WORD_GAPS.sub("", trim(text)).casefold()


def snake_case(text: str) -> str:
    """A metric or parameter name as formulas spell it: `Page Load Time` becomes page_load_time.

    Letters outside ASCII are kept, composed as Python composes identifiers, so that formulas and cells agree.
    """
    if text.isascii():
        return _BETWEEN_WORDS.sub("_", text).strip("_").lower()
    lowered = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).lower())
    return _BETWEEN_WORDS.sub("_", lowered).strip("_")


def read_name(text: str) -> str | Unclear:
    """A name in snake_case. It starts with a letter and could stand in a formula."""
    name = snake_case(text)
    if not name[:1].isalpha():
        return Unclear("doesn't start with a letter", "write a name such as page_load_time")
    if not name.isidentifier():
        return Unclear("holds a character that a formula couldn't use", "write a name such as page_load_time")
    return name


def is_blank(raw: Raw) -> bool:
    """Whether a cell holds nothing: None, or text of white space (and invisible characters) only."""
    return raw is None or (isinstance(raw, str) and not trim(raw))


def is_error(text: str) -> bool:
    """Whether a cell's text is what a spreadsheet shows where a formula has no value."""
    return text[:1] in "#Ll" and text.upper() in _ERRORS


def text_flaw(text: str) -> Unclear | None:
    """Why no cell or database could keep this text; None when they can."""
    if UNSTORABLE.search(text):
        return Unclear("holds a control character", "type the text again, or paste it without formatting")
    if len(text) > CELL_LIMIT // 2 and len(text.encode("utf-16-le")) // 2 > CELL_LIMIT:
        return Unclear(f"is longer than {CELL_LIMIT:,} characters", "shorten it")
    return None


def number_text(number: float) -> str:
    """A number as text, without `.0`: spreadsheets keep integers as floats."""
    if isinstance(number, int) or (number.is_integer() and abs(number) < 1e15):
        return str(int(number))
    return repr(number)


def as_shown(raw: Raw) -> str:
    """A cell's value as a message repeats it: texts in quotes, on one line, shortened."""
    if isinstance(raw, bool):
        return "TRUE" if raw else "FALSE"
    if raw is None:
        return "an empty cell"
    if isinstance(raw, int) and abs(raw) >= 10**SHOWN_LIMIT:
        return "the number"  # its digits could fill pages
    if not isinstance(raw, str):
        return number_text(raw)
    text = UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", " ".join(raw[: SHOWN_LIMIT * 4].split()))
    return f'"{text}"' if len(text) <= SHOWN_LIMIT else f'"{text[: SHOWN_LIMIT - 1]}…"'


def nearest(word: str, choices: Iterable[str], *, however_far: bool = False) -> str | None:
    """The choice closest to a mistyped word, ignoring case, spaces, underscores and hyphens; None when nothing is near.

    Near is: at most a third of the letters added, dropped or changed; with `however_far` the closest one counts in any
    case, None only when there is no choice. Of equally near choices the first one wins.
    """
    squeezed = squeeze(word)
    positions: dict[str, int] = {}
    for index, letter in enumerate(squeezed):
        positions[letter] = positions.get(letter, 0) | 1 << index
    best, least = None, max(len(squeezed) // 3, 1 if len(squeezed) > 2 else 0) + 1
    if however_far:
        least = sys.maxsize
    for choice in choices:
        candidate = squeeze(choice)
        if candidate == squeezed:
            return choice
        if abs(len(candidate) - len(squeezed)) < least:
            distance = _edit_distance(positions, len(squeezed), candidate)
            if distance < least:
                best, least = choice, distance
    return best


def _edit_distance(positions: dict[str, int], length: int, other: str) -> int:
    """Letters to add, drop or change between a word and another (Myers' bit-parallel algorithm, in Hyyrö's form).

    `positions`: letter -> bit mask of where it stands in the word; `length`: the word's.
    """
    if not length:
        return len(other)
    full, last = (1 << length) - 1, 1 << (length - 1)
    up, down, distance = full, 0, length  # vertical steps of +1 and of -1 in the current column of the table
    for letter in other:
        match = positions.get(letter, 0)
        level = (((match & up) + up) ^ up) | match | down
        right, left = down | ~(level | up) & full, up & level  # horizontal steps of +1 and of -1
        distance += bool(right & last) - bool(left & last)
        right, left = (right << 1 | 1) & full, (left << 1) & full
        up, down = left | ~(level | right) & full, right & level
    return distance
