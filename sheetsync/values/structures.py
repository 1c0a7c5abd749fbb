"""Cells that hold structure: JSON, the short form `gmv: 120000; retention_30d: 0.01`, lists of names or keys. Pure."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterable
from typing import Any

from sheetsync.values.amounts import read_number
from sheetsync.values.words import UNSTORABLE, Unclear, as_shown, read_name

DEEPEST = 32  # levels of nesting that JSON in a cell may have
_EXACT = 2**53  # greatest integer up to which every program keeps every integer

_SEPARATORS = re.compile(r"[;\n]")
# A comma separates where a new name follows it; elsewhere it belongs to a number (`gmv: 1,200, retention: 5%`).
_COMMA_BEFORE_NAME = re.compile(r",(?=\s*[^\W\d][^,;:=\n]*[:=])")
_PAIRED = re.compile(r":|=(?!>)")
_ARROWS = re.compile(r"->|=>|→|>")
_COMMA = re.compile(",")
_KEY_SEPARATORS = re.compile(r"[|,;\n]")
_NOT_IN_KEYS = re.compile(r"[\s|,;]")

Pairs = list[tuple[str, str]]


def read_key(text: str) -> str | Unclear:
    """One key: in capitals, without spaces. `text` is trimmed."""
    if _NOT_IN_KEYS.search(text):
        return Unclear("isn't a single key without spaces")
    return text.upper()


def read_keys(text: str) -> list[str] | Unclear:
    """Keys between `|`, commas, semicolons or new lines; repeats are dropped, the order is kept."""
    keys: dict[str, None] = {}
    for part in _KEY_SEPARATORS.split(text):
        key = read_key(part.strip())
        if isinstance(key, Unclear):
            return Unclear(f"holds {as_shown(part.strip())}, which isn't a single key without spaces")
        keys[key] = None
    keys.pop("", None)
    return list(keys)


def read_pairs(text: str) -> Pairs | Unclear:
    """The short form: (name, text) of each `name: text` or `name = text`, between `;`, new lines or commas."""
    pairs = []
    for line in _SEPARATORS.split(text):
        for entry in _COMMA_BEFORE_NAME.split(line):
            entry = entry.strip().removesuffix(",").rstrip()
            if not entry:
                continue
            name, *rest = _PAIRED.split(entry, maxsplit=1)
            if not rest or not name.strip():
                return Unclear(f"holds {as_shown(entry)}, which isn't of the form name: number")
            pairs.append((name.strip(), rest[0].strip()))
    return pairs


def read_numbers(text: str) -> dict[str, float] | Unclear:
    """A JSON object of numbers, or the short form. Names become snake_case; each may come once. `text` is trimmed."""
    if text.startswith(("{", "[", '"')):
        found = _load(text, integers_exact=False)
        if isinstance(found, Unclear):
            return found
        return (
            _numbers_of(found.items(), _json_number)
            if isinstance(found, dict)
            else Unclear("is JSON, but not an object of numbers")
        )
    pairs = read_pairs(text)
    return pairs if isinstance(pairs, Unclear) else _numbers_of(pairs, read_number)


def read_weights(text: str) -> dict[str, float] | list[str] | Unclear:
    """Weights by name as in `read_numbers`, or names in order: a JSON list, `a > b`, `a, b`, `a; b`."""
    if text.startswith("["):
        found = _load(text, integers_exact=False)
        return found if isinstance(found, Unclear) else _names_of(found)
    if text.startswith(("{", '"')) or _PAIRED.search(text):
        return read_numbers(text)
    kinds = [pattern for pattern in (_ARROWS, _SEPARATORS, _COMMA) if pattern.search(text)]
    if len(kinds) > 1:
        return Unclear("separates its names in more than one way")
    return _names_of([part for part in kinds[0].split(text) if part.strip()] if kinds else [text])


def read_json(text: str) -> Any:
    """Any JSON value (`""` and null are None), or Unclear.

    Strict: no NaN or infinity, no name twice in one object, no integer that other programs would round.
    """
    found = _load(text, integers_exact=True)
    return None if isinstance(found, str) and not found else found


def compact_json(value: Any) -> str:
    """Without spaces, names sorted, integral numbers without `.0`. Raises ValueError for NaN and infinity."""
    return json.dumps(_integral(value), ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))


def _integral(value: Any) -> Any:
    if isinstance(value, float):
        return int(value) if value.is_integer() and abs(value) < 1e15 else value
    if isinstance(value, dict):
        return {name: _integral(inner) for name, inner in value.items()}
    return [_integral(inner) for inner in value] if isinstance(value, list | tuple) else value


def _numbers_of(pairs: Iterable[tuple[str, Any]], read: Callable[[Any], float | Unclear]) -> dict[str, float] | Unclear:
    numbers: dict[str, float] = {}
    for written, content in pairs:
        name = read_name(written)
        if isinstance(name, Unclear):
            return Unclear(f"holds the name {as_shown(written)}, which {name.why}", name.instead)
        if name in numbers:
            return Unclear(f"names {name} twice", f"write {name} once")
        number = read(content)
        if isinstance(number, Unclear):
            return Unclear(f"gives {name} {_shown_part(content)}, which {number.why}", number.instead)
        numbers[name] = number
    return numbers


def _names_of(parts: Any) -> list[str] | Unclear:
    names: list[str] = []
    for part in parts if isinstance(parts, list) else [parts]:
        name = read_name(part) if isinstance(part, str) else Unclear("is not a name")
        if isinstance(name, Unclear):
            return Unclear(f"holds {_shown_part(part)}, which {name.why}", name.instead)
        if name in names:
            return Unclear(f"names {name} twice", f"write {name} once")
        names.append(name)
    return names


def _json_number(content: Any) -> float | Unclear:
    if isinstance(content, bool) or not isinstance(content, int | float):
        return Unclear("is not a number", "write numbers without quotes, and nothing nested")
    return content + 0.0


def _shown_part(content: Any) -> str:
    if isinstance(content, str):
        return as_shown(content.strip()) if content.strip() else "nothing"
    return "a list" if isinstance(content, list) else "an object" if isinstance(content, dict) else as_shown(content)


def _load(text: str, *, integers_exact: bool) -> Any:
    """The JSON value or Unclear; integers are floats unless they must be exact."""
    try:
        found = json.loads(
            text,
            parse_int=_exact_integer if integers_exact else float,
            parse_float=_integral_float if integers_exact else float,
            parse_constant=_refuse_constant,
            object_pairs_hook=_object,
        )
    except json.JSONDecodeError as error:
        quotes = "; its quotes must be straight ones" if "“" in text or "”" in text else ""
        return Unclear(f"isn't valid JSON at character {error.pos + 1}{quotes}")
    except ValueError as error:  # from these hooks
        return Unclear(str(error))
    except RecursionError:
        return Unclear(f"is nested deeper than {DEEPEST} levels")
    return _json_flaw(found) or found


def _exact_integer(digits: str) -> int:
    if len(digits) > 17 or abs(int(digits)) > _EXACT:
        raise ValueError(f"holds {as_shown(digits)}, an integer that other programs would round: put it in quotes")
    return int(digits)


def _integral_float(digits: str) -> float:
    """One number, one form: 5.0 is 5, as it is once it has been written."""
    number: float = _integral(float(digits))
    return number


def _refuse_constant(name: str) -> None:
    raise ValueError(f"holds {name}, which isn't a number")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("holds a name twice in one object")
    return found


def _json_flaw(value: Any, depth: int = 0) -> Unclear | None:
    """Why a loaded value can't be kept: nested too deep, a number beyond all floats, text that no cell could hold."""
    if depth >= DEEPEST and isinstance(value, list | dict):
        return Unclear(f"is nested deeper than {DEEPEST} levels")
    if isinstance(value, float) and not math.isfinite(value):
        return Unclear("holds a number that is too big")
    if isinstance(value, str) and UNSTORABLE.search(value.replace("\r", "")):
        return Unclear("holds a control character")
    inner = [*value, *value.values()] if isinstance(value, dict) else value if isinstance(value, list) else ()
    return next((flaw for part in inner if (flaw := _json_flaw(part, depth + 1))), None)
