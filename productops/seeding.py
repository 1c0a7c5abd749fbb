"""Which parameters approved formulas need, and which rows of Params are still to be made for them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from backlog.models import ScoringFramework
from productops.formulas.language import FormulaError, match_names, parse_formula
from productops.models import SHARED_KEY
from productops.scores.evaluation import load_facts, load_models, load_params
from sheetsync.syncing.view import TabView, identity_text
from sheetsync.values.words import snake_case

FRAMEWORK = ScoringFramework.MATH_MODEL.value


@dataclass(frozen=True, kw_only=True)
class NeededParam:
    """A parameter that an approved formula reads, and that isn't a shared one."""

    initiative: int  # pk
    initiative_key: str
    param_name: str
    is_stored: bool  # whether the initiative has it

    @property
    def row_key(self) -> str:
        """Identity text of its row in Params."""
        return row_key(self.initiative_key, self.param_name)


def row_key(initiative_key: str, param_name: str) -> str:
    """Identity text of a parameter's row."""
    return identity_text([initiative_key, FRAMEWORK, param_name])


def needed_params(keys: Collection[str] = ()) -> list[NeededParam]:
    """The parameters that approved formulas read, by initiative and in order of use; of these keys alone (none: of all).

    What SHARED defines isn't needed a second time; a name that is spelled a little differently is the same name.
    """
    own, facts = load_params(), load_facts()
    found: dict[tuple[int, str], NeededParam] = {}
    for initiative, models in load_models().items():
        key = facts[initiative].key
        if keys and key not in keys:
            continue
        for model in models:
            formula = parse_formula(model.input.formula_text)
            if not model.input.approved or isinstance(formula, FormulaError):
                continue
            known = match_names(formula, model.input.params)
            stored = [name for name in known.names.values() if name in own.get(initiative, {})]
            for name in (*stored, *map(snake_case, known.missing)):
                needed = NeededParam(
                    initiative=initiative, initiative_key=key, param_name=name, is_stored=name in stored
                )
                found.setdefault((initiative, name), needed)
    return sorted(found.values(), key=lambda needed: needed.initiative_key)


def without_row(needed: Sequence[NeededParam], view: TabView) -> list[NeededParam]:
    """Those that the tab shows in no row, neither the initiative's own nor, typed and not saved yet, a shared one."""
    present = {row.key for row in view.rows}
    return [
        one
        for one in needed
        if one.row_key not in present and (one.is_stored or row_key(SHARED_KEY, one.param_name) not in present)
    ]
