"""Columns that Intake and Backlog share: the same words in both, another owner."""

from __future__ import annotations

from dataclasses import replace

from sheetsync.tabs import Column, Kind, Owner

KEY_ALIASES = ("key", "initiative id", "init key", "initiative")


def key_column(owner: Owner, help: str, *, field: str = "initiative_key") -> Column:
    """The column that finds an initiative's row."""
    return Column(
        name="initiative_key",
        owner=owner,
        kind=Kind.KEY,
        help=help,
        aliases=KEY_ALIASES,
        example="INIT-000001",
        required=True,
        field=field,
        width=15,
    )


_INTAKE = (
    Column(
        name="title",
        owner=Owner.ENTRY,
        help="The initiative in a few words.",
        aliases=("initiative title", "initiative name", "summary", "name of initiative", "idea", "name", "headline"),
        example="Faster search",
        width=38,
    ),
    Column(
        name="department",
        owner=Owner.ENTRY,
        help="The department that asks for it.",
        aliases=("dept", "division", "business unit", "business area"),
        example="Sales",
        width=18,
    ),
    Column(
        name="requesting_team",
        owner=Owner.ENTRY,
        help="The team that asks for it.",
        aliases=("team", "requested by team", "requestor team", "squad"),
        example="Field sales",
        width=20,
    ),
    Column(
        name="requester_name",
        owner=Owner.ENTRY,
        help="Who can answer questions about it.",
        aliases=("requester", "requestor", "requestor name", "requested by", "contact", "contact person", "owner name"),
        example="Ada Moss",
        width=20,
    ),
    Column(
        name="requester_email",
        owner=Owner.ENTRY,
        kind=Kind.EMAIL,
        help="The requester's e-mail address.",
        aliases=("e-mail", "email", "mail", "requestor email", "contact email", "email address"),
        example="ada.moss@example.com",
        width=28,
    ),
    Column(
        name="country",
        owner=Owner.ENTRY,
        help="The country it is for.",
        aliases=("countries", "nation", "geo"),
        example="UK",
        width=14,
    ),
    Column(
        name="product_area",
        owner=Owner.ENTRY,
        help="The part of the product that it changes.",
        aliases=("area", "product", "area of product", "component", "domain"),
        example="Payments",
        width=18,
    ),
    Column(
        name="problem_statement",
        owner=Owner.ENTRY,
        kind=Kind.LONG_TEXT,
        help="The problem, as those who have it would put it.",
        aliases=("problem", "pain", "what is the problem", "problem to solve", "why"),
        example="A third of searches find nothing.",
        width=48,
    ),
    Column(
        name="hypothesis",
        owner=Owner.ENTRY,
        kind=Kind.LONG_TEXT,
        help="What we believe will happen once it is built.",
        aliases=("we believe", "our hypothesis", "expected effect"),
        example="Better synonyms raise conversion from search by 5 %.",
        width=48,
    ),
    Column(
        name="customer_segment",
        owner=Owner.ENTRY,
        help="The customers it is for.",
        aliases=("segment", "customers", "audience", "target group"),
        example="Small business",
        width=18,
    ),
    Column(
        name="initiative_type",
        owner=Owner.ENTRY,
        help="What sort of work it is.",
        aliases=("type", "kind", "type of initiative", "work type"),
        example="Growth",
        width=16,
    ),
)


def intake_columns(owner: Owner) -> tuple[Column, ...]:
    """The eleven columns that departments fill in: entered in intake, overridden in Backlog."""
    return tuple(
        replace(column, owner=owner, required=column.name == "title" and owner is Owner.ENTRY) for column in _INTAKE
    )
