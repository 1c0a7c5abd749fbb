"""The pages hold: links lead somewhere, commands exist as they are shown, examples are accepted, messages are the real ones."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import get_commands, load_command_class

from config.management.commands.tab_reference import PAGE, reference_text
from optimization.constraints.readings import ConstraintRow, Known, TargetRow, read_constraint, read_target
from optimization.constraints.rules import RuleType
from productops.formulas.language import Formula, parse_formula
from productops.metrics.chains import Chain, parse_chain
from sheetsync.reference import anchor
from sheetsync.registry import registry
from sheetsync.runs.actions import ACTIONS
from sheetsync.tabs import Column, Kind, Owner
from sheetsync.values.cells import Refusal, parse

ROOT = Path(settings.BASE_DIR)
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
GUIDES = [DOCS / name for name in ("pm.md", "analyst.md", "operator.md")]
APPS = ("config", "sheetsync", "backlog", "productops", "optimization")

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_COMMAND = re.compile(r"manage\.py ([a-z][a-z_]*)([^`\n]*)")
_OPTION = re.compile(r"(?<![\w-])--([a-z][a-z-]*)")

KNOWN = Known(
    initiatives={f"init-{number:06d}": f"INIT-{number:06d}" for number in range(1, 100)},
    active_kpis={"gmv": "gmv", "retention_30d": "retention_30d"},
    inactive_kpis={},
)


def ids(paths: list[Path]) -> list[str]:
    return [str(path.relative_to(ROOT)) for path in paths]


def prose(page: Path) -> str:
    """The page without its code blocks."""
    return _FENCE.sub("", page.read_text(encoding="utf-8"))


def blocks(kind: str) -> Iterator[tuple[str, str]]:
    """(page, text) of every code block of that kind."""
    for page in PAGES:
        for found, text in _FENCE.findall(page.read_text(encoding="utf-8")):
            if found == kind:
                yield page.name, text


def headings(page: Path) -> set[str]:
    return {anchor(line.lstrip("# ")) for line in prose(page).splitlines() if line.startswith("#")}


def rows_of(page: Path, first_heading: str) -> list[dict[str, str]]:
    """The rows of the page's tables whose first column has that heading, by heading."""
    found: list[dict[str, str]] = []
    heads: list[str] = []
    for line in page.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if not cells:
            heads = []
        elif not heads:
            heads = cells
        elif heads[0] == first_heading and set("".join(cells)) - set("-: "):
            found.append(dict(zip(heads, cells, strict=True)))
    return found


# ---- the generated page --------------------------------------------------------------------------------------------------


def test_the_tab_reference_is_what_the_code_declares() -> None:
    assert PAGE.read_text(encoding="utf-8") == reference_text(), "run `python manage.py tab_reference`"


# ---- links ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=ids(PAGES))
def test_every_link_leads_somewhere(page: Path) -> None:
    broken = []
    for link in _LINK.findall(prose(page)):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, fragment = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (fragment and fragment not in headings(target)):
            broken.append(link)
    assert broken == []


def test_every_page_of_the_docs_is_linked_to() -> None:
    linked = {
        (page.parent / link.partition("#")[0]).resolve()
        for page in PAGES
        for link in _LINK.findall(prose(page))
        if "://" not in link
    }
    assert [page.name for page in PAGES if page.is_relative_to(DOCS) and page not in linked] == []


# ---- commands ------------------------------------------------------------------------------------------------------------


@cache
def options_of(command: str) -> frozenset[str]:
    loaded = load_command_class(get_commands()[command], command)
    parser = loaded.create_parser("manage.py", command)
    return frozenset(name.removeprefix("--") for action in parser._actions for name in action.option_strings)


@pytest.mark.parametrize("page", PAGES, ids=ids(PAGES))
def test_every_command_exists_with_the_options_shown(page: Path) -> None:
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    wrong = []
    for command, rest in _COMMAND.findall(text):
        if command not in get_commands():
            wrong.append(command)
            continue
        wrong += [f"{command} --{name}" for name in _OPTION.findall(rest) if name not in options_of(command)]
    assert wrong == []


# The generated page repeats what declarations name; the system checks hold that those exist.
WRITTEN = [page for page in PAGES if page != PAGE]


@pytest.mark.parametrize("page", WRITTEN, ids=ids(WRITTEN))
def test_every_action_that_is_named_exists(page: Path) -> None:
    # pm.md is a page, no action.
    named = set(re.findall(r"\bpm\.(?!md\b)[a-z_]+", page.read_text(encoding="utf-8")))
    assert named - set(ACTIONS) == set()


def test_the_guides_name_every_action() -> None:
    text = "".join(page.read_text(encoding="utf-8") for page in GUIDES)
    assert [name for name in ACTIONS if f"`{name}`" not in text] == []


# ---- settings ------------------------------------------------------------------------------------------------------------


def test_the_operators_table_names_every_variable_of_the_environment() -> None:
    source = (ROOT / "config" / "settings.py").read_text(encoding="utf-8")
    read = set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', source))
    named = {row["variable"].strip("`") for row in rows_of(DOCS / "operator.md", "variable")}
    assert named == read


# ---- examples ------------------------------------------------------------------------------------------------------------


def test_every_formula_is_accepted() -> None:
    examples = list(blocks("formula"))
    assert len(examples) >= 3
    assert [(page, str(read)) for page, text in examples if not isinstance(read := parse_formula(text), Formula)] == []


def test_every_metric_chain_is_accepted() -> None:
    examples = list(blocks("chain"))
    assert len(examples) >= 2
    assert [(page, str(read)) for page, text in examples if not isinstance(read := parse_chain(text), Chain)] == []


def cell(row: dict[str, str], name: str, kind: Kind) -> Any:
    column = Column(name=name, owner=Owner.ENTRY, kind=kind, help="X.")
    value = parse(column, row.get(name, "").replace("`", ""))
    assert not isinstance(value, Refusal), value.text
    return tuple(value) if isinstance(value, list) else value


def constraint(number: int, row: dict[str, str]) -> ConstraintRow:
    texts = {
        name: str(cell(row, name, Kind.TEXT)) for name in ("constraint_type", "dimension", "dimension_key", "kpi_key")
    }
    numbers = {name: cell(row, name, Kind.NUMBER) for name in ("min_tokens", "max_tokens", "bonus_value")}
    return ConstraintRow(row=number, member_keys=cell(row, "member_keys", Kind.KEY_LIST), **texts, **numbers)


def test_every_example_of_a_constraint_states_a_rule_and_warns_of_nothing() -> None:
    examples = rows_of(DOCS / "pm.md", "constraint_type")
    read = [read_constraint(constraint(number, row), KNOWN) for number, row in enumerate(examples, start=1)]
    assert [(one.refusal, *one.warnings) for one in read if one.rule is None or one.warnings] == []
    assert {one.rule.type for one in read if one.rule} == set(RuleType) - {RuleType.TARGET}


def test_every_example_of_a_target_states_one() -> None:
    examples = rows_of(DOCS / "pm.md", "kpi_key")
    assert {row["floor_or_goal"].strip("`") for row in examples} == {"floor", "goal"}
    for number, row in enumerate(examples, start=1):
        target = TargetRow(
            row=number,
            dimension=cell(row, "dimension", Kind.TEXT),
            dimension_key=cell(row, "dimension_key", Kind.TEXT),
            kpi_key=cell(row, "kpi_key", Kind.NAME),
            baseline_value=cell(row, "baseline_value", Kind.NUMBER),
            target_value=cell(row, "target_value", Kind.NUMBER),
            floor_or_goal=cell(row, "floor_or_goal", Kind.TEXT),
        )
        assert read_target(target, KNOWN).refusal == ""


# ---- messages ------------------------------------------------------------------------------------------------------------


@cache
def said_in_code() -> tuple[str, ...]:
    """Every text of the code, those that stand in pieces put together."""
    return tuple(
        node.value
        for app in APPS
        for path in (ROOT / app).rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


def test_the_messages_that_the_pm_guide_explains_are_those_of_the_code() -> None:
    rows = rows_of(DOCS / "pm.md", "run_status says")
    pieces = [
        piece.strip() for row in rows for piece in row["run_status says"].strip("`").split("...") if piece.strip()
    ]
    assert len(rows) >= 15
    assert [piece for piece in pieces if not any(piece in text for text in said_in_code())] == []


def test_the_guides_name_only_tabs_that_exist() -> None:
    known = {tab.name for tab in registry.tabs()}
    for page in GUIDES:
        named = set(re.findall(r"`([A-Z][a-z]+(?:_[A-Z][A-Za-z]+)+)`", page.read_text(encoding="utf-8")))
        assert named - known - {"Run_Log"} == set(), page.name


# ---- decisions -----------------------------------------------------------------------------------------------------------


def test_decisions_are_numbered_without_gaps_and_say_context_decision_consequence() -> None:
    pages = sorted((DOCS / "decisions").glob("[0-9]*.md"))
    assert [page.name[:4] for page in pages] == [f"{number:04d}" for number in range(1, len(pages) + 1)]
    for page in pages:
        heads = [line for line in page.read_text(encoding="utf-8").splitlines() if line.startswith("## ")]
        assert heads == ["## Context", "## Decision", "## Consequence"], page.name


def test_the_architecture_page_lists_every_decision_in_order() -> None:
    listed = re.findall(r"\(decisions/([^)]+)\)", (DOCS / "architecture.md").read_text(encoding="utf-8"))
    assert listed == [page.name for page in sorted((DOCS / "decisions").glob("[0-9]*.md"))]
