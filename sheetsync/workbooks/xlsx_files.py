"""Files that several programs share: who has one open, one writer at a time, replacing one all or nothing."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from sheetsync.workbooks.interface import WorkbookUnavailable

_POLL_S = 0.1
_OTHER_FORMATS = {
    ".xls": "the old .xls format",
    ".xlsb": "the binary .xlsb format",
    ".ods": "the OpenDocument format",
    ".csv": "a .csv file",
    ".tsv": "a .tsv file",
    ".numbers": "a Numbers document",
}


def read_content(path: Path, max_bytes: int) -> bytes:
    """The file's bytes. Raises WorkbookUnavailable, which says what is wrong with it and what to do."""
    if path.suffix.lower() in _OTHER_FORMATS:
        raise WorkbookUnavailable(f"{path.name} is {_OTHER_FORMATS[path.suffix.lower()]}; save it as .xlsx.")
    try:
        if path.is_dir():
            raise WorkbookUnavailable(f"{path} is a folder; name the .xlsx file in it.")
        with path.open("rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise WorkbookUnavailable(f"{path} isn't a file; name an .xlsx file.")
            content = file.read(max_bytes + 1)
    except FileNotFoundError as error:
        raise WorkbookUnavailable(f"There is no file {path}; check the name, or make it: init_workbook.") from error
    except PermissionError as error:
        raise WorkbookUnavailable(f"{path} may not be read by this program; give it permission.") from error
    except OSError as error:
        raise WorkbookUnavailable(f"{path} can't be read: {error.strerror or error}.") from error
    if len(content) > max_bytes:
        raise WorkbookUnavailable(
            f"{path.name} exceeds {max_bytes / 1e6:,.0f} MB, the most that is read. Move old rows to another file."
        )
    return content


def opened_by(path: Path) -> str:
    """The program, and the person if known, that has the file open for editing; "" when none has."""
    with contextlib.suppress(OSError):
        owner = (path.parent / f"~${path.name}").read_bytes()
        # The first byte is the length of the name that follows.
        name = owner[1 : 1 + owner[0]].decode("latin-1").strip() if owner else ""
        return f"Excel ({name})" if name.isprintable() and name else "Excel"
    with contextlib.suppress(OSError):
        fields = (path.parent / f".~lock.{path.name}#").read_text(errors="replace").split(",")
        person = next((field.strip() for field in fields[:2] if field.strip()), "")
        return f"LibreOffice ({person})" if person else "LibreOffice"
    return ""


def wait_until_closed(path: Path, wait_s: float) -> None:
    """Returns once no spreadsheet program has the file open. Raises WorkbookUnavailable after `wait_s` seconds."""
    until = time.monotonic() + wait_s
    while (program := opened_by(path)) and time.monotonic() < until:
        time.sleep(min(_POLL_S, max(wait_s, 0.01)))
    if program:
        raise WorkbookUnavailable(
            f"{path.name} is open in {program}: nothing was written, so that nobody's work is lost. Close it there and "
            f"try again; if it isn't open any more, delete the hidden lock file beside it ({_lock_names(path)})."
        )


def _lock_names(path: Path) -> str:
    names = [f"~${path.name}", f".~lock.{path.name}#"]
    return " or ".join(name for name in names if (path.parent / name).exists()) or names[0]


@contextlib.contextmanager
def only_writer(path: Path, wait_s: float) -> Iterator[None]:
    """Holds the lock that every writer of this workbook takes. Raises WorkbookUnavailable after `wait_s` seconds."""
    refuse_read_only(path)
    lock = path.parent / f".{path.name}.lock"
    until = time.monotonic() + wait_s
    descriptor = -1
    try:
        while descriptor < 0:
            descriptor = _try_lock(lock)
            if descriptor < 0 and time.monotonic() >= until:
                raise WorkbookUnavailable(f"Another action is writing to {path.name}; try again in a moment.")
            if descriptor < 0:
                time.sleep(_POLL_S)
    except OSError as error:
        raise not_writable(path, error) from error
    try:
        yield
    finally:
        # Taken away while it is still locked: whoever waits for it sees that it is gone, and makes a new one.
        lock.unlink(missing_ok=True)
        os.close(descriptor)


def _try_lock(lock: Path) -> int:
    """A locked descriptor of the lock file, or -1 when another process holds it."""
    descriptor = os.open(lock, os.O_RDWR | os.O_CREAT, 0o666)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if lock.stat().st_ino == os.fstat(descriptor).st_ino:
            return descriptor
    except (BlockingIOError, FileNotFoundError):
        pass
    except OSError:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return -1


def refuse_read_only(path: Path) -> None:
    """Raises WorkbookUnavailable for a file that is marked as read-only; replacing it would work all the same."""
    with contextlib.suppress(FileNotFoundError):
        if not path.stat().st_mode & 0o222:
            raise WorkbookUnavailable(f"{path.name} is marked as read-only; take that mark off to let it be written.")


def not_writable(path: Path, error: OSError) -> WorkbookUnavailable:
    """What to raise when the file or its folder refuses a write."""
    return WorkbookUnavailable(
        f"{path.name} can't be written: {error.strerror or error}. Check the permissions of the file and its folder, "
        "and the space left on the disk."
    )


def replace_content(path: Path, content: bytes, check: Callable[[bytes], None]) -> None:
    """Puts new content in the file's place, all or nothing, its permissions and owner kept.

    `check` is given the copy as it was read back from the disk, right before it takes the file's place; what it raises
    stops that. Raises OSError when the disk or the folder refuses.
    """
    copy = ""
    try:
        copy = _write_beside(path, content)
        check(Path(copy).read_bytes())
        os.replace(copy, path)
    except BaseException:
        if copy:
            Path(copy).unlink(missing_ok=True)
        raise
    _flush_folder(path.parent)


def _write_beside(path: Path, content: bytes) -> str:
    """Writes a hidden copy in the same folder, down to the disk."""
    for left_over in path.parent.glob(f".{_literal(path.name)}.*.part"):
        left_over.unlink(missing_ok=True)  # of a writer that crashed: only the holder of the lock comes here
    descriptor, copy = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            _keep_permissions(path, file.fileno())
            os.fsync(file.fileno())
    except BaseException:
        Path(copy).unlink(missing_ok=True)
        raise
    return copy


def _literal(name: str) -> str:
    """The name as a pattern that matches itself only."""
    return "".join(f"[{letter}]" if letter in "*?[" else letter for letter in name)


def _keep_permissions(path: Path, descriptor: int) -> None:
    try:
        before = path.stat()
    except FileNotFoundError:
        umask = os.umask(0)
        os.umask(umask)
        os.fchmod(descriptor, 0o666 & ~umask)
        return
    with contextlib.suppress(PermissionError):
        os.fchown(descriptor, before.st_uid, before.st_gid)
    os.fchmod(descriptor, stat.S_IMODE(before.st_mode))


def _flush_folder(folder: Path) -> None:
    """Makes the rename last through a power cut, where the system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
