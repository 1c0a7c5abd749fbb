"""Keeps spreadsheets in one JSON file."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import orjson

from sheetsync.sheets_server.cells import Cell
from sheetsync.sheets_server.places import Block
from sheetsync.sheets_server.sheet import Protection, Sheet, Spreadsheet


class KeptElsewhere(Exception):
    """Another server keeps its spreadsheets in this file."""


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Nobody else keeps spreadsheets in the file while the block runs. Raises KeptElsewhere."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.with_name(f".{path.name}.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise KeptElsewhere from None
        yield


def save(path: Path, spreadsheets: Iterable[Spreadsheet]) -> None:
    """Writes the file in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f".{path.name}.saving")
    beside.write_bytes(orjson.dumps([_spreadsheet_json(one) for one in spreadsheets]))
    os.replace(beside, path)


def load(path: Path) -> dict[str, Spreadsheet]:
    """Id -> spreadsheet; none when there is no such file."""
    if not path.exists():
        return {}
    found = [_spreadsheet(one) for one in orjson.loads(path.read_bytes())]
    return {spreadsheet.spreadsheet_id: spreadsheet for spreadsheet in found}


def _spreadsheet_json(spreadsheet: Spreadsheet) -> dict[str, Any]:
    return {
        **{
            name: getattr(spreadsheet, name)
            for name in ("spreadsheet_id", "title", "locale", "time_zone", "cell_limit")
        },
        "next_id": spreadsheet.new_id(),
        "readers": sorted(spreadsheet.readers),
        "strangers": sorted(spreadsheet.strangers),
        "sheets": [_sheet_json(sheet) for sheet in spreadsheet.sheets],
    }


def _spreadsheet(stored: dict[str, Any]) -> Spreadsheet:
    plain = {name: stored[name] for name in ("spreadsheet_id", "title", "locale", "time_zone", "cell_limit")}
    return Spreadsheet(
        **plain,
        sheets=[_sheet(sheet) for sheet in stored["sheets"]],
        readers=set(stored["readers"]),
        strangers=set(stored["strangers"]),
        _next_id=stored["next_id"],
    )


_PLAIN = ("sheet_id", "title", "row_count", "column_count", "properties", "grid")


def _sheet_json(sheet: Sheet) -> dict[str, Any]:
    return {
        **{name: getattr(sheet, name) for name in _PLAIN},
        "rows": [[[c, cell.value, cell.formula, cell.looks] for c, cell in row.items()] for row in sheet.rows],
        "merges": [_block_json(block) for block in sheet.merges],
        "protections": [
            {**vars(one), "block": _block_json(one.block), "editors": list(one.editors)} for one in sheet.protections
        ],
        "validations": [[_block_json(block), rule] for block, rule in sheet.validations],
        "painted": [[_block_json(block), look] for block, look in sheet.painted],
    }


def _sheet(stored: dict[str, Any]) -> Sheet:
    return Sheet(
        **{name: stored[name] for name in _PLAIN},
        rows=[
            {c: Cell(value=value, formula=formula, looks=looks) for c, value, formula, looks in row}
            for row in stored["rows"]
        ],
        merges=[_block(block) for block in stored["merges"]],
        protections=[
            Protection(**{**one, "block": _block(one["block"]), "editors": tuple(one["editors"])})
            for one in stored["protections"]
        ],
        validations=[(_block(block), rule) for block, rule in stored["validations"]],
        painted=[(_block(block), look) for block, look in stored["painted"]],
    )


def _block_json(block: Block) -> list[int | None]:
    return [block.top, block.left, block.bottom, block.right]


def _block(stored: list[Any]) -> Block:
    top, left, bottom, right = stored
    return Block(top=top, left=left, bottom=bottom, right=right)
