"""Sheet -> DB: takes what people changed since both sides last agreed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sheetsync.models import Conflict, KeyReservation
from sheetsync.records import Incoming
from sheetsync.syncing.keygiving import judge_keys, judge_unclear_rows
from sheetsync.syncing.keys import KeyFate
from sheetsync.syncing.merge import NO_BASE, RowMerge, find_strays, merge_row
from sheetsync.syncing.opentab import MERGED, OpenTab, RowWork
from sheetsync.syncing.view import SheetRow
from sheetsync.values.cells import blank, decode, encode


def settle(tab: OpenTab) -> None:
    """Takes what people changed since both sides last agreed."""
    if tab.nothing_happened():
        tab.idle = True
        return
    tab.load()
    tab.memory.load_marks()
    judge_unclear_rows(tab)
    rows = [row for row in tab.view.by_key.values() if tab.selects(row)]
    active = [row for row in rows if tab.is_active(row)]
    if active and tab.tab.judged_whole:
        active = rows
    pending = [key for key, mark in tab.memory.marks.items() if mark.has_pending]
    tab.memory.load_rows([*(row.key for row in active), *pending])
    if tab.job.take:
        _settle_rows(tab, active, pending)
    _forget_missing_columns(tab)


def _settle_rows(tab: OpenTab, rows: Sequence[SheetRow], pending: Iterable[str]) -> None:
    for key, found in _strays(tab, pending).items():
        tab.strays.setdefault(key, {}).update(found)
    fates = judge_keys(tab, rows)
    for row in rows:
        if row in tab.verdicts:
            continue
        merge(tab, row, tab.strays.get(row.key, {}), fates.get(row, KeyFate.KNOWN))
    incoming = [work.incoming for work in tab.work.values() if not work.incoming.failure]
    tab.records.check(tab.scene, incoming)
    accepted = [row for row in incoming if not row.failure and (row.takes or (row.record is None and not row.skipped))]
    _note_before(tab, accepted)
    _settle_earlier_conflicts(tab, accepted)
    tab.records.save(tab.scene, accepted)
    _note_taken(tab, accepted)
    tab.ticks.extend((row.row, name, False) for row in accepted for name in row.clear_ticks)
    for work in tab.work.values():
        _remember_settled(tab, work)


def merge(tab: OpenTab, row: SheetRow, strays: Mapping[str, Any], fate: KeyFate) -> None:
    values, refused = tab.view.values(row)
    record = tab.db.get(row.key)
    memory = tab.memory.rows[row.key]
    here = {column.name for column in tab.two_way}
    blanks = {column.name: encode(blank(column)) for column in tab.two_way}
    sheet = {name: encode(value) for name, value in values.items() if name in here}
    stored = {name: encode(record.values[name]) for name in here if record and name in record.values} or blanks
    if record is None:
        merge = RowMerge(takes=sheet, base={**memory.base, **sheet})  # nothing is stored yet that it could differ from
    else:
        merge = merge_row(sheet=sheet, db={**blanks, **stored}, blanks=blanks, memory=memory, strays=strays)
    incoming = Incoming(
        key=row.key,
        row=row,
        values=values,
        record=record,
        takes={name: decode(tab.tab.column(name), value) for name, value in merge.takes.items()},
        refused={name: refusal.text for name, refusal in refused.items()},
    )
    _refuse_row(tab, incoming, fate)
    tab.work[row.key] = RowWork(row=row, key=row.key, values=values, merge=merge, incoming=incoming)


def _refuse_row(tab: OpenTab, incoming: Incoming, fate: KeyFate) -> None:
    """Rows that can't be taken at all."""
    if incoming.row.merged:
        incoming.failure = MERGED
    elif fate is KeyFate.UNCLEAR:
        incoming.failure = (
            "rows moved while keys were being written, and this row's key may belong to another row; "
            "empty the key cell of a new row, or type the key that the row had before"
        )
    elif incoming.record is None and fate is not KeyFate.NEW and (tab.tab.key_prefix or not tab.tab.people_add_rows):
        incoming.failure = tab.records.unknown(tab.scene, incoming.row, incoming.values, tab.db)
    elif incoming.record is None and fate is KeyFate.NEW:
        # What the row needed for its key may have gone while the key was on its way, or the key hit an empty row.
        incoming.failure = tab.records.unready(tab.scene, incoming.row, incoming.values)
    if incoming.failure:
        incoming.takes.clear()


def _strays(tab: OpenTab, pending: Iterable[str]) -> dict[str, dict[str, Any]]:
    memories = {key: tab.memory.rows[key] for key in pending}
    if not memories:
        return {}
    columns = {column for memory in memories.values() for column in memory.attempts}
    shown: dict[str, tuple[int, dict[str, Any]]] = {}
    for row in tab.view.by_key.values():
        values, _refused = tab.view.values(row)
        shown[row.key] = (row.index, {name: encode(values[name]) for name in columns if name in values})
    return find_strays(shown, memories)


def _note_before(tab: OpenTab, accepted: Iterable[Incoming]) -> None:
    for row in accepted:
        if row.record is not None:
            row.before = {name: row.record.values.get(name) for name in row.takes}


def _note_taken(tab: OpenTab, accepted: Sequence[Incoming]) -> None:
    context = tab.scene.context
    new_keys = (
        [str(row.values[tab.tab.identity[0]]) for row in accepted if row.record is None] if tab.tab.key_prefix else []
    )
    KeyReservation.objects.filter(key__in=new_keys).update(taken_at=context.now)
    for row in accepted:
        context.report.changed.add((str(tab.scene.workbook), tab.scene.title, row.key))
        context.report.tallies[tab.scene.workbook.pk].changed.add((tab.scene.title, row.key))
    if accepted:
        tab.state.saved_at = context.now
    _record_conflicts(tab)
    tab.forget_conflicts()


def _settle_earlier_conflicts(tab: OpenTab, accepted: Iterable[Incoming]) -> None:
    """What a person types next settles what was open in that cell. Before saving: saving may open a new one there."""
    taken = {(row.key, name) for row in accepted for name in row.takes}
    open_ones = Conflict.objects.filter(workbook=tab.scene.workbook, tab=tab.scene.title, status=Conflict.Status.OPEN)
    pairs = open_ones.values_list("pk", "row_key", "column")
    over = [pk for pk, key, column in pairs if (key, column) in taken]
    Conflict.objects.filter(pk__in=over).update(status=Conflict.Status.KEPT)


def _record_conflicts(tab: OpenTab) -> None:
    Conflict.objects.bulk_create(
        [
            _conflict(tab, work, name, base, sheet, stored)
            for work in tab.work.values()
            for name, (base, sheet, stored) in work.merge.conflicts.items()
            if name in work.incoming.takes and work.incoming.record is not None
        ]
    )


def _conflict(tab: OpenTab, work: RowWork, name: str, base: Any, sheet: Any, stored: Any) -> Conflict:
    assert work.incoming.record is not None
    return Conflict(
        run=tab.scene.context.run,
        workbook=tab.scene.workbook,
        tab=tab.scene.title,
        row_key=work.key,
        column=name,
        model=tab.tab.model,
        object_id=work.incoming.record.pk,
        field=tab.tab.column(name).path,
        base_value=base,
        kept_value=sheet,
        lost_value=stored,
    )


def _remember_settled(tab: OpenTab, work: RowWork) -> None:
    memory, incoming = tab.memory.rows[work.key], work.incoming
    if incoming.failure or incoming.skipped:
        return
    refused = set(incoming.refused)
    agreed = {name: value for name, value in work.merge.base.items() if name not in refused}
    for name in memory.attempts.keys() & agreed.keys():
        if memory.base.get(name, NO_BASE) != agreed[name]:
            memory.seen(name, agreed[name], work.row.index)
    memory.base.update(agreed)
    memory.forget_settled_attempts(tab.read_began)
    mark = tab.memory.mark(work.key)
    if incoming.notice is not None:
        mark.notice = incoming.notice
    elif incoming.takes:
        mark.notice = ""


def _forget_missing_columns(tab: OpenTab) -> None:
    """A column that people deleted has no base any more: should it come back, its empty cells are not deletions."""
    gone = set(tab.state.columns) - set(tab.header.columns)
    if not gone:
        return
    tab.memory.load_rows(list(tab.memory.marks))
    for key, memory in tab.memory.rows.items():
        if gone & set(memory.base):
            memory.base = {name: value for name, value in memory.base.items() if name not in gone}
            tab.memory.mark(key)
