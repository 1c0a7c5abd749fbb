"""A tiny page that shows the spreadsheets, and lets people type into them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from html import escape
from typing import Any
from urllib.parse import quote

from sheetsync.sheets_server.calculating import Calculation
from sheetsync.sheets_server.cells import Cell, formatted
from sheetsync.sheets_server.sheet import Sheet, Spreadsheet
from sheetsync.workbooks.xlsx_sheet_xml import column_letters

MOST_ROWS = 500  # shown of one tab
_SHORT = 20  # characters that need no wide column
_STYLE = """
body{font:14px/1.4 system-ui,sans-serif;margin:0;color:#1f2933;background:#fff}
header{padding:12px 16px;border-bottom:1px solid #d5dae0}h1{font-size:18px;margin:0 0 6px}a{color:#1d5fa8}
nav a{display:inline-block;padding:4px 10px;border-radius:4px;text-decoration:none}nav a[aria-current]{background:#243b53;color:#fff}
main{padding:0 0 40px;overflow:auto}table{border-collapse:collapse}td,th{border:1px solid #d5dae0;padding:3px 6px;text-align:left;
vertical-align:top;max-width:320px;white-space:pre-wrap}th{background:#f0f2f4;font-weight:400;color:#52606d}p,ul,form{margin:16px}
td:focus{outline:2px solid #1d5fa8}td.long{min-width:180px}td.over{white-space:pre;max-width:0;overflow:visible}
tr.head{position:sticky;top:0;z-index:1}input[type=checkbox]{width:16px;height:16px;display:block;margin:2px auto}
"""
_SCRIPT = """
const [id, tab] = JSON.parse(document.getElementById('place').textContent);
async function type(name, text) {
  const range = encodeURIComponent("'" + tab.replaceAll("'", "''") + "'!" + name);
  const answer = await fetch(`/v4/spreadsheets/${id}/values/${range}?valueInputOption=USER_ENTERED`, {
    method: 'PUT', headers: {'Content-Type': 'application/json'}, body: JSON.stringify({values: [[text]]})});
  if (!answer.ok) alert((await answer.json()).error.message);
  location.reload();
}
document.querySelectorAll('input[data-cell]').forEach(box => {
  box.addEventListener('change', () => type(box.dataset.cell, box.checked ? 'TRUE' : 'FALSE'));
});
document.querySelectorAll('td[data-cell]').forEach(cell => {
  const shown = cell.textContent;
  cell.addEventListener('keydown', event => {
    if (event.key === 'Enter' && !event.shiftKey) { event.preventDefault(); cell.blur(); }
    if (event.key === 'Escape') { cell.textContent = shown; cell.blur(); }
  });
  cell.addEventListener('blur', () => {
    if (cell.textContent !== shown) type(cell.dataset.cell, cell.textContent);
  });
});
"""
_NEW = """
document.querySelector('form').addEventListener('submit', async event => {
  event.preventDefault();
  const title = event.target.elements.title.value;
  await fetch('/v4/spreadsheets', {method: 'POST', headers: {'Content-Type': 'application/json'},
    body: JSON.stringify({properties: {title}})});
  location.reload();
});
"""


def home(spreadsheets: Iterable[Spreadsheet]) -> str:
    """Every spreadsheet, and a form for another one."""
    links = "".join(
        f'<li><a href="/spreadsheets/d/{one.spreadsheet_id}/edit">{escape(one.title)}</a> <code>{one.spreadsheet_id}</code></li>'
        for one in spreadsheets
    )
    form = '<form><input name="title" required placeholder="Title" aria-label="Title"> <button>New spreadsheet</button></form>'
    return _page("Spreadsheets on this machine", f"<ul>{links or '<li>none yet</li>'}</ul>{form}", _NEW)


def tab_page(spreadsheet: Spreadsheet, title: str) -> str:
    """One tab of a spreadsheet; without a title the first one that holds something."""
    filled = next((one for one in spreadsheet.sheets if one.used_rows()), spreadsheet.sheets[0])
    sheet = next((one for one in spreadsheet.sheets if one.title == title), filled)
    links = "".join(
        f'<a href="?tab={quote(one.title)}"{" aria-current=page" if one is sheet else ""}>{escape(one.title)}</a>'
        for one in spreadsheet.sheets
    )
    place = json.dumps([spreadsheet.spreadsheet_id, sheet.title]).replace("<", "\\u003c")
    body = (
        f'<header><h1>{escape(spreadsheet.title)}</h1><a href="/">all spreadsheets</a> · click into a cell and type; '
        f"Enter keeps it<nav>{links}</nav></header><main>{_table(spreadsheet, sheet)}</main>"
        f'<script type="application/json" id="place">{place}</script>'
    )
    return _page(spreadsheet.title, body, _SCRIPT)


def _page(title: str, body: str, script: str) -> str:
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
        f"<body>{body}<script>{script}</script></body></html>"
    )


def _table(spreadsheet: Spreadsheet, sheet: Sheet) -> str:
    shown = Calculation(spreadsheet).shown(sheet).rows
    used = max(sheet.used_rows(), 1)
    last = min(used + 5, sheet.row_count, MOST_ROWS)
    columns = range(sheet.column_count)
    head = "".join(f"<th>{column_letters(column)}</th>" for column in columns)
    lines = [f"<tr><th></th>{head}</tr>"]
    frozen = sheet.grid.get("frozenRowCount", 0)
    for row in range(last):
        values = shown[row] if row < len(shown) else {}
        cells = "".join(_cell(spreadsheet, sheet, row, column, values) for column in columns)
        head = " class=head" if row == frozen - 1 else ""
        lines.append(f"<tr{head}><th>{row + 1}</th>{cells}</tr>")
    more = f"<p>The first {MOST_ROWS} of {used} rows.</p>" if used > MOST_ROWS else ""
    return f"<table>{''.join(lines)}</table>{more}"


def _cell(spreadsheet: Spreadsheet, sheet: Sheet, row: int, column: int, values: Mapping[int, Any]) -> str:
    cell, value = sheet.dressed(row, column), values.get(column)
    note = f' title="{escape(str(cell.looks["note"]))}"' if "note" in cell.looks else ""
    style = _style(_format(sheet, row, column, cell))
    name = f"{column_letters(column)}{row + 1}"
    if sheet.is_tick_box(row, column) and isinstance(value, bool):
        ticked = " checked" if value else ""
        return f'<td{note}{style}><input type="checkbox" data-cell="{name}" aria-label="{name}"{ticked}></td>'
    text = formatted(value, cell, spreadsheet.locale)
    look = _length(text, alone=len(values) == 1)
    return f'<td contenteditable="plaintext-only" data-cell="{name}"{look}{note}{style}>{escape(text)}</td>'


def _length(text: str, *, alone: bool) -> str:
    """Texts that stand alone in their row run on over the empty cells beside them."""
    return "" if len(text) <= _SHORT else " class=over" if alone else " class=long"


def _format(sheet: Sheet, row: int, column: int, cell: Cell) -> dict[str, Any]:
    own: dict[str, Any] = cell.looks.get("userEnteredFormat", {})
    if "backgroundColorStyle" in own or "textFormat" in own:
        return own
    for block, look in reversed(sheet.painted):
        if block.holds(row, column):
            return dict(look)
    return own


def _style(look: Mapping[str, Any]) -> str:
    parts = []
    for name, style in (("background", look.get("backgroundColorStyle")), ("color", _ink(look))):
        if style:
            red, green, blue = (round(255 * style["rgbColor"].get(part, 0)) for part in ("red", "green", "blue"))
            parts.append(f"{name}:rgb({red},{green},{blue})")
    if look.get("textFormat", {}).get("bold"):
        parts.append("font-weight:600")
    return f' style="{";".join(parts)}"' if parts else ""


def _ink(look: Mapping[str, Any]) -> Any:
    return look.get("textFormat", {}).get("foregroundColorStyle")
