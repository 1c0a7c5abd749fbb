"""Opens the zip behind an .xlsx file safely: what it claims is checked before anything is parsed."""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from xml.etree.ElementTree import Element, ParseError

from defusedxml import DefusedXmlException
from defusedxml.ElementTree import fromstring

from sheetsync.workbooks.interface import WorkbookUnavailable

# A password-protected workbook, and the old .xls format, are OLE2 containers.
_OLE2 = bytes.fromhex("d0cf11e0a1b11ae1")
_ENCRYPTED_STREAM = "EncryptedPackage".encode("utf-16-le")
# Parts smaller than this may shrink as well as they like.
_RATIO_MATTERS_FROM = 10_000_000
_ROOT = re.compile(rb"<(?:([A-Za-z_][\w.-]*):)?[A-Za-z_][\w.-]*[\s>/]")


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a file may claim. A file beyond any of the first five is refused before it is parsed."""

    max_bytes: int = 50_000_000  # of the file
    max_unpacked_bytes: int = 500_000_000  # of all its parts together
    max_ratio: int = 300  # unpacked to packed size of a large part
    max_entries: int = 10_000  # parts in the zip
    max_cells: int = 5_000_000  # rows times columns of one tab, from A1 to its last cell with content
    at_once: int = (
        4_000_000  # bytes of a tab that are unpacked and looked at together: no refusal, but a bound for memory
    )


@dataclass(frozen=True, kw_only=True)
class SheetPart:
    """One tab as the workbook lists it."""

    title: str
    part: str  # path inside the zip; "" for what isn't a grid of cells (a chart sheet)


class Package:
    """The parts of one .xlsx file. A part that is handed out has the size and checksum that the zip claims."""

    def __init__(self, content: bytes, name: str, limits: Limits) -> None:
        """`name` is what messages call the file. Raises WorkbookUnavailable for what isn't a sane .xlsx file."""
        self.name = name
        self.limits = limits
        self._parts: dict[str, bytes] = {}
        _refuse_other_formats(content, name)
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(content))
        except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
            raise self.broken() from error
        self._check_claims()
        self._by_name = {info.filename: info for info in self._zip.infolist()}
        if self.workbook_part not in self._by_name:
            raise WorkbookUnavailable(
                f"{name} is a zip file but not a workbook; save it as .xlsx in a spreadsheet program."
            )

    def broken(self) -> WorkbookUnavailable:
        """What to raise for a file whose inside can't be read."""
        return WorkbookUnavailable(
            f"{self.name} can't be read as a workbook: it is damaged, or still being saved. "
            "Open it in a spreadsheet program, save it as .xlsx and try again."
        )

    def names(self) -> list[str]:
        """Every part, in the order of the file."""
        return list(self._by_name)

    def has(self, part: str) -> bool:
        """Whether the file has this part."""
        return part in self._by_name

    def read(self, part: str) -> bytes:
        """One part as it stands. Raises WorkbookUnavailable when it is missing or not what the zip claims."""
        if part not in self._parts:
            self._parts[part] = b"".join(self.chunks(part))
        return self._parts[part]

    def chunks(self, part: str, size: int = -1) -> Iterator[bytes]:
        """One part as it stands, at most `size` bytes at once (-1: as one). Raises WorkbookUnavailable, at the latest at its end, when it
        is missing or not what the zip claims."""
        try:
            with self._zip.open(part) as unpacked:
                while chunk := unpacked.read(size):
                    yield chunk
        except (KeyError, EOFError, OSError, RuntimeError, ValueError, zipfile.BadZipFile, zlib.error) as error:
            raise self.broken() from error

    def xml(self, part: str) -> bytes:
        """An XML part, its elements without a prefix. Raises WorkbookUnavailable where it could blow up in a parser."""
        raw = self.read(part)
        if raw[:2] in (b"\xff\xfe", b"\xfe\xff") or b"\0" in raw[:4]:
            raise WorkbookUnavailable(
                f"{self.name} is written in an unusual encoding; save it as .xlsx in a spreadsheet program."
            )
        if b"<!DOCTYPE" in raw or b"<!ENTITY" in raw:
            raise WorkbookUnavailable(
                f"{self.name} declares XML entities, as no spreadsheet program does; it isn't opened."
            )
        return without_prefix(raw)

    def release(self) -> None:
        """Forgets the parts that were unpacked; they are unpacked again when needed."""
        self._parts.clear()

    @cached_property
    def workbook_part(self) -> str:
        """The part that lists the tabs."""
        if "_rels/.rels" not in self._by_name:
            return "xl/workbook.xml"
        for _id, kind, target in self._relations("_rels/.rels"):
            if kind == "officeDocument":
                return target
        return "xl/workbook.xml"

    @cached_property
    def sheets(self) -> tuple[SheetPart, ...]:
        """The tabs, in order."""
        kinds = {rid: (kind, target) for rid, kind, target in self._relations(relations_of(self.workbook_part))}
        found = []
        for element in self._workbook.iter():
            if _local(element.tag) != "sheet":
                continue
            rid = next((value for key, value in element.attrib.items() if _local(key) == "id"), "")
            kind, target = kinds.get(rid, ("", ""))
            found.append(SheetPart(title=element.attrib.get("name", ""), part=target if kind == "worksheet" else ""))
        return tuple(found)

    @cached_property
    def counts_from_1904(self) -> bool:
        """Whether dates count from 1904-01-01 (an old setting of spreadsheet programs on Macs)."""
        settings = [element for element in self._workbook.iter() if _local(element.tag) == "workbookPr"]
        return any(element.attrib.get("date1904", "0") in ("1", "true", "on") for element in settings)

    def related(self, kind: str) -> str:
        """The workbook's part of a kind such as `styles` or `sharedStrings`; "" when it has none."""
        for _id, found, target in self._relations(relations_of(self.workbook_part)):
            if found == kind and target in self._by_name:
                return target
        return ""

    def rebuilt(self, changed: Mapping[str, bytes | Iterable[bytes]]) -> bytes:
        """The file with these parts replaced or added; every other part keeps content, order, date and attributes. A part may come in
        pieces, so that it never stands in memory as one."""
        out = io.BytesIO()
        with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as target:
            target.comment = self._zip.comment
            for info in self._zip.infolist():
                content = changed.get(info.filename)
                with target.open(_like(info), "w") as part:
                    part.writelines(
                        self.chunks(info.filename, self.limits.at_once) if content is None else _in_pieces(content)
                    )
            for name, content in changed.items():
                if name not in self._by_name:
                    target.writestr(name, b"".join(_in_pieces(content)))
        return out.getvalue()

    @cached_property
    def _workbook(self) -> Element:
        return self.parse(self.workbook_part)

    def parse(self, part: str) -> Element:
        """A small XML part as a tree."""
        try:
            tree: Element = fromstring(self.xml(part))
        except (ParseError, DefusedXmlException) as error:
            raise self.broken() from error
        return tree

    def _relations(self, part: str) -> list[tuple[str, str, str]]:
        """(id, last word of the type, path inside the zip) of each relationship."""
        if part not in self._by_name:
            return []
        folder = posixpath.dirname(posixpath.dirname(part))
        found = []
        for element in self.parse(part):
            target = element.attrib.get("Target", "")
            path = target.lstrip("/") if target.startswith("/") else posixpath.normpath(posixpath.join(folder, target))
            found.append((element.attrib.get("Id", ""), element.attrib.get("Type", "").rpartition("/")[2], path))
        return found

    def _check_claims(self) -> None:
        infos = self._zip.infolist()
        limits = self.limits
        if len(infos) > limits.max_entries:
            raise WorkbookUnavailable(
                f"{self.name} has {len(infos):,} parts; a workbook with more than {limits.max_entries:,} isn't opened."
            )
        if len({info.filename for info in infos}) < len(infos):
            raise self.broken()
        if any(info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED) for info in infos):
            raise self.broken()
        if any(info.flag_bits & 1 for info in infos):
            raise WorkbookUnavailable(f"{self.name} is protected with a password; save a copy without one.")
        unpacked = sum(info.file_size for info in infos)
        packed_well = any(
            info.file_size > _RATIO_MATTERS_FROM and info.file_size > limits.max_ratio * max(info.compress_size, 1)
            for info in infos
        )
        if unpacked > limits.max_unpacked_bytes or packed_well:
            raise WorkbookUnavailable(
                f"{self.name} would unpack to {unpacked / 1e6:,.0f} MB, more than its tabs can hold; it isn't opened."
            )


def _in_pieces(content: bytes | Iterable[bytes]) -> Iterable[bytes]:
    return [content] if isinstance(content, bytes) else content


def relations_of(part: str) -> str:
    """The part that lists the relationships of a part."""
    folder, name = posixpath.split(part)
    return posixpath.join(folder, "_rels", f"{name}.rels")


def without_prefix(xml: bytes) -> bytes:
    """The XML with its own elements unprefixed (`<x:row>` becomes `<row>`), as nearly every program writes it."""
    root = _ROOT.search(xml)
    if root is None or root[1] is None:
        return xml
    prefix = re.escape(root[1])
    bare = re.sub(rb"(</?)" + prefix + rb":", rb"\1", xml)
    return re.sub(rb"xmlns:" + prefix + rb"(\s*=)", rb"xmlns\1", bare, count=1)


def _like(info: zipfile.ZipInfo) -> zipfile.ZipInfo:
    copy = zipfile.ZipInfo(info.filename, info.date_time)
    copy.compress_type = zipfile.ZIP_STORED if info.compress_type == zipfile.ZIP_STORED else zipfile.ZIP_DEFLATED
    copy.external_attr = info.external_attr
    copy.create_system = info.create_system
    copy.comment = info.comment
    return copy


def _local(tag: str) -> str:
    return tag.rpartition("}")[2]


def _refuse_other_formats(content: bytes, name: str) -> None:
    if content.startswith(_OLE2):
        if _ENCRYPTED_STREAM in content:
            raise WorkbookUnavailable(f"{name} is protected with a password; save a copy without one.")
        raise WorkbookUnavailable(f"{name} is in the old .xls format; save it as .xlsx.")
    if not content:
        raise WorkbookUnavailable(f"{name} is empty; save it as .xlsx in a spreadsheet program.")
    if not content.startswith(b"PK"):
        raise WorkbookUnavailable(
            f"{name} isn't an .xlsx workbook; open it in a spreadsheet program and save it as .xlsx."
        )
