"""Where domain apps register their tabs, the policies of their fields, and the records behind each tab; discovered as the admin is."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils.module_loading import autodiscover_modules

from sheetsync.tabs import Role, Tab

if TYPE_CHECKING:
    from sheetsync.records import Records
    from sheetsync.syncing.compiled import Compiler


@dataclass(frozen=True, kw_only=True)
class FieldPolicy:
    """Who may change a stored field that no tab enters."""

    saved_by: tuple[str, ...]  # actions that may save it; () when nothing does after the record is made
    why: str  # one short sentence: what writes it, or why it never changes


@dataclass(frozen=True)
class Registered:
    """A tab and what stands behind it."""

    tab: Tab
    records: Callable[[], Records] | None  # makes the DB side for one action; None for tabs without a record per row
    compiler: Callable[[], Compiler] | None = None  # for tabs that are compiled as a whole; neither: only appended to

    @property
    def is_entered(self) -> bool:
        """Whether something stands behind the tab that its entries can be saved to."""
        return self.records is not None or self.compiler is not None


class Registry:
    """All declarations of the project."""

    def __init__(self) -> None:
        self._tabs: dict[tuple[Role, str], Registered] = {}
        self._policies: dict[str, dict[str, FieldPolicy]] = {}
        self._double: list[str] = []

    def register(
        self,
        tab: Tab,
        records: Callable[[], Records] | None = None,
        *,
        compiler: Callable[[], Compiler] | None = None,
    ) -> None:
        """Registers a tab. A name that a role already has is reported by the system checks."""
        if (tab.role, tab.name) in self._tabs:
            self._double.append(f"{tab.role}/{tab.name}")
        self._tabs[tab.role, tab.name] = Registered(tab, records, compiler)

    def policies(self, model: str, **fields: FieldPolicy) -> None:
        """Declares the policy of fields that no tab enters. `model` is "app_label.Model"."""
        self._policies.setdefault(model, {}).update(fields)

    def __iter__(self) -> Iterator[Registered]:
        return iter(self._tabs.values())

    def tabs(self, role: str | None = None) -> list[Tab]:
        """The tabs of a role (all roles: None), in the order of registration."""
        return [entry.tab for entry in self._tabs.values() if role is None or entry.tab.role == role]

    def get(self, role: str, name: str) -> Registered:
        """KeyError when no such tab is registered."""
        return self._tabs[Role(role), name]

    @property
    def policy_table(self) -> Mapping[str, Mapping[str, FieldPolicy]]:
        """model -> field -> policy, as declared."""
        return self._policies

    @property
    def registered_twice(self) -> Iterable[str]:
        """role/tab of every tab that was registered more than once."""
        return self._double


registry = Registry()


def backend(*fields: str, by: tuple[str, ...] = (), why: str) -> dict[str, FieldPolicy]:
    """The same policy for several fields: `registry.policies(MODEL, **backend("value_score", by=("pm.score_selected",), why="..."))`."""
    return dict.fromkeys(fields, FieldPolicy(saved_by=by, why=why))


def autodiscover() -> None:
    """Imports `sheets.py`, `actions.py`, `backfills.py` and `checkups.py` of every installed app."""
    autodiscover_modules("sheets", "actions", "backfills", "checkups")
