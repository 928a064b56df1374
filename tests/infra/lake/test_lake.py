"""The lake's commands and its transfers against a real Azurite: resumed, checked, and honest about refusals."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from azure.storage.blob import ContainerClient, ContentSettings
from pydantic import SecretStr

from models_ml.errors import InputError, LakeError
from models_ml.job.raw_data import ingest_raw
from models_ml.lake.address import LakeAddress, parse_address
from models_ml.lake.transfer import download, list_files, local_files, upload
from models_ml.settings import Settings
from models_ml.sources.m5.simulate import simulate
from tests.conftest import demand, demand_ok
from tests.infra.lake.conftest import ACCOUNT, Azurite, TokenServer

pytestmark = pytest.mark.infra

MEGABYTE = 2**20


def address(container: str, path: str = "") -> LakeAddress:
    return parse_address(f"abfss://{container}@{ACCOUNT}.dfs.core.windows.net/{path}")


def random_file(path: Path, size: int, seed: int = 1) -> bytes:
    content = np.random.default_rng(seed).bytes(size)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return content


class BrokenOffError(Exception):
    """A transfer that breaks off, by the test's hand."""


class TestAddress:
    def test_parts(self) -> None:
        parsed = parse_address("abfss://raw@lake.dfs.core.windows.net/m5//2016/")
        assert parsed == LakeAddress("lake", "core.windows.net", "raw", "m5/2016")
        assert parsed.blob_endpoint == "https://lake.blob.core.windows.net"
        assert str(parsed.child("calendar.csv")) == "abfss://raw@lake.dfs.core.windows.net/m5/2016/calendar.csv"
        assert parse_address(str(parsed)) == parsed

    @pytest.mark.parametrize(
        "text",
        ["abfss://raw/m5", "https://lake.blob.core.windows.net/raw", "abfss://raw@lake.blob.core.windows.net/m5",
         "abfss://RAW@lake.dfs.core.windows.net/", "abfss://raw@lake.dfs.core.windows.net/m5/../other"],
    )  # fmt: skip
    def test_refused(self, text: str) -> None:
        with pytest.raises(InputError, match="address"):
            parse_address(text)

    def test_data_dir_says_what_is_wrong(self, tmp_path: Path) -> None:
        done = demand("ingest", "--data-dir", "abfss://raw/m5", home=tmp_path)
        assert done.returncode == 2
        assert "abfss://<container>@<account>.dfs.core.windows.net" in done.stderr
        assert "Traceback" not in done.stderr


class TestLocalFiles:
    def test_folder_without_hidden_files(self, tmp_path: Path) -> None:
        for name in ("b.csv", "sub/a.csv", ".hidden", ".git/config", "sub/.a.csv.123.part"):
            random_file(tmp_path / name, 10)
        assert list(local_files(tmp_path)) == ["b.csv", "sub/a.csv"]

    def test_nothing_there(self, tmp_path: Path) -> None:
        with pytest.raises(InputError, match="no such file or folder"):
            local_files(tmp_path / "nothing")
        with pytest.raises(InputError, match="holds no file"):
            local_files(tmp_path)


def test_what_goes_up_comes_down(azurite: Azurite, container: str, tmp_path: Path) -> None:
    up = tmp_path / "up"
    contents = {name: random_file(up / name, size, seed) for seed, (name, size) in enumerate(
        {"a.csv": 3 * MEGABYTE + 17, "empty.csv": 0, "deep/er/b.csv": 10, "ümlaut und leer.csv": 5}.items()
    )}  # fmt: skip
    with azurite.client(container) as client:
        sent = upload(client, up, address(container, "m5"), block_bytes=MEGABYTE)
        listed = list_files(client, address(container, "m5"))
        fetched = download(client, address(container, "m5"), tmp_path / "down")
        again_up = upload(client, up, address(container, "m5"), block_bytes=MEGABYTE)
        again_down = download(client, address(container, "m5"), tmp_path / "down")
    assert sum(done.moved for done in sent) == sum(map(len, contents.values()))
    assert {f.name: (f.size, f.md5) for f in listed} == {
        name: (len(content), hashlib.md5(content).hexdigest()) for name, content in contents.items()
    }
    assert {d.path.relative_to(tmp_path / "down").as_posix(): d.path.read_bytes() for d in fetched} == contents
    assert all(done.checked for done in fetched)
    assert all(done.unchanged and done.moved == 0 for done in again_up + again_down)
    assert not list((tmp_path / "down").rglob("*.part"))


def test_a_folder_is_not_a_prefix(azurite: Azurite, container: str, tmp_path: Path) -> None:
    random_file(tmp_path / "x.csv", 3)
    with azurite.client(container) as client:
        upload(client, tmp_path / "x.csv", address(container, "m5"))
        upload(client, tmp_path / "x.csv", address(container, "m5-old"))
        # what an account with a hierarchical namespace lists besides files
        client.upload_blob("m5/sub", b"", metadata={"hdi_isfolder": "true"})
        assert [file.name for file in list_files(client, address(container, "m5"))] == ["x.csv"]
        with pytest.raises(LakeError, match="nothing in the lake"):
            list_files(client, address(container, "m"))


class TestResume:
    def test_upload_goes_on_with_the_blocks_that_are_there(
        self, azurite: Azurite, container: str, tmp_path: Path
    ) -> None:
        content = random_file(tmp_path / "sales.csv", 12 * MEGABYTE)
        told = []

        def break_off(count: int) -> None:
            told.append(count)
            if len(told) == 5:
                raise BrokenOffError

        with azurite.client(container) as client:
            with pytest.raises(BrokenOffError):
                upload(client, tmp_path, address(container), block_bytes=MEGABYTE, on_bytes=break_off)
            with pytest.raises(LakeError, match="nothing in the lake"):  # not by halves
                list_files(client, address(container))
            [done] = upload(client, tmp_path, address(container), block_bytes=MEGABYTE)
            assert client.download_blob("sales.csv").readall() == content
        assert done.moved <= 7 * MEGABYTE
        assert done.size == 12 * MEGABYTE

    def test_blocks_of_another_content_are_not_taken_for_this_one(
        self, azurite: Azurite, container: str, tmp_path: Path
    ) -> None:
        def break_off(_count: int) -> None:
            raise BrokenOffError

        random_file(tmp_path / "sales.csv", 3 * MEGABYTE, seed=1)
        with azurite.client(container) as client:
            with pytest.raises(BrokenOffError):
                upload(client, tmp_path, address(container), block_bytes=MEGABYTE, on_bytes=break_off)
            other = random_file(tmp_path / "sales.csv", 3 * MEGABYTE, seed=2)
            [done] = upload(client, tmp_path, address(container), block_bytes=MEGABYTE)
            assert done.moved == 3 * MEGABYTE
            assert client.download_blob("sales.csv").readall() == other

    @pytest.mark.fault
    def test_killed_upload_goes_on(self, azurite: Azurite, container: str, tmp_path: Path) -> None:
        """The command itself, killed while blocks arrive; repeated, it sends the rest only."""
        size = 96 * MEGABYTE
        content = random_file(tmp_path / "sales.csv", size)
        environment = {
            **os.environ, **azurite.environment(), "DEMAND_LAKE_SAS": azurite.signature(container),
        }  # fmt: skip
        command = [sys.executable, "-m", "models_ml.cli.main", "lake", "upload", str(tmp_path / "sales.csv"),
                   str(address(container))]  # fmt: skip
        with azurite.client(container) as client:
            blob = client.get_blob_client("sales.csv")
            process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            deadline = time.monotonic() + 60
            while process.poll() is None and staged_blocks(client) < 2 and time.monotonic() < deadline:
                time.sleep(0.01)
            process.send_signal(signal.SIGKILL)
            process.wait()
            before = staged_blocks(client)
            assert 2 <= before < size // (8 * MEGABYTE), f"{before} blocks: killed too early or too late"
            said = demand_ok(*command[3:], home=tmp_path, environment={k: environment[k] for k in
                             ("DEMAND_LAKE_ENDPOINT", "REQUESTS_CA_BUNDLE", "DEMAND_LAKE_SAS")})  # fmt: skip
            moved = int(said.split(" of ")[0].rsplit(" ", 1)[1].replace(",", ""))
            assert 0 < moved <= size - before * 8 * MEGABYTE  # a block under way may still arrive
            assert blob.get_blob_properties().content_settings.content_md5 == hashlib.md5(content).digest()
            assert hashlib.md5(blob.download_blob().readall()).digest() == hashlib.md5(content).digest()

    def test_download_goes_on_where_it_broke_off(self, azurite: Azurite, container: str, tmp_path: Path) -> None:
        content = random_file(tmp_path / "up" / "sales.csv", 13 * MEGABYTE)
        told = []

        def break_off(count: int) -> None:
            told.append(count)
            if len(told) == 2:
                raise BrokenOffError

        with azurite.client(container) as client:
            upload(client, tmp_path / "up", address(container))
            with pytest.raises(BrokenOffError):
                download(client, address(container), tmp_path / "down", on_bytes=break_off)
            assert not (tmp_path / "down" / "sales.csv").exists()
            [done] = download(client, address(container), tmp_path / "down")
        assert done.moved == 13 * MEGABYTE - sum(told)
        assert done.path.read_bytes() == content

    def test_a_file_written_anew_meanwhile_is_fetched_anew(
        self, azurite: Azurite, container: str, tmp_path: Path
    ) -> None:
        def break_off(_count: int) -> None:
            raise BrokenOffError

        with azurite.client(container) as client:
            random_file(tmp_path / "up" / "sales.csv", 9 * MEGABYTE, seed=1)
            upload(client, tmp_path / "up", address(container))
            with pytest.raises(BrokenOffError):
                download(client, address(container), tmp_path / "down", on_bytes=break_off)
            other = random_file(tmp_path / "up" / "sales.csv", 9 * MEGABYTE, seed=2)
            upload(client, tmp_path / "up", address(container))
            [done] = download(client, address(container), tmp_path / "down")
        assert done.moved == 9 * MEGABYTE
        assert done.path.read_bytes() == other
        assert [path.name for path in (tmp_path / "down").iterdir()] == ["sales.csv"]


def staged_blocks(client: ContainerClient) -> int:
    from azure.core.exceptions import ResourceNotFoundError

    try:
        return len(client.get_blob_client("sales.csv").get_block_list("uncommitted")[1])
    except ResourceNotFoundError:
        return 0


class TestChecksum:
    def test_other_content_than_the_lake_states_is_refused(
        self, azurite: Azurite, container: str, tmp_path: Path
    ) -> None:
        (tmp_path / "sales.csv").write_bytes(b"before")
        with azurite.client(container) as client:
            wrong = ContentSettings(content_md5=bytearray(hashlib.md5(b"other").digest()))
            client.upload_blob("sales.csv", b"content").set_http_headers(wrong)
            with pytest.raises(LakeError, match="another checksum"):
                download(client, address(container), tmp_path)
        assert (tmp_path / "sales.csv").read_bytes() == b"before"
        assert [path.name for path in tmp_path.iterdir()] == ["sales.csv"]

    def test_a_part_file_that_was_damaged_is_noticed(self, azurite: Azurite, container: str, tmp_path: Path) -> None:
        def break_off(_count: int) -> None:
            raise BrokenOffError

        content = random_file(tmp_path / "up" / "sales.csv", 9 * MEGABYTE)
        with azurite.client(container) as client:
            upload(client, tmp_path / "up", address(container))
            with pytest.raises(BrokenOffError):
                download(client, address(container), tmp_path / "down", on_bytes=break_off)
            [part] = (tmp_path / "down").glob(".*.part")
            with part.open("r+b") as file:
                file.write(bytes([content[0] ^ 1]))
            with pytest.raises(LakeError, match="another checksum"):
                download(client, address(container), tmp_path / "down")
            [done] = download(client, address(container), tmp_path / "down")
        assert done.path.read_bytes() == content

    def test_a_file_without_a_checksum_is_told_of(self, azurite: Azurite, container: str, tmp_path: Path) -> None:
        with azurite.client(container) as client:
            blob = client.upload_blob("sales.csv", b"content")
            blob.set_http_headers(ContentSettings(content_type="text/csv"))
            [done] = download(client, address(container), tmp_path)
        assert not done.checked
        assert done.path.read_bytes() == b"content"


class TestCredentials:
    def test_signature_that_expires_midway(self, azurite: Azurite, container: str, tmp_path: Path) -> None:
        """What was sent before it expired is kept; a fresh one sends the rest."""
        content = random_file(tmp_path / "sales.csv", 12 * MEGABYTE)
        expires = time.time() + 4
        told = []

        def wait(count: int) -> None:
            told.append(count)
            if len(told) == 1:
                time.sleep(max(0.0, expires - time.time()) + 1.5)  # a signature expires with a whole second

        with (
            azurite.client(container, sas=azurite.signature(container, seconds=4)) as client,
            pytest.raises(LakeError, match=r"has expired.*DEMAND_LAKE_SAS"),
        ):
            upload(client, tmp_path, address(container), block_bytes=MEGABYTE, on_bytes=wait)
        with azurite.client(container) as client:
            [done] = upload(client, tmp_path, address(container), block_bytes=MEGABYTE)
            assert done.moved < 12 * MEGABYTE
            assert client.download_blob("sales.csv").readall() == content

    def test_managed_identity_by_the_command(
        self, azurite: Azurite, container: str, identity: TokenServer, tmp_path: Path
    ) -> None:
        """No secret at all: DefaultAzureCredential finds the identity of the machine."""
        random_file(tmp_path / "sales.csv", 100)
        environment = {**azurite.environment(), **identity.environment()}
        where = str(address(container, "m5"))
        demand_ok("lake", "upload", str(tmp_path), where, home=tmp_path, environment=environment)
        said = demand_ok("lake", "list", where, home=tmp_path, environment=environment)
        assert "sales.csv" in said
        assert hashlib.md5((tmp_path / "sales.csv").read_bytes()).hexdigest()[:8] in said
        assert identity.given >= 2

    def test_token_that_expires_is_renewed(
        self, azurite: Azurite, container: str, identity: TokenServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Tokens shorter than the transfer: the client asks for new ones, and no request is refused."""
        for name, value in identity.environment().items():
            monkeypatch.setenv(name, value)
        identity.lifetime = 2
        content = random_file(tmp_path / "sales.csv", 6 * MEGABYTE)
        from azure.identity import DefaultAzureCredential

        with (
            DefaultAzureCredential() as credential,
            azurite.client(container, credential=credential) as client,
        ):
            upload(client, tmp_path, address(container), block_bytes=2 * MEGABYTE, on_bytes=lambda _: time.sleep(1.2))
            assert client.download_blob("sales.csv").readall() == content
        assert identity.given >= 2

    def test_expired_token_is_named(
        self, azurite: Azurite, container: str, identity: TokenServer, tmp_path: Path
    ) -> None:
        """Nobody gives a new one: one sentence says so, and exit code 1."""
        identity.lifetime = -60
        environment = {**azurite.environment(), **identity.environment()}
        done = demand("lake", "list", str(address(container)), home=tmp_path, environment=environment)
        assert done.returncode == 1
        assert "expired" in done.stderr
        assert "az login" in done.stderr
        assert "Traceback" not in done.stderr

    def test_signature_without_the_right_to_write(self, azurite: Azurite, container: str, tmp_path: Path) -> None:
        random_file(tmp_path / "sales.csv", 3)
        with (
            azurite.client(container, sas=azurite.signature(container, permission="rl")) as client,
            pytest.raises(LakeError, match="Storage Blob Data Contributor"),
        ):
            upload(client, tmp_path, address(container))

    def test_no_such_container(self, azurite: Azurite, container: str, tmp_path: Path) -> None:
        random_file(tmp_path / "sales.csv", 3)
        missing = f"{container}x"
        with azurite.client(missing) as client, pytest.raises(LakeError, match="no such container"):
            upload(client, tmp_path, address(missing))


def test_ingest_reads_from_the_lake(azurite: Azurite, container: str, tmp_path: Path) -> None:
    """The same raw tables as from a folder, by address alone; what the lake dropped is not read."""
    raw, where = tmp_path / "raw", address(container, "m5")
    simulate(raw, stores=1, items=4, days=200, seed=1)
    with azurite.client(container) as client:
        upload(client, raw, where)
        near = Settings(home=tmp_path / "near", data_dir=raw)
        environment = {**azurite.environment(), "DEMAND_LAKE_SAS": azurite.signature(container)}
        demand_ok("ingest", home=tmp_path / "far", environment={**environment, "DEMAND_DATA_DIR": str(where)})
        far = Settings(
            home=tmp_path / "far", data_dir=where, lake_endpoint=azurite.endpoint,
            lake_sas=SecretStr(azurite.signature(container)),
        )  # fmt: skip
        expected, again = ingest_raw(near), ingest_raw(far)
        assert again.unchanged
        assert again.fingerprint == expected.fingerprint
        assert again.series == expected.series == 4
        client.delete_blob("m5/calendar.csv")
        with pytest.raises(InputError, match=r"calendar\.csv is missing"):
            ingest_raw(far)
