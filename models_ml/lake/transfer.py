"""File transfers between this machine and the lake: resumable, verified by MD5, and atomic.

Uploads stage blocks whose ids carry the MD5 of their content. A resumed upload reuses the blocks that the lake has, and
the blob appears once all blocks are committed. Downloads write a part file named by the blob's version; it is
renamed once its MD5 matches.
"""

from __future__ import annotations

import base64
import hashlib
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from models_ml.errors import InputError, LakeError
from models_ml.lake.address import LakeAddress
from models_ml.lake.connection import explained

if TYPE_CHECKING:
    from azure.storage.blob import BlobClient, ContainerClient

BLOCK_BYTES = 8 * 2**20
UPLOADS_AT_ONCE = 4

OnBytes = Callable[[int], None]
"""Called with the number of bytes just transferred."""


def untold(_bytes: int) -> None:
    """For callers without a progress display."""


@dataclass(frozen=True)
class LakeFile:
    """A file in the lake.

    Attributes:
        address: where it is.
        name: its path below the address that was listed.
        size: bytes.
        md5: of its content, in hex; None where its writer gave none.
        modified: when it was written.
        etag: changes whenever it is written.
    """

    address: LakeAddress
    name: str
    size: int
    md5: str | None
    modified: datetime
    etag: str


@dataclass(frozen=True)
class Transfer:
    """What one upload or download did.

    Attributes:
        path: the local file.
        address: the file in the lake.
        size: bytes of the file.
        moved: bytes that went over the wire.
        unchanged: both sides held the same content before, so nothing was moved.
        checked: the MD5 of the whole was compared; False where the lake holds none.
    """

    path: Path
    address: LakeAddress
    size: int
    moved: int
    unchanged: bool
    checked: bool


def list_files(client: ContainerClient, address: LakeAddress) -> list[LakeFile]:
    """Files at or below an address, by name.

    Raises:
        LakeError: the lake refuses, or there is nothing there.
    """
    prefix = address.path
    found = []
    with explained(address, client):
        for blob in client.list_blobs(name_starts_with=prefix or None, include=["metadata"]):
            below = blob.name == prefix or not prefix or blob.name.startswith(f"{prefix}/")
            if not below or (blob.metadata or {}).get("hdi_isfolder") == "true":
                continue
            name = blob.name.removeprefix(prefix).lstrip("/") or blob.name.rsplit("/", 1)[-1]
            found.append(_described(replace(address, path=blob.name), name, blob))
    if not found:
        raise LakeError(f"{address}: there is nothing in the lake under this address.")
    return sorted(found, key=lambda file: file.name)


def _described(address: LakeAddress, name: str, properties: Any) -> LakeFile:
    md5 = properties.content_settings.content_md5
    return LakeFile(
        address=address, name=name, size=properties.size, md5=bytes(md5).hex() if md5 else None,
        modified=properties.last_modified, etag=properties.etag.strip('"'),
    )  # fmt: skip


def local_files(source: Path) -> dict[str, Path]:
    """Files to upload by their name in the lake: a file itself, or all files below a folder but hidden ones.

    Raises:
        InputError: there is no such file or folder, or the folder is empty.
    """
    if source.is_file():
        return {source.name: source}
    if not source.is_dir():
        raise InputError(f"{source}: there is no such file or folder to upload.")
    relative = {path.relative_to(source): path for path in sorted(source.rglob("*")) if path.is_file()}
    files = {name.as_posix(): path for name, path in relative.items() if not any(p.startswith(".") for p in name.parts)}
    if not files:
        raise InputError(f"{source}: the folder holds no file to upload.")
    return files


def upload(
    client: ContainerClient,
    source: Path,
    target: LakeAddress,
    *,
    block_bytes: int = BLOCK_BYTES,
    on_bytes: OnBytes = untold,
) -> list[Transfer]:
    """Upload a file, or every file of a folder, below the folder `target`.

    A file that the lake holds with the same size and MD5 is skipped; an interrupted upload resumes.

    Raises:
        InputError: nothing to upload, or a file changed while it was read.
        LakeError: the lake refuses, cannot be reached, or stored something else than was sent.
    """
    return [
        _upload_file(client, path, target.child(name), block_bytes, on_bytes)
        for name, path in local_files(source).items()
    ]


def _upload_file(
    client: ContainerClient, path: Path, address: LakeAddress, block_bytes: int, on_bytes: OnBytes
) -> Transfer:
    from azure.storage.blob import BlobBlock, ContentSettings

    whole, blocks = _block_digests(path, block_bytes)
    size = path.stat().st_size
    blob = client.get_blob_client(address.path)
    with explained(address, client):
        held = _properties(blob)
        if held is not None and held.size == size and held.content_settings.content_md5 == bytearray(whole):
            return Transfer(path, address, size, moved=0, unchanged=True, checked=True)
        ids = [_block_id(number, digest) for number, digest in enumerate(blocks)]
        staged = _staged(blob)
        missing = [number for number, block_id in enumerate(ids) if block_id not in staged]

        def stage(number: int) -> int:
            content = _block(path, number, block_bytes)
            if hashlib.md5(content, usedforsecurity=False).digest() != blocks[number]:
                raise InputError(f"{path}: the file changed while it was uploaded. Upload it when it is complete.")
            blob.stage_block(ids[number], content, length=len(content), validate_content=True)
            return len(content)

        moved = 0
        with ThreadPoolExecutor(UPLOADS_AT_ONCE) as pool:
            try:
                for count in pool.map(stage, missing):
                    moved += count
                    on_bytes(count)
            except BaseException:
                pool.shutdown(cancel_futures=True)
                raise
        settings = ContentSettings(content_md5=bytearray(whole), content_type="application/octet-stream")
        blob.commit_block_list([BlobBlock(block_id) for block_id in ids], content_settings=settings)
        stored = blob.get_blob_properties()
    if stored.size != size or stored.content_settings.content_md5 != bytearray(whole):
        raise LakeError(f"{address}: the lake holds {stored.size:,} bytes of {size:,} or another MD5. Upload it again.")
    return Transfer(path, address, size, moved=moved, unchanged=False, checked=True)


def _properties(blob: BlobClient) -> Any:
    from azure.core.exceptions import ResourceNotFoundError

    try:
        return blob.get_blob_properties()
    except ResourceNotFoundError as error:
        if getattr(error, "error_code", None) == "ContainerNotFound":
            raise
        return None


def _staged(blob: BlobClient) -> set[str]:
    """Ids of the blocks that an upload before this one left."""
    from azure.core.exceptions import ResourceNotFoundError

    try:
        _, uncommitted = blob.get_block_list("all")
    except ResourceNotFoundError:
        return set()
    return {block.id for block in uncommitted}


def _block_id(number: int, digest: bytes) -> str:
    """Same length for all blocks of a blob, as the service demands; another content is another block."""
    return base64.b64encode(number.to_bytes(4, "big") + digest).decode()


def _blocks(path: Path, block_bytes: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(block_bytes):
            yield block


def _block(path: Path, number: int, block_bytes: int) -> bytes:
    with path.open("rb") as file:
        file.seek(number * block_bytes)
        return file.read(block_bytes)


def _block_digests(path: Path, block_bytes: int) -> tuple[bytes, list[bytes]]:
    """MD5 of a file, and of each of its blocks."""
    whole, digests = hashlib.md5(usedforsecurity=False), []
    for block in _blocks(path, block_bytes):
        whole.update(block)
        digests.append(hashlib.md5(block, usedforsecurity=False).digest())
    return whole.digest(), digests


def download(
    client: ContainerClient, source: LakeAddress, target: Path, *, on_bytes: OnBytes = untold
) -> list[Transfer]:
    """Download a file, or every file below a folder, into the folder `target`.

    A local file with the same size and MD5 is skipped; an interrupted download resumes, unless the blob was rewritten
    meanwhile. Files appear whole or not at all.

    Raises:
        LakeError: there is nothing, the lake refuses or cannot be reached, a checksum is wrong, or the disk is full.
    """
    files = list_files(client, source)
    for file in files:
        refuse_outside(file, target)
    return [_download_file(client, file, target, on_bytes) for file in files]


def refuse_outside(file: LakeFile, target: Path) -> None:
    """A blob may be named `a/../../b`; nothing is written outside the folder that the user named.

    Raises:
        LakeError: the file's name leads out of the folder.
    """
    if not (target / file.name).resolve().is_relative_to(target.resolve()):
        raise LakeError(
            f"{file.address}: the name {file.name!r} leads out of {target}, so nothing was downloaded. "
            "Rename the blob, or download the files beside it one by one."
        )


def _download_file(client: ContainerClient, file: LakeFile, target: Path, on_bytes: OnBytes) -> Transfer:
    from azure.core import MatchConditions

    path = target / file.name
    if file.md5 is not None and path.is_file() and path.stat().st_size == file.size and _md5(path) == file.md5:
        return Transfer(path, file.address, file.size, moved=0, unchanged=True, checked=True)
    part = path.with_name(f".{path.name}.{hashlib.sha256(file.etag.encode()).hexdigest()[:16]}.part")
    moved = 0
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        for stale in set(path.parent.glob(f".{path.name}.*.part")) - {part}:
            stale.unlink(missing_ok=True)  # of a version that the lake no longer has
        digest = hashlib.md5(usedforsecurity=False)
        with part.open("ab+") as written:
            written.seek(0)
            while block := written.read(BLOCK_BYTES):
                digest.update(block)
            have = written.tell()
            if have < file.size:
                with explained(file.address, client):
                    stream = client.get_blob_client(file.address.path).download_blob(
                        offset=have, length=file.size - have, etag=file.etag,
                        match_condition=MatchConditions.IfNotModified,
                        validate_content=file.md5 is None,  # then each range's own checksum is all there is
                    )  # fmt: skip
                    for chunk in stream.chunks():
                        written.write(chunk)
                        digest.update(chunk)
                        moved += len(chunk)
                        on_bytes(len(chunk))
            written.flush()
            os.fsync(written.fileno())
        if part.stat().st_size != file.size or file.md5 not in (None, digest.hexdigest()):
            part.unlink()
            raise LakeError(
                f"{file.address}: the download has another checksum (MD5 {digest.hexdigest()}) than the lake reports "
                f"({file.md5}), so it was discarded. Download it again; if that fails too, upload the file again."
            )
        part.replace(path)
    except OSError as error:
        raise LakeError(f"{path} cannot be written: {error.strerror}. Make room, or choose another folder.") from None
    return Transfer(path, file.address, file.size, moved=moved, unchanged=False, checked=file.md5 is not None)


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    for block in _blocks(path, BLOCK_BYTES):
        digest.update(block)
    return digest.hexdigest()
