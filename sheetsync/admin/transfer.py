"""Import and export in the admin, by django-import-export's ways in; what is read and saved goes the way of the sheets.

The library saves row by row through models; here a file's rows are judged and saved by the records of the tab that enters them (see
`sheetsync.transfer.importing`), as one run that can be undone. What is exported is streamed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from import_export.admin import ExportMixin, ImportMixin
from import_export.formats import base_formats
from unfold.contrib.import_export.forms import ExportForm

from sheetsync.access.audit import note
from sheetsync.access.people import AuditEntry
from sheetsync.access.scope import is_limited, shows_model
from sheetsync.admin.base import signed_in
from sheetsync.admin.links import run_address
from sheetsync.admin.plans import import_changes, import_refusals
from sheetsync.admin.recording import IMPORT, AdminRun
from sheetsync.admin.uploads import ConfirmForm, Upload, UploadForm
from sheetsync.models import ActionRun
from sheetsync.records import ModelRecords
from sheetsync.registry import Registered, registry
from sheetsync.tabs import TWO_WAY
from sheetsync.transfer.exporting import CONTENT_TYPES, ExportColumn, export, tab_columns
from sheetsync.transfer.files import Format, UnreadableFile, read_file
from sheetsync.transfer.importing import Barrier, ImportPlan, Reach, plan_import

_KINDS = {base_formats.CSV: Format.CSV, base_formats.XLSX: Format.XLSX, base_formats.JSON: Format.JSON}
CHANGED_SINCE = (
    "What is stored has changed since you looked, so nothing was imported yet. This is what the import would do now."
)
GONE = "The file isn't here any more; hand it in again."


class _ChangedSince(Exception):
    """What is stored isn't what the person was shown: nothing is saved."""

    def __init__(self, plan: ImportPlan) -> None:
        self.plan = plan


class ExportsRows(ExportMixin):  # type: ignore[misc]
    """A list whose rows, as filtered, can be had as a file by whoever may see them."""

    export_form_class = ExportForm
    formats = list(_KINDS)
    export_columns: Sequence[ExportColumn] = ()

    def get_export_columns(self) -> Sequence[ExportColumn]:
        """What the file shows."""
        return self.export_columns

    def has_export_permission(self, request: HttpRequest) -> bool:
        """Who may see the list."""
        return bool(self.has_view_permission(request))

    def init_request_context_data(self, request: HttpRequest, form: Any) -> dict[str, Any]:
        """The form's page names the columns of the file."""
        context: dict[str, Any] = super().init_request_context_data(request, form)
        names = [column.header for column in self.get_export_columns()]
        return {**context, "fields_list": [(self.opts.verbose_name_plural, names)]}

    def _do_file_export(
        self, file_format: Any, request: HttpRequest, queryset: Any, export_form: Any = None
    ) -> StreamingHttpResponse:
        kind = _KINDS[type(file_format)]
        name = f"{self.opts.model_name}-{timezone.now():%Y-%m-%d}.{kind}"
        pieces = export(kind, self.get_export_columns(), queryset)
        response = StreamingHttpResponse(pieces, content_type=CONTENT_TYPES[kind])
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        note(
            request,
            AuditEntry.Event.EXPORT,
            f"{name}{f', filtered: {asked}' if (asked := request.GET.urlencode()) else ''}",
        )
        return response


class ImportsRows(ImportMixin):  # type: ignore[misc]
    """A list into which a file's rows can be brought, by whoever may change its records."""

    formats = list(_KINDS)
    import_tab: tuple[str, str] = ("", "")  # role and name of the tab that enters these records
    not_imported: tuple[str, ...] = ()  # columns of the tab that a file doesn't bring

    @property
    def registered(self) -> Registered:
        """The tab whose rules hold."""
        return registry.get(*self.import_tab)

    def has_import_permission(self, request: HttpRequest) -> bool:
        """Who may change records one by one."""
        return bool(self.has_change_permission(request))

    def import_barrier(self, request: HttpRequest) -> Barrier:
        """Why a row isn't this person's to import, beyond what the list shows."""
        return lambda row: ""

    def import_action(self, request: HttpRequest, **kwargs: Any) -> HttpResponse:
        """The form; what the file would change; and the import itself."""
        if not self.has_import_permission(request):
            raise PermissionDenied
        if request.method != "POST":
            return self._page(request, UploadForm())
        if "confirm" in request.POST:
            return self._confirmed(request)
        form = UploadForm(request.POST, request.FILES)
        if not form.is_valid():
            return self._page(request, form)
        upload = Upload.store(form.cleaned_data["file"], signed_in(request))
        try:
            plan = self._plan(request, upload, AdminRun(IMPORT, signed_in(request)))
        except UnreadableFile as unreadable:
            upload.remove()
            form.add_error("file", str(unreadable))
            return self._page(request, form)
        return self._preview(request, upload, plan, form.cleaned_data["reason"])

    def _confirmed(self, request: HttpRequest) -> HttpResponse:
        form = ConfirmForm(request.POST)
        upload = Upload.find(request.POST.get("upload", ""), signed_in(request))
        if upload is None or not form.is_valid():
            return self._page(request, UploadForm(), notice=GONE)
        reason = form.cleaned_data["reason"]
        run = AdminRun(IMPORT, signed_in(request), reason=reason or f"import of {upload.name}"[:100])
        run.run.payload = {"file": upload.name, **({"reason": reason} if reason else {})}
        try:
            with run.recorded():
                plan = self._plan(request, upload, run)
                if plan.fingerprint != form.cleaned_data["fingerprint"]:
                    raise _ChangedSince(plan)
                plan.save()
        except _ChangedSince as changed:
            return self._preview(request, upload, changed.plan, reason, notice=CHANGED_SINCE)
        upload.remove()
        note(request, AuditEntry.Event.IMPORT, upload.name, run_id=run.run.run_id)
        self.message_user(
            request, f"{upload.name} is imported: {in_words(plan)}. The next sync shows it in the sheets."
        )
        return HttpResponseRedirect(run_address(run.run) if shows_model(request, ActionRun) else self._list_address())

    def _plan(self, request: HttpRequest, upload: Upload, run: AdminRun) -> ImportPlan:
        grid, header = read_file(upload.path, upload.kind, self.registered.tab)
        seen = self.get_queryset(request).order_by().values_list("pk", flat=True) if is_limited(request) else None
        visible = None if seen is None else frozenset(seen)
        reach = Reach(visible=visible, barrier=self.import_barrier(request), left_out=self.not_imported)
        return plan_import(run.context, self.registered, grid, header, reach)

    def _page(self, request: HttpRequest, form: UploadForm, *, notice: str = "") -> HttpResponse:
        columns = [
            (column.name, column.help, column.example)
            for column in self.registered.tab.columns
            if column.name in self.registered.tab.identity
            or (column.owner in TWO_WAY and column.name not in self.not_imported)
        ]
        return self._render(request, form=form, columns=columns, notice=notice)

    def _preview(
        self, request: HttpRequest, upload: Upload, plan: ImportPlan, reason: str, *, notice: str = ""
    ) -> HttpResponse:
        confirm = {"upload": upload.token, "fingerprint": plan.fingerprint, "reason": reason}
        return self._render(
            request,
            notice=notice,
            file_name=upload.name,
            summary=in_words(plan),
            ignored=plan.ignored,
            refused=import_refusals(plan),
            changes=import_changes(plan),
            confirm=ConfirmForm(initial=confirm) if plan.changing else None,
        )

    def _list_address(self) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")

    def _render(self, request: HttpRequest, **shown: Any) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": f"Import {self.opts.verbose_name_plural}",
            "tab": self.registered.tab.name,
            "back": self._list_address(),
            **shown,
        }
        return TemplateResponse(request, "admin/sheetsync/import.html", context)


class TransfersRows(ImportsRows, ExportsRows):
    """Both, with the tab's own columns: what is exported can be changed and imported."""

    import_export_change_list_template = "admin/import_export/change_list_import_export.html"

    def get_export_columns(self) -> Sequence[ExportColumn]:
        """The tab's stored columns."""
        assert self.registered.records is not None
        records = self.registered.records()
        assert isinstance(records, ModelRecords)
        return tab_columns(self.registered.tab, records.paths)


def in_words(plan: ImportPlan) -> str:
    """What an import does, in figures."""
    new = sum(row.is_new for row in plan.rows)
    changed = len(plan.changing) - new
    refused = len(plan.refused)
    same = sum(not (row.changes or row.is_new or row.is_refused) for row in plan.rows)
    return (
        f"rows that change a record: {changed}, make one: {new}, are as stored already: {same}, are refused: {refused}"
    )
