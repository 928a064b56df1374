"""Raw files of the lake on this machine, for an ingest to read."""

from __future__ import annotations

from pathlib import Path

from models_ml.lake.address import LakeAddress
from models_ml.lake.connection import connect
from models_ml.lake.transfer import download
from models_ml.settings import Settings


def stage(settings: Settings, address: LakeAddress) -> Path:
    """Bring what lies at an address into the home's `lake/`; only what changed is fetched.

    Returns:
        The folder of the files, or the zip if the address names one.

    Raises:
        LakeError: see `download`.
    """
    folder = settings.home.resolve() / "lake" / address.account / address.container / address.path
    client = connect(address, endpoint=settings.lake_endpoint, sas=settings.lake_signature)
    with client:
        if address.path.endswith(".zip"):
            [transfer] = download(client, address, folder.parent)
            return transfer.path
        fetched = {transfer.path for transfer in download(client, address, folder)}
    for path in folder.rglob("*"):  # what the lake no longer has must not be read
        if path.is_file() and path not in fetched:
            path.unlink()
    return folder
