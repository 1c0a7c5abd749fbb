"""`manage.py llm_server`: a stand-in for a language model on this machine, to try suggestions without an account."""

from __future__ import annotations

from argparse import ArgumentParser
from contextlib import suppress
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from productops.llm.server import LlmServer
from productops.llm.stand_in import NAME


class Command(BaseCommand):
    """Loopback only. It answers by rules and says so in every answer."""

    help = "Serves a stand-in for a language model on this machine (rules, no model), until Ctrl-C."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8086, help="0 takes any free one (default: %(default)s)")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            server = LlmServer(options["port"])
        except OSError as error:
            raise CommandError(
                f"port {options['port']} can't be used: {error.strerror}; name another with --port"
            ) from error
        self.stdout.write(
            "This is no language model: it answers by a few rules, and every answer says so. Ctrl-C stops."
        )
        self.stdout.write(f"In .env: OPENAI_BASE_URL={server.url} OPENAI_API_KEY=any-word OPENAI_MODEL={NAME}")
        with suppress(KeyboardInterrupt), server:
            server.serve_forever()
