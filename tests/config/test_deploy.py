"""The files for a server: they parse, and name only settings, commands and paths that exist."""

from __future__ import annotations

import configparser
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.core.management import get_commands

ROOT = Path(settings.BASE_DIR)
DEPLOY = ROOT / "docs" / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))
# Of PostgreSQL's own image.
THEIRS = {"POSTGRES_USER", "POSTGRES_PASSWORD", "POSTGRES_DB"}


def known_settings() -> set[str]:
    source = (ROOT / "config" / "settings.py").read_text(encoding="utf-8")
    return set(re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', source)) | {"DATABASE_URL"}


def unit(path: Path) -> dict[str, dict[str, list[str]]]:
    """A unit's sections; a key may stand there several times."""
    found: dict[str, dict[str, list[str]]] = {}
    section: dict[str, list[str]] = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("["):
            section = found.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            name, _, value = line.partition("=")
            section.setdefault(name, []).append(value)
    return found


def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return loaded


def commands() -> list[list[str]]:
    """Every command line of ours in units, compose file and image."""
    lines = [
        shlex.split(line)
        for path in UNITS
        for name in ("ExecStart", "ExecStartPre")
        for line in unit(path)["Service"].get(name, ())
    ]
    lines += [service["command"] for service in compose()["services"].values() if "command" in service]
    dockerfile = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
    lines += [[word.strip(' "') for word in cmd.split(",")] for cmd in re.findall(r"^CMD \[(.*)\]$", dockerfile, re.M)]
    return [line for line in lines if "python" in line[0]]


def test_commands_exist_and_the_web_server_is_ours():
    called = [line[line.index("manage.py") + 1] for line in commands() if "manage.py" in line]
    assert {"migrate", "collectstatic", "qcluster"} == set(called)
    assert set(called) <= set(get_commands())
    assert [line[-1] for line in commands() if "gunicorn" in line] == ["config.wsgi:application"] * 2


@pytest.mark.parametrize("path", [*UNITS, *DEPLOY.glob("*.timer")], ids=lambda path: path.name)
def test_units_parse(path):
    configparser.ConfigParser(strict=False, interpolation=None).read_string(path.read_text(encoding="utf-8"))
    parts = unit(path)
    assert "Unit" in parts
    if path.suffix == ".timer":
        assert (DEPLOY / f"{path.stem}.service").exists()
    else:
        assert parts["Service"]["EnvironmentFile"] == ["/etc/portfolio/portfolio.env"]
        assert parts["Service"]["User"] == ["portfolio"]


def test_a_shell_s_own_dollars_and_percents_are_doubled_for_systemd():
    (line,) = (line for line in unit(DEPLOY / "portfolio-backup.service")["Service"]["ExecStart"] if "/bin/sh" in line)
    assert "$" not in line.replace("$$", "")
    assert "%" not in line.replace("%%", "")


def test_every_name_in_the_settings_files_is_a_setting():
    lines = (DEPLOY / "portfolio.env.example").read_text(encoding="utf-8").splitlines()
    named = {line.partition("=")[0] for line in lines if line and not line.startswith("#")}
    for service in compose()["services"].values():
        named |= set(service.get("environment", {}))
    for path in UNITS:
        named |= {line.partition("=")[0] for line in unit(path)["Service"].get("Environment", ())}
    assert named - known_settings() - THEIRS == set()


def test_the_compose_file_starts_database_web_and_workers_in_order():
    services = compose()["services"]
    assert set(services) == {"database", "migrate", "web", "worker"}
    assert services["migrate"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    for name in ("web", "worker"):
        assert services[name]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
        assert services[name]["env_file"] == "portfolio.env"
    assert (DEPLOY / services["web"]["build"]["context"]).resolve() == ROOT
    assert (ROOT / services["web"]["build"]["dockerfile"]).exists()
    used = {volume.partition(":")[0] for service in services.values() for volume in service.get("volumes", ())}
    assert used == set(compose()["volumes"])


def test_the_health_check_asks_for_a_page_that_is_there(client, db):
    test = " ".join(compose()["services"]["web"]["healthcheck"]["test"])
    (path,) = re.findall(r"http://localhost:8000(/[a-z/]+)", test)
    assert client.get(path, headers={"host": "localhost"}).status_code == 200


def test_the_image_copies_what_there_is_and_leaves_secrets_out():
    copied = re.findall(r"^COPY (.+) \./?$", (DEPLOY / "Dockerfile").read_text(encoding="utf-8"), re.M)
    assert all((ROOT / name).exists() for line in copied for name in line.split())
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text(encoding="utf-8").split()
    assert {".env", "var", ".git", "docs/deploy/*.env", "docs/deploy/*.json"} <= set(ignored)
