"""`manage.py apps_script_menu`: writes the menu of templates/apps_script/Code.gs from the actions, or says that it differs."""

from __future__ import annotations

import json
import re
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from sheetsync.reference import option
from sheetsync.registry import registry
from sheetsync.runs.actions import Action
from sheetsync.runs.asked import allowed_actions
from sheetsync.syncing.headers import header_names
from sheetsync.tabs import Role

SCRIPT = settings.BASE_DIR / "templates" / "apps_script" / "Code.gs"
_BLOCK = re.compile(r"(// <generated>[^\n]*\n).*?(// </generated>)", re.DOTALL)
# Actions that work on a workbook or on runs, never on some rows of a tab.
_WITHOUT_ROWS = frozenset(
    {
        "pm.compare_runs",
        "pm.measure_next",
        "pm.optimize_frontier",
        "pm.optimize_run_all_candidates",
        "pm.optimize_run_selected_candidates",
        "pm.optimize_save_constraints",
        "pm.undo_run",
    }
)
_FOR_THE_TAB = frozenset({"pm.save_selected"})


class Command(BaseCommand):
    """Exit status with --check: 0 when the script has the menu that the code declares, else 1."""

    help = "Writes the menu of templates/apps_script/Code.gs from the actions in the code."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; fail when the script differs")

    def handle(self, *args: Any, check: bool, **options: Any) -> None:
        written = SCRIPT.read_text(encoding="utf-8")
        text = with_menu(written)
        if text == written:
            self.stdout.write(f"{SCRIPT.name} has the menu that the code declares.")
        elif check:
            raise CommandError(f"{SCRIPT.name} has another menu; run `python manage.py apps_script_menu`.")
        else:
            SCRIPT.write_text(text, encoding="utf-8")
            self.stdout.write(f"{SCRIPT.name} is written.")


def with_menu(script: str) -> str:
    """The script with the menu that the code declares now."""
    block = "\n".join(
        [
            f"var MENU = {_js({role.value: _menu(role) for role in Role})};",
            f"var KEY_HEADERS = {_js({role.value: _key_headers(role) for role in Role})};",
            *_functions(),
        ]
    )
    return _BLOCK.sub(lambda found: f"{found[1]}{block}\n{found[2]}", script, count=1)


def _menu(role: Role) -> list[dict[str, Any]]:
    return [
        {
            "action": one.name,
            "call": _call(one),
            "label": one.label,
            "help": one.help,
            "rows": _has_rows(one),
            "tab": one.name in _FOR_THE_TAB,
            "takes": [option(name).removeprefix("--") for name in one.arguments],
        }
        for one in allowed_actions(role)
    ]


def _key_headers(role: Role) -> dict[str, list[str]]:
    """tab -> normalised headers of the column that tells its rows apart."""
    return {
        "*" if tab.any_name else tab.name: sorted(header_names(tab.column(tab.identity[0])))
        for tab in registry.tabs(role)
        if tab.identity
    }


def _functions() -> list[str]:
    """Menu items call functions by name, without arguments."""
    found: dict[str, str] = {}
    for role in Role:
        for one in allowed_actions(role):
            found[_call(one)] = f'function {_call(one)}() {{ start_("{one.name}", false); }}'
            if _has_rows(one):
                found[f"{_call(one)}_rows"] = f'function {_call(one)}_rows() {{ start_("{one.name}", true); }}'
    return [found[name] for name in sorted(found)]


def _call(action: Action) -> str:
    return action.name.replace(".", "_")


def _has_rows(action: Action) -> bool:
    return action.name not in _WITHOUT_ROWS


def _js(value: Any) -> str:
    return json.dumps(value, indent=1, ensure_ascii=False)
