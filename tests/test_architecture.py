"""The plan of the house, held: who may import whom, what is pure, how long files get, that what pages name exists."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command, get_commands
from importlinter import cli

ROOT = Path(settings.BASE_DIR)
APPS = ("config", "sheetsync", "backlog", "productops", "optimization")
LONGEST_FILE = 400  # lines
# Calls that ask for the present moment; an import alone doesn't show them.
CLOCK_CALLS = {"now", "utcnow", "today"}
PLACES_OF_ONE_MACHINE = re.compile(r"(?<![\w.])/(?:work|root|home|Users)/\w")
REGISTRY_HOSTS = re.compile(
    r"pypi\.org|pythonhosted|--(?:extra-)?index-url|--find-links|--trusted-host|registry\.npmjs"
)


def project_files() -> list[Path]:
    """Every file that is, or is about to be, part of the project: what git tracks or doesn't ignore.

    In a container the folder may belong to another user than the tests run as; git refuses that unless told.
    """
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / line for line in listed.stdout.splitlines() if (ROOT / line).is_file()]


def pages() -> list[Path]:
    """The pages that tell people what to type."""
    return [path for path in project_files() if path.suffix == ".md"]


def pure_names() -> set[str]:
    """The modules of the purity contract in pyproject.toml: in any app ("tabs"), or by their whole name."""
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (contract,) = (contract for contract in contracts if contract["name"].startswith("Pure modules"))
    return {expression.removeprefix("*.") for expression in contract["source_modules"]}


def pure_modules() -> list[Path]:
    return [path for name in sorted(pure_names()) for path in modules_named(name)]


def modules_named(name: str) -> list[Path]:
    """Where a module of the purity contract stands, in one app or several; of a package, every module."""
    place = name.replace(".", "/")
    bases = [ROOT, *(ROOT / app for app in APPS)]
    return [path for base in bases for path in (base / f"{place}.py", *(base / place).rglob("*.py")) if path.exists()]


def test_imports_keep_to_the_contracts() -> None:
    assert (
        cli.lint_imports(config_filename=str(ROOT / "pyproject.toml"), is_debug_mode=False, cache_dir=None)
        == cli.EXIT_STATUS_SUCCESS
    )


def test_pure_modules_never_ask_for_the_time() -> None:
    asked = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in pure_modules()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in CLOCK_CALLS
    ]
    assert asked == []


def test_every_pure_module_exists() -> None:
    # A pattern that matches nothing would be kept by nobody.
    assert [name for name in sorted(pure_names()) if not modules_named(name)] == []


def test_declarations_are_imported_without_a_database() -> None:
    modules = [f"{app}.sheets" for app in APPS if (ROOT / app / "sheets.py").exists()]
    imports = "; ".join(["import django", "django.setup()", *(f"import {module}" for module in modules)])
    # Nobody listens on port 1.
    nowhere = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": "postgres://nobody@127.0.0.1:1/nothing",
    }
    done = subprocess.run(
        [sys.executable, "-c", imports], cwd=ROOT, env=nowhere, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.django_db
def test_migrations_match_the_models(capsys: pytest.CaptureFixture[str]) -> None:
    try:
        call_command("makemigrations", check=True, dry_run=True, verbosity=1)
    except SystemExit:
        pytest.fail(f"Run `manage.py makemigrations`:\n{capsys.readouterr().out}")


def test_no_file_is_too_long_to_read() -> None:
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for app in APPS
        for path in (ROOT / app).rglob("*.py")
        if "migrations" not in path.parts
    }
    assert {name: length for name, length in lengths.items() if length >= LONGEST_FILE} == {}


@pytest.mark.parametrize(
    "unwanted", [PLACES_OF_ONE_MACHINE, REGISTRY_HOSTS], ids=["paths of one machine", "registry hosts"]
)
def test_project_files_hold_no(unwanted: re.Pattern[str]) -> None:
    this_file = Path(__file__).resolve()
    found = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:120]}"
        for path in project_files()
        if path != this_file
        for number, line in enumerate(path.read_text(errors="replace").splitlines(), start=1)
        if unwanted.search(line)
    ]
    assert found == []


def test_every_make_target_that_the_pages_name_exists() -> None:
    targets = set(re.findall(r"^([a-z][\w-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = {
        name
        for page in pages()
        for name in re.findall(r"(?:`|^\s*(?:\$ )?)make ([a-z][\w-]*)", page.read_text(), re.MULTILINE)
    }
    assert {"setup", "demo", "serve", "test", "bench", "check"} <= targets
    assert named - targets == set()


def test_every_management_command_that_the_pages_name_exists() -> None:
    named = {name for page in pages() for name in re.findall(r"manage\.py ([a-z][a-z_]+)", page.read_text())}
    assert named - set(get_commands()) - {"help"} == set()


def test_the_pinned_versions_are_exact_and_name_every_dependency() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and not line.startswith("#")]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = [*project["dependencies"], *project["optional-dependencies"]["dev"]]
    assert [line for line in lines if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.]+", line)] == []
    assert {_normal(name) for name in wanted} - {_normal(line) for line in lines} == set()


def _normal(requirement: str) -> str:
    """The package's name as indexes compare it."""
    name = re.split(r"[^A-Za-z0-9._-]", requirement, maxsplit=1)[0]
    return re.sub(r"[-_.]+", "-", name).lower()
