"""What an action is asked to work on, read alike from a Control tab and from a request over the web. No values but what people gave."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from sheetsync.context import Arguments
from sheetsync.models import ActionRun, CellChange, RecordChange, Workbook
from sheetsync.runs.actions import ACTIONS, Action, WrongUsage, find_action, find_tab
from sheetsync.tabs import Column, Kind, Owner
from sheetsync.values.cells import Refusal, nearest, parse, read_pairs
from sheetsync.values.words import Unclear, as_shown, number_text

UNDO = "pm.undo_run"
LONGEST_TEXT = 200  # characters of a name
MOST_KEYS = 20_000
_ALWAYS = ("tab", "keys", "confirm")
_ALSO_CALLED = {
    "run": "runs",
    "run_id": "runs",
    "key": "keys",
    "scenario_name": "scenario",
    "constraint_set_name": "constraint_set",
}
_LISTS = frozenset({"keys", "runs"})
_BETWEEN = re.compile(r"[\s|,;]+")


def read_short_form(text: str) -> list[tuple[str, Any]]:
    """(name, value) of each `name: value` between semicolons or new lines, or of a JSON object. Raises WrongUsage."""
    if text.lstrip().startswith("{"):
        try:
            found = json.loads(text)
        except (ValueError, RecursionError):
            raise WrongUsage(f"arguments: {as_shown(text)} isn't valid JSON; {_FORM}") from None
        return list(found.items())
    pairs = read_pairs(text)
    if isinstance(pairs, Unclear):
        raise WrongUsage(f"arguments: {as_shown(text)} isn't a list of names and values; {_FORM}")
    return list(pairs)


_FORM = "write name: value; name: value, as in scenario: Q2 base; confirm: yes"


def read_arguments(action: Action, role: str | None, given: Iterable[tuple[str, Any]]) -> Arguments:
    """The arguments by the names of the command line's options. Raises WrongUsage: a name that the action doesn't take, or a value
    that means nothing."""
    taken = (*_ALWAYS, *action.arguments)
    values: dict[str, Any] = {}
    for written, value in given:
        name = _canonical(str(written))
        if name not in taken:
            raise WrongUsage(f"{action.name} takes no {as_shown(str(written))}; {_what_is_taken(name, taken)}")
        if value is None or value == "":
            continue
        if name in values and name not in _LISTS:
            raise WrongUsage(f"{name}: it is given twice; give it once")
        read = _READERS[name](name, value)
        values[name] = values[name] + read if name in values else read
    if "tab" in values:
        found = find_tab(role, values["tab"])
        assert found is not None
        values["tab"] = found.name
    return Arguments(**values)


def _canonical(name: str) -> str:
    folded = re.sub(r"[\s-]+", "_", name.strip().casefold()).strip("_")
    return _ALSO_CALLED.get(folded, folded)


def _what_is_taken(name: str, taken: Iterable[str]) -> str:
    shown = [_as_option(one) for one in taken]
    near = nearest(name, shown)
    return f"did you mean {near}?" if near else f"it takes {', '.join(shown)}"


def _as_option(name: str) -> str:
    return "run" if name == "runs" else name


def _text(name: str, value: Any) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return number_text(value)
    if not isinstance(value, str) or len(value) > LONGEST_TEXT or not value.isprintable():
        raise WrongUsage(f"{name}: {_shown(value)} isn't a name; write a text of at most {LONGEST_TEXT} characters")
    return value.strip()


def _texts(name: str, value: Any) -> tuple[str, ...]:
    parts = _BETWEEN.split(value) if isinstance(value, str) else value
    if not isinstance(parts, list) or not all(isinstance(part, str) for part in parts):
        raise WrongUsage(
            f"{_as_option(name)}: {_shown(value)} isn't a list; write them one after the other, parted by commas"
        )
    found = tuple(dict.fromkeys(part.strip() for part in parts if part.strip()))
    if len(found) > MOST_KEYS:
        raise WrongUsage(f"{name}: {len(found):,} are too many; give at most {MOST_KEYS:,}, or none for all rows")
    for part in found:
        _text(_as_option(name), part)
    return found


def _parsed(column: Column) -> Callable[[str, Any], Any]:
    def read(name: str, value: Any) -> Any:
        raw = json.dumps(value) if isinstance(value, dict | list) else value
        found = parse(column, raw)
        if isinstance(found, Refusal):
            raise WrongUsage(found.text)
        return found

    return read


def _whole(number: Callable[[str, Any], Any]) -> Callable[[str, Any], int]:
    def read(name: str, value: Any) -> int:
        found = number(name, value)
        if found is None or found != int(found):
            raise WrongUsage(f"{name}: {_shown(value)} isn't a whole number")
        return int(found)

    return read


def _column(name: str, kind: Kind, above: float | None = None) -> Column:
    return Column(name=name, owner=Owner.SHEET_ONLY, kind=kind, help="", above=above)


_READERS: Mapping[str, Callable[[str, Any], Any]] = {
    "tab": _text,
    "keys": _texts,
    "confirm": _parsed(_column("confirm", Kind.BOOLEAN)),
    "scenario": _text,
    "constraint_set": _text,
    "framework": _text,
    "template": _text,
    "runs": _texts,
    "capacity": _parsed(_column("capacity", Kind.NUMBER, above=0)),
    "weights": _parsed(_column("weights", Kind.WEIGHTS)),
    "explain": _whole(_parsed(_column("explain", Kind.NUMBER, above=0))),
}


def _shown(value: Any) -> str:
    return as_shown(value) if isinstance(value, str | int | float | None) else as_shown(json.dumps(value, default=str))


# ---- what a workbook may ask for -----------------------------------------------------------------------------------


def allowed_actions(role: str) -> list[Action]:
    """The actions of a role, by name."""
    return [action for _name, action in sorted(ACTIONS.items()) if role in action.roles]


class NotAllowed(WrongUsage):
    """The action exists, but isn't this workbook's to ask for."""


def read_request(workbook: Workbook, name: str, given: Iterable[tuple[str, Any]]) -> tuple[Action, Arguments]:
    """What a workbook asks for. Raises NotAllowed for what isn't its to ask, else WrongUsage."""
    action = _require_allowed(workbook, name)
    arguments = read_arguments(action, workbook.role, given)
    _require_own_runs(workbook, action, arguments)
    return action, arguments


def _require_allowed(workbook: Workbook, name: str) -> Action:
    """The action of that name, if the workbook's role has it. Raises WrongUsage for one that doesn't exist, NotAllowed for another
    role's."""
    found = find_action(name)
    if workbook.role not in found.roles:
        own = ", ".join(action.name for action in allowed_actions(workbook.role))
        roles = " and ".join(found.roles)
        raise NotAllowed(
            f"{name} is for {roles} workbooks; this one's role is {workbook.role}, and its actions are {own}"
        )
    return found


def _require_own_runs(workbook: Workbook, action: Action, arguments: Arguments) -> None:
    """A workbook takes back its own runs alone: whoever may edit one workbook mustn't change another through it. Raises NotAllowed."""
    if action.name != UNDO:
        return
    for run in ActionRun.objects.filter(run_id__in=arguments.runs).exclude(workbook=workbook):
        if _touched(run) != {workbook.pk}:
            raise NotAllowed(
                f"run {run.run_id} isn't this workbook's alone; it can be undone in the admin or on the command line"
            )


def _touched(run: ActionRun) -> set[int | None]:
    written = CellChange.objects.filter(run=run).order_by().values_list("workbook_id", flat=True).distinct()
    taken = RecordChange.objects.filter(run=run).order_by().values_list("workbook_id", flat=True).distinct()
    return {*written, *taken}
