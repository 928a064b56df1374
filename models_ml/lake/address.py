"""Addresses in the lake: `abfss://<container>@<account>.dfs.core.windows.net/<path>`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from models_ml.errors import InputError

SCHEME = "abfss:"
_FORM = re.compile(
    r"abfss://(?P<container>[a-z0-9](?:-?[a-z0-9]){2,62})@(?P<account>[a-z0-9]{3,24})\.dfs\."
    r"(?P<domain>[a-z0-9.-]+?)(?:/(?P<path>.*))?"
)


@dataclass(frozen=True)
class LakeAddress:
    """A file or a folder of the lake.

    Attributes:
        account: the storage account.
        domain: of the cloud, `core.windows.net` but in sovereign clouds.
        container: file system of the account.
        path: without slashes at its ends; empty: the whole container.
    """

    account: str
    domain: str
    container: str
    path: str

    @property
    def blob_endpoint(self) -> str:
        """The account's endpoint of the Blob API, which serves ADLS Gen2 too."""
        return f"https://{self.account}.blob.{self.domain}"

    def child(self, name: str) -> LakeAddress:
        """The address of something below this one."""
        return LakeAddress(self.account, self.domain, self.container, f"{self.path}/{name}".strip("/"))

    def __str__(self) -> str:
        return f"abfss://{self.container}@{self.account}.dfs.{self.domain}/{self.path}"


def parse_address(text: str) -> LakeAddress:
    """Read an address.

    Raises:
        InputError: it has another form, or its path contains `..`.
    """
    match = _FORM.fullmatch(text)
    if match is None:
        raise InputError(
            f"{text!r} is not a lake address; write it as abfss://<container>@<account>.dfs.core.windows.net/<path>."
        )
    parts = [part for part in (match["path"] or "").split("/") if part]
    if {".", ".."} & set(parts):
        raise InputError(f"{text!r}: the path of a lake address holds no '.' or '..'.")
    return LakeAddress(match["account"], match["domain"], match["container"], "/".join(parts))


def data_location(value: object) -> object:
    """The value of `DEMAND_DATA_DIR`: a lake address if it has that scheme, else a local path."""
    if isinstance(value, str) and value.startswith(SCHEME):
        return parse_address(value)
    return Path(value) if isinstance(value, str) else value
