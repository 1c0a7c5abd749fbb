"""Rows that no key finds: twins, rows without identity, rows that wait for a key or were given one."""

from __future__ import annotations

from collections.abc import Sequence

from sheetsync.syncing.keys import KeyFate, Lost
from sheetsync.syncing.opentab import MERGED, OpenTab
from sheetsync.syncing.verdicts import compose
from sheetsync.syncing.view import SheetRow


def judge_keys(tab: OpenTab, rows: Sequence[SheetRow]) -> dict[SheetRow, KeyFate]:
    if tab.desk is None or not tab.desk.reserved:
        return {}
    fates: dict[SheetRow, KeyFate] = {}
    lost = _lost_records(tab)
    for row in rows:
        typed = str(row.raw[tab.tab.identity[0]])
        known = row.key in tab.db
        # Without a lost record there is nothing to mix the row up with.
        text = tab.row_text(row) if lost and not known else ""
        fate, owner = tab.desk.judge(typed, text, lost, known=known)
        fates[row] = fate
        if fate is KeyFate.STRAY:
            _put_key_back(tab, row, owner)
    return fates


def _lost_records(tab: OpenTab) -> list[Lost]:
    seen = {row.key for row in tab.view.rows}
    identity = tab.tab.identity[0]
    return [
        Lost(key=str(record.values[identity]), text=tab.view.text_as_stored(record.values))
        for key, record in tab.db.items()
        if key not in seen
    ]


def _put_key_back(tab: OpenTab, row: SheetRow, owner: str) -> None:
    assert tab.desk is not None
    if tab.desk.must_wait:
        tab.verdicts[row] = (
            "SKIPPED: the row's own key was overwritten while rows moved; it is put back at the next sync"
        )
        return
    stray = str(row.raw[tab.tab.identity[0]])
    tab.desk.date([stray], until=tab.lands_until())
    tab.ticks.append((row, tab.tab.identity[0], owner))
    tab.sent_keys.append(stray)
    tab.verdicts[row] = "WARNING: the row's own key was put back; it had been overwritten while rows moved"


def judge_unclear_rows(tab: OpenTab) -> None:
    """Twins, rows without identity; on a tab that gives keys, rows that wait for one."""
    without_key = []
    for row in tab.view.rows:
        if row.key in tab.view.twins:
            tab.verdicts[row] = tab.view.twin_verdict(row)
        elif not row.key and tab.job.take and not tab.job.keys:
            if tab.desk is not None and not row.problem:
                without_key.append(row)
            else:
                tab.verdicts[row] = tab.records.nameless(tab.scene, row)
    if without_key:
        _give_keys(tab, without_key)


def _give_keys(tab: OpenTab, rows: Sequence[SheetRow]) -> None:
    assert tab.desk is not None
    ready: dict[SheetRow, str] = {}
    for row in rows:
        values, refused = tab.view.values(row)
        why_not = MERGED if row.merged else tab.records.unready(tab.scene, row, values)
        if why_not:
            tab.verdicts[row] = compose(refused=[*(refusal.text for refusal in refused.values()), why_not])
        else:
            ready[row] = tab.row_text(row)
            tab.verdicts[row] = compose(refused=[refusal.text for refusal in refused.values()])
    _leave_emptied(tab, ready)
    if not ready:
        return
    if tab.desk.must_wait:
        tab.verdicts.update(
            dict.fromkeys(ready, "SKIPPED: an earlier write isn't settled yet; the row gets its key at the next sync")
        )
        return
    for row, key in tab.desk.reserve(ready, until=tab.lands_until()).items():
        tab.ticks.append((row, tab.tab.identity[0], key))
        tab.sent_keys.append(key)


def _leave_emptied(tab: OpenTab, ready: dict[SheetRow, str]) -> None:
    """A row that says exactly what a record's vanished row last said lost its key: a new one would double the record."""
    lost = {record.text: record.key for record in _lost_records(tab)} if ready else {}
    name = tab.tab.identity[0]
    for row in [row for row, text in ready.items() if text in lost]:
        key = lost[ready.pop(row)]
        tab.verdicts[row] = (
            f"FAILED: {name} is empty, and the row says what the row of {key} said, which is gone; "
            f"put {key} back into {name}, or change the words if this is another one"
        )
