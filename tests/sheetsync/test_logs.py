"""Logs name the run they are about and hide secrets; planted secrets show up nowhere: not in logs, answers or tables."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
from django.apps import apps
from django.core.management import call_command
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from sheetsync.context import ActionContext
from sheetsync.logs import JsonFormatter, PlainFormatter, RunFilter, about_run
from sheetsync.models import ActionRun
from sheetsync.redaction import HIDDEN, redact
from sheetsync.runs.tasks import submit, work_on
from sheetsync.workbooks.interface import WorkbookUnavailable
from tests.factories import WorkbookFactory
from tests.sheetsync.deliveries import NAME, acting

CANARIES = {"SECRET_KEY": "canary-of-the-signing-key", "OPENAI_API_KEY": "canary-of-the-language-model"}
PEM = "-----BEGIN PRIVATE KEY-----\ncanary-of-the-service-account\n-----END PRIVATE KEY-----\n"


@pytest.fixture(params=[PlainFormatter, JsonFormatter])
def log(request: pytest.FixtureRequest) -> Iterator[io.StringIO]:
    """Everything that the program logs, as the log shows it."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(request.param())
    handler.addFilter(RunFilter())
    logger = logging.getLogger("sheetsync")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield written
    logger.removeHandler(handler)
    logger.setLevel(level)


def test_a_json_line_says_when_what_and_about_which_run():
    record = logging.LogRecord("sheetsync.runs.actions", logging.INFO, __file__, 1, "%d rows", (3,), None)
    with about_run("20260331T093000-1a2b3c4d"):
        RunFilter().filter(record)
    said = json.loads(JsonFormatter().format(record))
    assert said.pop("time").endswith("+00:00")
    assert said.pop("process") == record.process
    assert said == {
        "level": "INFO",
        "logger": "sheetsync.runs.actions",
        "run_id": "20260331T093000-1a2b3c4d",
        "message": "3 rows",
    }


@pytest.mark.django_db
def test_every_line_of_a_run_names_it(log):
    WorkbookFactory(role="backlog")

    def work(context: ActionContext) -> None:
        logging.getLogger("sheetsync.elsewhere").info("deep inside")

    with acting(work):
        run = submit(NAME)
        work_on(run.run_id)
    lines = [line for line in log.getvalue().splitlines() if "deep inside" in line]
    assert len(lines) == 1
    assert run.run_id in lines[0]


@pytest.mark.django_db
@pytest.mark.parametrize("kind", [RuntimeError, WorkbookUnavailable])
def test_planted_secrets_are_found_nowhere(settings, log, client: Client, kind, capsys):
    for name, value in CANARIES.items():
        setattr(settings, name, value)
    settings.ALLOWED_HOSTS = ["testserver", "localhost"]
    WorkbookFactory(role="backlog")

    def leak(context: ActionContext) -> None:
        text = f"no answer to {CANARIES['OPENAI_API_KEY']} with {CANARIES['SECRET_KEY']}"
        logging.getLogger("sheetsync.elsewhere").error("key %s, file %s", CANARIES["OPENAI_API_KEY"], PEM)
        raise kind(text)

    with acting(leak):
        run = submit(NAME)
        said = work_on(run.run_id)
    call_command_quietly("doctor")
    answers = [said, *(client.get(address).content.decode() for address in ("/health/", "/health/worker/"))]
    printed = capsys.readouterr()
    assert ActionRun.objects.get(pk=run.pk).status == "failed"
    assert "no answer to" in log.getvalue() + json.dumps(ActionRun.objects.get(pk=run.pk).messages)
    for canary in (*CANARIES.values(), "canary-of-the-service-account"):
        assert canary not in log.getvalue()
        assert canary not in "".join([*answers, printed.out, printed.err])
        assert canary not in everything_stored()


def call_command_quietly(name: str) -> None:
    """Whatever its exit status."""
    try:
        call_command(name)
    except SystemExit:
        return


def everything_stored() -> str:
    """Every row of every table, as text."""
    return "\n".join(str(row) for model in apps.get_models() for row in model._default_manager.values_list())


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("postgres://ada:s3cret!@db:5432/x", f"postgres://ada:{HIDDEN}@db:5432/x"),
        ("Authorization: Bearer abcdef.ghijkl", f"Authorization: {HIDDEN}"),
        ("key sk-abcdefghijklmnop failed", f"key {HIDDEN} failed"),
        ('{"private_key": "abc def", "type": "x"}', f'{{"private_key": {HIDDEN}, "type": "x"}}'),
        ("password=hunter2, host=db", f"password={HIDDEN}, host=db"),
        ("X-Signature: 0a1b2c", f"X-Signature: {HIDDEN}"),
        (f"before {PEM} after", f"before {HIDDEN}\n after"),
        ("nothing to hide: 412 of 1,000 rows of https://example.com/a:b@c", None),
    ],
)
def test_what_looks_like_a_secret_is_hidden(text, shown):
    assert redact(text) == (text if shown is None else shown)


@given(st.text(), st.text(min_size=8, alphabet=st.characters(min_codepoint=33, max_codepoint=126)), st.text())
def test_a_known_value_is_hidden_wherever_it_stands(before, secret, after):
    assert secret not in redact(f"{before}{secret}{after}", [secret]).replace(HIDDEN, " ")
