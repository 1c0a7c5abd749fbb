"""Files on their way into the admin: handed in, kept until the import is confirmed, and forgotten."""

from __future__ import annotations

import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core import signing
from django.core.files.uploadedfile import UploadedFile
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminTextInputWidget

from sheetsync.transfer.files import Format, UnreadableFile, format_of

KEPT_FOR_S = 24 * 3600  # a file that nobody confirms
_SALT = "sheetsync.uploads"
_PREFIX = "portfolio-import-"
MEGABYTE = 1024 * 1024


class UploadForm(forms.Form):
    """The file, and why it is imported."""

    file = forms.FileField(
        label="File",
        help_text="CSV in UTF-8, .xlsx or JSON. Its first row holds the headers, as in the sheet.",
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,.xlsx,.json"}),
        allow_empty_file=False,
    )
    reason = forms.CharField(
        label="Reason",
        help_text="Optional. Shown in the history.",
        max_length=100,
        required=False,
        widget=UnfoldAdminTextInputWidget,
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["file"].help_text += f" At most {settings.IMPORT_MAX_BYTES / MEGABYTE:,.0f} MB."

    def clean_file(self) -> UploadedFile[Any]:
        """By its ending and size; what is in it is read later."""
        file: UploadedFile[Any] = self.cleaned_data["file"]
        most = settings.IMPORT_MAX_BYTES
        size = file.size or 0
        if size > most:
            raise forms.ValidationError(
                # Rounded up, so that a file that is a little too large doesn't seem to fit.
                f"The file has {ceil(size / MEGABYTE * 10) / 10:,.1f} MB; at most {most / MEGABYTE:,.0f} MB are read. "
                "Hand it in in several parts."
            )
        try:
            format_of(file.name or "")
        except UnreadableFile as unreadable:
            raise forms.ValidationError(str(unreadable)) from unreadable
        return file


class ConfirmForm(forms.Form):
    """What the preview showed, and which file it was."""

    upload = forms.CharField(widget=forms.HiddenInput)
    fingerprint = forms.CharField(widget=forms.HiddenInput)
    reason = forms.CharField(widget=forms.HiddenInput, required=False, max_length=100)


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file that was handed in, and is kept on this machine until it is imported."""

    name: str  # as the person's machine calls it
    path: Path
    token: str  # proves that this person handed it in

    @property
    def kind(self) -> Format:
        """What it is."""
        return format_of(self.name)

    @classmethod
    def store(cls, file: UploadedFile[Any], user: AbstractBaseUser) -> Upload:
        """Keeps the file for this person."""
        _forget_old_ones()
        name = Path(file.name or "").name[-200:]
        with tempfile.NamedTemporaryFile(prefix=_PREFIX, suffix=f".{format_of(name)}", delete=False) as kept:
            for piece in file.chunks():
                kept.write(piece)
        path = Path(kept.name)
        return cls(name=name, path=path, token=signing.dumps([path.name, name, user.pk], salt=_SALT))

    @classmethod
    def find(cls, token: str, user: AbstractBaseUser) -> Upload | None:
        """The file that this person handed in; None when it is gone, or was somebody else's."""
        try:
            kept, name, owner = signing.loads(token, salt=_SALT, max_age=KEPT_FOR_S)
        except signing.BadSignature:
            return None
        path = Path(tempfile.gettempdir()) / kept
        return cls(name=name, path=path, token=token) if owner == user.pk and path.exists() else None

    def remove(self) -> None:
        """Forgets the file."""
        self.path.unlink(missing_ok=True)


def _forget_old_ones() -> None:
    for path in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*"):
        with suppress(OSError):
            if path.stat().st_mtime < time.time() - KEPT_FOR_S:
                path.unlink()
