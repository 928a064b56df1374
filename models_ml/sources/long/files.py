"""Tables of strings from files that DuckDB does not read itself: sheets of workbooks, folders and zips of extracts."""

from __future__ import annotations

import datetime as dt
import hashlib
import os
import shutil
import tempfile
import zipfile
from pathlib import Path

import duckdb
import pyarrow as pa

from models_ml.sources.faults import input_fault
from models_ml.sources.long.layout import header_of

WORKBOOKS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")


def sheet_table(path: Path, sheet: str | None) -> tuple[pa.Table, int, tuple[str, ...]]:
    """A sheet of a workbook as strings, the line of its header, and the names of all sheets.

    Args:
        path: of the workbook.
        sheet: its name; None: the sheet with the most rows.

    Raises:
        InputError: it is not a workbook, or the sheet is missing or empty.
    """
    import python_calamine

    try:
        book = python_calamine.CalamineWorkbook.from_path(str(path))
    except (python_calamine.CalamineError, OSError, ValueError) as error:
        raise input_fault(
            path.name, f"the workbook cannot be read: {str(error)[:200]}",
            remedy="Save it again as .xlsx without a password, or as CSV.",
        ) from None  # fmt: skip
    names = tuple(book.sheet_names)
    if sheet is not None and sheet not in names:
        raise input_fault(path.name, "the sheet does not exist", value=sheet, remedy=f"Its sheets: {', '.join(names)}.")
    tables = {name: book.get_sheet_by_name(name).to_python() for name in names if sheet in (None, name)}
    rows = max(tables.values(), key=len)
    texts = [[_text(cell) for cell in row] for row in rows]
    if not texts:
        raise input_fault(path.name, "the sheet is empty", remedy=f"Choose another with `sheet`: {', '.join(names)}.")
    header = header_of(texts[:200])
    if header is None:
        raise input_fault(
            path.name, "the first row holds values, not column names", line=1,
            remedy="Add a row with the column names above it.",
        )  # fmt: skip
    columns: dict[str, list[str | None]] = {}
    for place, name in enumerate(texts[header]):
        if name:
            columns[name if name not in columns else f"{name}_{place}"] = [
                (row[place] or None) if place < len(row) else None for row in texts[header + 1 :]
            ]
    # Sheets often end in formatted empty rows, which would be rows without a date.
    kept = [any(values) for values in zip(*columns.values(), strict=True)]
    return pa.table(columns).filter(pa.array(kept, pa.bool_())), header + 1, names


def _text(cell: object) -> str:
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    if isinstance(cell, dt.datetime) and cell.time() == dt.time():
        return cell.date().isoformat()
    return str(cell).strip()


def registered(connection: duckdb.DuckDBPyConnection, path: Path, table: pa.Table) -> str:
    """Register a file's table with a connection and return its name."""
    name = "file_" + hashlib.sha256(str(path).encode()).hexdigest()[:12]
    connection.register(name, table)
    return name


def unzipped(path: Path) -> Path:
    """A temporary folder with an unpacked zip of extracts; a changed zip gets a new folder.

    Raises:
        InputError: it is not a zip, or holds no table.
    """
    of = hashlib.sha256(f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}".encode()).hexdigest()[:16]
    folder = Path(tempfile.gettempdir()) / f"demand-zip-{os.getuid()}-{of}"
    if folder.is_dir():
        return folder
    try:
        with zipfile.ZipFile(path) as archive:
            members = [m for m in archive.infolist() if m.filename.lower().endswith((".csv", ".tsv", ".txt"))]
            if not members:
                raise input_fault(path.name, "the zip holds no .csv, .tsv or .txt file", remedy="Unpack it yourself.")
            unpacking = Path(tempfile.mkdtemp(prefix="demand-zip-"))
            for member in members:
                if not member.filename.startswith("__MACOSX"):
                    (unpacking / member.filename.replace("/", "_")).write_bytes(archive.read(member))
    except zipfile.BadZipFile:
        raise input_fault(
            path.name, "this is not a zip file", remedy="Recreate it, or name the CSV file directly."
        ) from None
    try:
        unpacking.rename(folder)
    except OSError:  # another process was faster
        shutil.rmtree(unpacking, ignore_errors=True)
    return folder
