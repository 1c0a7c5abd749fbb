"""run_status: one text that tells a person what became of a row. Pure."""

from __future__ import annotations

from collections.abc import Sequence

# Longer texts don't help anybody in a cell.
LONGEST = 900


# A notice that begins so is good to know and nothing to worry about.
REMARK = "OK: "


def compose(
    *,
    failure: str = "",
    refused: Sequence[str] = (),
    skipped: str = "",
    warnings: Sequence[str] = (),
    remarks: Sequence[str] = (),
    note: str = "OK",
) -> str:
    """The worst first: FAILED for what was refused, SKIPPED for a row that waits, WARNING, else the note ("OK" or "OK: ...").
    Remarks go along with a warning or a note."""
    failures = [failure] if failure else [text for text in refused if text]
    if failures:
        return _shortened("FAILED: " + "; ".join(failures))
    if skipped:
        return _shortened("SKIPPED: " + skipped)
    said = list(warnings)
    if note.startswith("WARNING: "):
        said.append(note.removeprefix("WARNING: "))
    if said:
        return _shortened("WARNING: " + "; ".join(dict.fromkeys([*said, *remarks])))
    noted = [note.removeprefix("OK: ")] if note.startswith("OK: ") else []
    return _shortened("OK: " + "; ".join([*remarks, *noted])) if remarks else _shortened(note)


def is_failed(verdict: str) -> bool:
    """Whether something of the row was refused."""
    return verdict.startswith("FAILED")


def waits(verdict: str) -> bool:
    """Whether the row must be looked at again although nothing in it changed: what it waits for may have come."""
    return verdict.startswith(("FAILED", "SKIPPED"))


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
