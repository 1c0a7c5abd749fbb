"""How the ProductOps tabs put their columns: small makers, and the columns that several tabs have."""

from __future__ import annotations

from backlog.models import ScoringFramework
from sheetsync.tabs import Column, Kind, Owner

# "RICE", "WSJF", "MATH_MODEL"
FRAMEWORK_CHOICES = tuple(ScoringFramework.values)
# What the key column says where rows are copied or populated.
POPULATED = "Copied by formula, or put here when the tab was populated; it finds the row."


def text(name: str, help: str, *aliases: str, example: str = "", width: int = 0, field: str = "") -> Column:
    """A short text that people enter."""
    return Column(name=name, owner=Owner.ENTRY, help=help, aliases=aliases, example=example, width=width, field=field)


def long_text(name: str, help: str, *aliases: str, example: str = "", width: int = 0, field: str = "") -> Column:
    """A text of several lines that people enter."""
    return Column(
        name=name,
        owner=Owner.ENTRY,
        kind=Kind.LONG_TEXT,
        help=help,
        aliases=aliases,
        example=example,
        width=width,
        field=field,
    )


def name(name: str, help: str, *aliases: str, example: str, required: bool = False, width: int = 22) -> Column:
    """The name of a metric or a parameter that people enter."""
    return Column(
        name=name,
        owner=Owner.ENTRY,
        kind=Kind.NAME,
        help=help,
        aliases=aliases,
        example=example,
        required=required,
        width=width,
    )


def number(
    name: str,
    help: str,
    *aliases: str,
    example: str = "",
    minimum: float | None = None,
    above: float | None = None,
    field: str = "",
) -> Column:
    """A number that people enter."""
    return Column(
        name=name,
        owner=Owner.ENTRY,
        kind=Kind.NUMBER,
        help=help,
        aliases=aliases,
        example=example,
        minimum=minimum,
        above=above,
        field=field,
    )


def tick(name: str, help: str, *aliases: str, owner: Owner = Owner.ENTRY) -> Column:
    """A tick box."""
    return Column(name=name, owner=owner, kind=Kind.BOOLEAN, help=help, aliases=aliases, example="TRUE", width=12)


def title(owner: Owner, field: str = "") -> Column:
    """What the initiative is called."""
    return Column(
        name="title",
        owner=owner,
        help="The initiative in a few words. Changed in Backlog.",
        aliases=("initiative title", "initiative name", "name of initiative", "summary", "headline"),
        example="Faster search",
        field=field,
        width=34,
    )


def score(name: str, help: str, *aliases: str, field: str = "") -> Column:
    """A score that the backend computed."""
    return Column(name=name, owner=Owner.MIRROR, kind=Kind.NUMBER, help=help, aliases=aliases, field=field, width=12)


def framework_scores(prefix: str, label: str) -> tuple[Column, ...]:
    """Value, effort and overall score of one framework."""
    return (
        score(
            f"{prefix}_value_score",
            f"Value by {label}.",
            f"{label} value",
            field=f"scoring__{prefix}_value_score",
        ),
        score(
            f"{prefix}_effort_score",
            f"Effort by {label}.",
            f"{label} effort score",
            field=f"scoring__{prefix}_effort_score",
        ),
        score(
            f"{prefix}_overall_score",
            f"Value divided by effort, by {label}.",
            f"{label} score",
            f"{label} overall",
            field=f"scoring__{prefix}_overall_score",
        ),
    )


def suggestion(name: str, help: str, *aliases: str, width: int = 40) -> Column:
    """What the language model suggests; a person accepts it by copying it over."""
    return Column(name=name, owner=Owner.SUGGESTION, kind=Kind.LONG_TEXT, help=help, aliases=aliases, width=width)


# The columns that hold computed scores, framework by framework.
SCORED = tuple(
    column.name
    for prefix, label in (("rice", "RICE"), ("wsjf", "WSJF"), ("math", "math"))
    for column in framework_scores(prefix, label)
)
