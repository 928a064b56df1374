"""Find the three raw files in a folder or a zip, and read them once: SHA-256, UTF-8, no empty file."""

from __future__ import annotations

import codecs
import hashlib
import shutil
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from models_ml.errors import InputError, WarehouseError
from models_ml.sources.faults import input_fault
from models_ml.sources.m5.layout import CALENDAR_FILE, PRICES_FILE, SALES_FILE, VALIDATION_SALES_FILE

_CHUNK_BYTES = 4 * 2**20
_DOWNLOAD = "Get the three files from the M5 competition's page on Kaggle, or make them with `demand simulate`."
_DAMAGED = "Download or copy it again."


@dataclass(frozen=True)
class RawFiles:
    """The three files as plain files on disk, and the fingerprint of their names and contents."""

    calendar: Path
    sales: Path
    prices: Path
    fingerprint: str

    @property
    def sales_are_validation(self) -> bool:
        """Whether the sales come from the competition's earlier, shorter file."""
        return self.sales.name == VALIDATION_SALES_FILE


@contextmanager
def open_source(source: Path, scratch: Path) -> Iterator[RawFiles]:
    """Give the raw files of `source`; the members of a zip lie in the folder `scratch` meanwhile.

    Args:
        source: a folder that holds the files, or a zip with the files at any depth.
        scratch: a folder that this function makes and removes, whatever happens.

    Raises:
        InputError: no such source, a file missing, empty, damaged or not UTF-8.
        WarehouseError: no room on the disk for the members of the zip.
    """
    shutil.rmtree(scratch, ignore_errors=True)
    try:
        if source.is_dir():
            yield _fingerprinted(_find(source, {path.name: path for path in source.iterdir()}))
        elif source.is_file():
            yield _fingerprinted(_extract(source, scratch))
        else:
            raise InputError(
                f"{source}: there is no such folder or zip. Name the folder with the M5 files, or their zip. "
                + _DOWNLOAD
            )
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _find(source: Path, found: dict[str, Path]) -> dict[str, Path]:
    sales = VALIDATION_SALES_FILE if SALES_FILE not in found and VALIDATION_SALES_FILE in found else SALES_FILE
    for name in (CALENDAR_FILE, sales, PRICES_FILE):
        if name not in found:
            there = ", ".join(sorted(found)[:5]) or "nothing"
            instead = f" (or {VALIDATION_SALES_FILE})" if name == SALES_FILE else ""
            raise InputError(f"{source}: {name}{instead} is missing; it holds {there}. {_DOWNLOAD} Nothing was loaded.")
    return {name: found[name] for name in (CALENDAR_FILE, sales, PRICES_FILE)}


def _extract(source: Path, scratch: Path) -> dict[str, Path]:
    try:
        with zipfile.ZipFile(source) as archive:
            members = _members(source, archive)
            _check_room(scratch.parent, sum(member.file_size for member in members.values()), source)
            scratch.mkdir(parents=True)
            for name, member in members.items():
                with archive.open(member) as packed, (scratch / name).open("wb") as unpacked:
                    shutil.copyfileobj(packed, unpacked, _CHUNK_BYTES)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise input_fault(source.name, f"the zip is damaged or cut short: {error}", remedy=_DAMAGED) from None
    except (RuntimeError, NotImplementedError) as error:  # how zipfile says: encrypted, unknown compression
        raise input_fault(
            source.name,
            f"the zip cannot be read: {error}",
            remedy="Unpack it yourself and name the folder instead.",
        ) from None
    except OSError as error:
        raise WarehouseError(
            f"{source.name} could not be unpacked in {scratch.parent}: {error.strerror}. "
            "Make room there, or choose another DEMAND_HOME. Nothing was loaded."
        ) from None
    return {name: scratch / name for name in members}


def _members(source: Path, archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    by_name: dict[str, zipfile.ZipInfo] = {}
    for member in archive.infolist():
        parts = Path(member.filename).parts
        if member.is_dir() or "__MACOSX" in parts:  # what macOS adds beside each file
            continue
        name = parts[-1]
        if name in by_name and name in (CALENDAR_FILE, SALES_FILE, PRICES_FILE, VALIDATION_SALES_FILE):
            raise input_fault(
                source.name,
                f"the zip holds {name} twice: {by_name[name].filename} and {member.filename}",
                remedy="Keep one of them, or unpack the zip and name the folder that is meant.",
            )
        by_name[name] = member
    wanted = _find(source, {name: Path(member.filename) for name, member in by_name.items()})
    return {name: by_name[name] for name in wanted}


def _check_room(folder: Path, needed_bytes: int, source: Path) -> None:
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < needed_bytes:
        raise WarehouseError(
            f"{source.name} needs {needed_bytes / 1e9:.2f} GB unpacked, and {folder} has "
            f"{free_bytes / 1e9:.2f} GB free. Make room there, or choose another DEMAND_HOME. Nothing was loaded."
        )


def _fingerprinted(paths: dict[str, Path]) -> RawFiles:
    digest = hashlib.sha256()
    for name, path in paths.items():
        try:
            with path.open("rb") as file:
                digest.update(f"{name} {_checked_sha256(name, file)}\n".encode())
        except OSError as error:
            raise input_fault(name, f"cannot be read: {error.strerror}", remedy=_DAMAGED) from None
    calendar, sales, prices = paths.values()
    return RawFiles(calendar=calendar, sales=sales, prices=prices, fingerprint=digest.hexdigest())


def _checked_sha256(name: str, file: BinaryIO) -> str:
    """SHA-256 of a file that is neither empty nor anything but UTF-8."""
    digest = hashlib.sha256()
    decoder = codecs.getincrementaldecoder("utf-8")()
    lines = 1
    while chunk := file.read(_CHUNK_BYTES):
        digest.update(chunk)
        # ASCII, as all of M5 is, needs no decoding unless a character is open from the chunk before.
        if not chunk.isascii() or decoder.getstate()[0]:
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                start = max(error.start, 0)
                raise input_fault(
                    name,
                    "the text is not UTF-8",
                    line=lines + error.object.count(b"\n", 0, start),
                    value=error.object[start : start + 8],
                    remedy="Save the file as plain CSV in UTF-8.",
                ) from None
        if b"\x00" in chunk:
            raise input_fault(
                name,
                "the file holds zero bytes, so it is no text",
                line=lines + chunk.count(b"\n", 0, chunk.index(b"\x00")),
                remedy=_DAMAGED,
            )
        lines += chunk.count(b"\n")
    if file.tell() == 0:
        raise input_fault(name, "the file is empty", remedy=_DAMAGED)
    if decoder.getstate()[0]:
        raise input_fault(
            name,
            "the text ends inside a UTF-8 character, so the file is cut short",
            line=lines,
            remedy=_DAMAGED,
        )
    return digest.hexdigest()
