"""Connection to a container of the lake: sign-in, and errors in plain words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

from models_ml.errors import LakeError
from models_ml.lake.address import LakeAddress

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient

READ_BYTES = 4 * 2**20
"""Bytes of one ranged read; the service gives a checksum with ranges up to this size."""

_RIGHTS = "Storage Blob Data Contributor on the container to write, Storage Blob Data Reader to read"


def connect(
    address: LakeAddress, *, endpoint: str | None = None, sas: str | None = None, credential: Any = None
) -> ContainerClient:
    """A client of the address's container.

    Args:
        address: its account and container are used.
        endpoint: blob endpoint instead of the account's own (a private endpoint, Azurite).
        sas: a shared access signature; without it, and without `credential`, the identity of this process signs in
            (DefaultAzureCredential: environment, workload, managed identity, `az login`).
        credential: an azure-core token credential.

    Raises:
        LakeError: the client library is not installed.
    """
    try:
        from azure.identity import DefaultAzureCredential
        from azure.storage.blob import ContainerClient
    except ImportError:
        raise LakeError("The lake needs the extra `azure`: pip install 'retail-demand[azure]'.") from None
    return ContainerClient(
        endpoint or address.blob_endpoint,
        address.container,
        credential=sas or credential or DefaultAzureCredential(exclude_interactive_browser_credential=True),
        max_chunk_get_size=READ_BYTES,
        max_single_get_size=READ_BYTES,
        retry_total=3,
        initial_backoff=1,
        increment_base=2,
        connection_timeout=20,
        read_timeout=120,
    )


@contextmanager
def explained(address: LakeAddress, client: ContainerClient) -> Iterator[None]:
    """Turn the service's refusals into errors that say what to do.

    Args:
        address: what is asked for.
        client: who asks.

    Raises:
        LakeError: the lake cannot be reached, or refuses.
    """
    from azure.core.exceptions import (
        AzureError,
        ClientAuthenticationError,
        HttpResponseError,
        ResourceNotFoundError,
        ServiceRequestError,
        ServiceResponseError,
    )

    try:
        yield
    except ResourceNotFoundError as error:
        what = "container" if _code(error) == "ContainerNotFound" else "file"
        raise LakeError(f"{address}: there is no such {what}. See `demand lake list` of the folder above it.") from None
    except HttpResponseError as error:
        refused = isinstance(error, ClientAuthenticationError)
        if signature_expired(client) or (refused and "expired" in str(error).lower()):
            reason = "the token or signature has expired"
        elif refused:
            reason = f"the sign-in was refused ({_first_line(error)})"
        elif error.status_code == 403:
            raise LakeError(f"{address}: access is denied ({_code(error)}). This identity needs {_RIGHTS}.") from None
        else:
            raise LakeError(f"{address}: the lake refused: {_first_line(error)} ({_code(error)}).") from None
        raise LakeError(
            f"{address}: {reason}. Sign in again (`az login`, or the identity of the machine), or give a fresh "
            "DEMAND_LAKE_SAS; then repeat the command: what was transferred is kept."
        ) from None
    except (ServiceRequestError, ServiceResponseError) as error:
        raise LakeError(
            f"{address}: the lake cannot be reached ({_first_line(error)}). Check the network, or "
            "DEMAND_LAKE_ENDPOINT; then repeat the command: what was transferred is kept."
        ) from None
    except AzureError as error:
        raise LakeError(f"{address}: {_first_line(error)}") from None


def signature_expired(client: ContainerClient) -> bool:
    """Whether the client's shared access signature has expired; servers report it in several ways."""
    [expiry] = parse_qs(urlsplit(client.url).query).get("se", [""])
    return bool(expiry) and datetime.fromisoformat(expiry.replace("Z", "+00:00")) <= datetime.now(UTC)


def _code(error: Any) -> str:
    return str(getattr(error, "error_code", None) or getattr(error, "status_code", None) or type(error).__name__)


def _first_line(error: BaseException) -> str:
    return str(error).strip().split("\n", 1)[0]
