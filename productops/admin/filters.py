"""Filters of ProductOps' lists, in the words of those who look for something to do."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest

from productops.models import SHARED_KEY


class ChoiceFilter(admin.SimpleListFilter):
    """A few named conditions."""

    conditions: dict[str, tuple[str, Q]]  # name in the address -> (what people call it, which records)

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """What can be chosen."""
        return [(name, label) for name, (label, _condition) in self.conditions.items()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Those that meet the condition; all without one."""
        chosen = self.conditions.get(self.value() or "")
        return queryset.filter(chosen[1]) if chosen else queryset


class BelongsTo(ChoiceFilter):
    """An initiative's own parameters, or the shared ones."""

    title = "belongs to"
    parameter_name = "belongs"
    conditions = {
        "own": ("an initiative", Q(initiative__isnull=False)),
        "shared": (f"all of them ({SHARED_KEY})", Q(initiative__isnull=True)),
    }


class ParamState(ChoiceFilter):
    """What a parameter still needs."""

    title = "numbers"
    parameter_name = "numbers"
    conditions = {
        "empty": ("no value yet", Q(value__isnull=True)),
        "certain": ("a value without a range", Q(value__isnull=False) & (Q(min__isnull=True) | Q(max__isnull=True))),
        "range": ("a range", Q(min__isnull=False, max__isnull=False)),
        "outside": ("a value outside its range", Q(value__lt=F("min")) | Q(value__gt=F("max"))),
    }


class ModelState(ChoiceFilter):
    """What a model still needs."""

    title = "written"
    parameter_name = "written"
    conditions = {
        "no_formula": ("no formula yet", Q(formula_text="")),
        "no_chain": ("no metric chain yet", Q(metric_chain_text="")),
        "no_target": ("no target KPI", Q(target_kpi_key="")),
        "complete": ("formula and chain", ~Q(formula_text="") & ~Q(metric_chain_text="")),
    }


class AdoptionState(ChoiceFilter):
    """Whether numbers were adopted."""

    title = "adopted"
    parameter_name = "adopted"
    conditions = {
        "yes": ("adopted from a model", Q(adopted_at__isnull=False)),
        "no": ("never adopted", Q(adopted_at__isnull=True)),
    }
