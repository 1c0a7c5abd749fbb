"""A small tab with every owner and every kind of cell."""

from __future__ import annotations

from sheetsync.tabs import Column, Kind, Owner, Role, Tab, feedback_columns


def entry(name: str, kind: Kind, **options) -> Column:
    return Column(name=name, owner=Owner.ENTRY, kind=kind, help=f"What {name} is.", **options)


IDEAS = Tab(
    name="Ideas",
    role=Role.BACKLOG,
    help="One idea a row. Fill in the white columns; the rest is filled in for you.",
    identity=("idea_key",),
    columns=(
        Column(
            name="idea_key",
            owner=Owner.COPIED,
            kind=Kind.KEY,
            help="Which idea.",
            required=True,
            example="IDEA-1",
        ),
        Column(name="title", owner=Owner.OVERRIDE, help="What it is called.", example="Faster checkout"),
        entry("status", Kind.CHOICE, choices=("new", "ready", "done"), blank="new"),
        entry("market", Kind.TEXT, suggestions=("UK", "DE")),
        entry("notes", Kind.LONG_TEXT),
        entry("email", Kind.EMAIL),
        entry("metric", Kind.NAME),
        entry("effort", Kind.NUMBER, minimum=0),
        entry("confidence", Kind.SHARE),
        Column(name="is_selected", owner=Owner.SHEET_ONLY, kind=Kind.BOOLEAN, help="Tick it."),
        entry("deadline", Kind.DATE, example="2026-03-31"),
        entry("needs", Kind.KEY_LIST),
        entry("gains", Kind.NUMBERS),
        entry("weights", Kind.WEIGHTS),
        entry("period", Kind.PERIOD),
        Column(name="chain_json", owner=Owner.MIRROR, kind=Kind.JSON, help="The chain."),
        Column(name="mirrored_status", owner=Owner.MIRROR, kind=Kind.CHOICE, choices=("a", "b"), help="Shown."),
        Column(name="overall_score", owner=Owner.COMPUTED, kind=Kind.NUMBER, help="The score."),
        Column(name="suggested_text", owner=Owner.SUGGESTION, kind=Kind.LONG_TEXT, help="A proposal."),
        *feedback_columns(),
    ),
)
