"""Commands for the data lake: upload, download, list."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from models_ml.cli.options import settings_with
from models_ml.cli.tables import AsJson, print_rows

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient

    from models_ml.lake.address import LakeAddress
    from models_ml.lake.transfer import Transfer

lake_app = typer.Typer(help="The data lake (ADLS Gen2).", no_args_is_help=True)

Address = Annotated[
    str, typer.Argument(help="abfss://<container>@<account>.dfs.core.windows.net/<path>", metavar="ADDRESS")
]


@contextmanager
def opened(text: str) -> Iterator[tuple[LakeAddress, ContainerClient]]:
    """An address and a client of its container."""
    from models_ml.lake.address import parse_address
    from models_ml.lake.connection import connect

    settings = settings_with()
    address = parse_address(text)
    with connect(address, endpoint=settings.lake_endpoint, sas=settings.lake_signature) as client:
        yield address, client


def tell(transfer: Transfer, arrow: str) -> None:
    """One line a file."""
    how = "unchanged" if transfer.unchanged else f"{transfer.moved:,} of {transfer.size:,} bytes moved"
    checked = "MD5 verified" if transfer.checked else "the lake holds no MD5; size verified"
    typer.echo(f"{transfer.path} {arrow} {transfer.address}: {how}, {checked}")


@lake_app.command()
def upload(source: Annotated[Path, typer.Argument(help="A file, or a folder of files.")], target: Address) -> None:
    """Upload a file or a folder to a folder of the lake; an interrupted upload resumes."""
    from models_ml.lake import transfer

    with opened(target) as (address, client):
        for done in transfer.upload(client, source, address):
            tell(done, "->")


@lake_app.command()
def download(source: Address, target: Annotated[Path, typer.Argument(help="Folder to write into.")]) -> None:
    """Download a file or a folder of the lake and verify each file; an interrupted download resumes."""
    from models_ml.lake import transfer

    with opened(source) as (address, client):
        for done in transfer.download(client, address, target):
            tell(done, "<-")


@lake_app.command("list")
def list_files(address: Address, as_json: AsJson = False) -> None:
    """List files below an address: size, time, MD5."""
    from models_ml.lake import transfer

    with opened(address) as (folder, client):
        rows = [
            {"file": file.name, "bytes": file.size, "written_utc": f"{file.modified:%Y-%m-%dT%H:%M}", "md5": file.md5}
            for file in transfer.list_files(client, folder)
        ]
    print_rows(rows, ("file", "bytes", "written_utc", "md5"), as_json=as_json)
