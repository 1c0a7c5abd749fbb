"""The admin's list of what was asked of the language model."""

from __future__ import annotations

from django.contrib import admin

from productops.models import LanguageModelAnswer
from sheetsync.admin.base import ReadOnlyAdmin, as_code
from sheetsync.admin.decorators import shown


@admin.register(LanguageModelAnswer)
class LanguageModelAnswerAdmin(ReadOnlyAdmin):
    """What was asked of the language model, what came of it, what it took."""

    list_display = ("asked_at", "about", "task", "outcome", "requests", "sent", "received", "model_name", "run_id")
    list_filter = ("task", "model_name")
    search_fields = ("about", "run_id")
    fieldsets = (
        (None, {"fields": (("asked_at", "used_at"), ("about", "task"), ("model_name", "run_id"), "outcome")}),
        ("What it took", {"fields": (("requests", "revisions"), ("sent", "received"))}),
        ("The answer", {"fields": ("answer", "unfit", "failure")}),
    )

    @shown("Outcome", label={"fits": "success", "doesn't fit": "warning", "no answer": "danger"})
    def outcome(self, answer: LanguageModelAnswer) -> str:
        """In a word."""
        if answer.content_json is None:
            return "no answer"
        return "doesn't fit" if answer.problems_json else "fits"

    @shown("Tokens sent", ordering="tokens_sent")
    def sent(self, answer: LanguageModelAnswer) -> str:
        """With separators."""
        return f"{answer.tokens_sent:,}"

    @shown("Tokens received", ordering="tokens_received")
    def received(self, answer: LanguageModelAnswer) -> str:
        """With separators."""
        return f"{answer.tokens_received:,}"

    @shown("Answer")
    def answer(self, answer: LanguageModelAnswer) -> str:
        """As it came; it is text, whatever it says."""
        return as_code(answer.content_json)

    @shown("What doesn't fit")
    def unfit(self, answer: LanguageModelAnswer) -> str:
        """A sentence each."""
        return " ".join(answer.problems_json) or "-"
