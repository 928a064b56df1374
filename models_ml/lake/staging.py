"""Local copies of raw files in the lake, for an ingest."""

from __future__ import annotations

from pathlib import Path

from models_ml.lake.address import LakeAddress
from models_ml.lake.connection import connect
from models_ml.lake.transfer import download


def stage(address: LakeAddress, folder: Path, *, endpoint: str | None, sas: str | None) -> Path:
    """Copy the files at an address into a local folder; only changed files are fetched.

    Args:
        address: a folder of the lake, or one zip.
        folder: holds the copies of all lakes, one sub-folder an address.
        endpoint, sas: of the account; see `connect`.

    Returns:
        The folder of the files, or the zip if the address names one.

    Raises:
        LakeError: see `download`.
    """
    folder = folder / address.account / address.container / address.path
    client = connect(address, endpoint=endpoint, sas=sas)
    with client:
        if address.path.endswith(".zip"):
            [transfer] = download(client, address, folder.parent)
            return transfer.path
        fetched = {transfer.path for transfer in download(client, address, folder)}
    for path in folder.rglob("*"):  # files that were removed from the lake must not be read
        if path.is_file() and path not in fetched:
            path.unlink()
    return folder
