"""A server under load: start it, ask it from another process, and read what its CPU spent."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.api_ways import SIZE_VARIABLE, STORE_VARIABLE

WRK_SCRIPT = """
local paths = {}
for line in io.lines(os.getenv("BENCH_PATHS")) do paths[#paths + 1] = line end
local thread_number = 0
function setup(thread)
  thread_number = thread_number + 1
  thread:set("seed", thread_number)
end
function init(args)
  math.randomseed(seed * 7919 + tonumber(os.getenv("BENCH_ROUND")))
  requests = {}
end
function request()
  return wrk.format("GET", paths[math.random(#paths)])
end
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format("RESULT %d %d %d %d %d\\n", summary.requests, summary.duration,
    latency:percentile(50), latency:percentile(99), e.connect + e.read + e.write + e.status + e.timeout))
end
"""


@dataclass(frozen=True)
class Figures:
    """One way, one round."""

    requests_per_second: float
    p50_ms: float
    p99_ms: float
    errors: int
    cpu_microseconds: float
    """CPU of the server, a request: what a machine that is busy with other things does not change."""


@contextlib.contextmanager
def serving(way: str, store: Path, body_bytes: int, workers: int) -> Iterator[tuple[int, int]]:
    """uvicorn with `workers` processes on a free port: port and process id."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        STORE_VARIABLE: str(store),
        SIZE_VARIABLE: str(body_bytes),
        "DEMAND_STORE_URL": f"sqlite:///{store}",
        "DEMAND_API_AUTH": "off",
        "DEMAND_API_PORT": str(port),
        "DEMAND_API_WORKERS": str(workers),
        "DEMAND_API_CACHE_BYTES": "0" if way == "api_uncached" else "200000000",
    }
    if way.startswith("api"):
        command = [sys.executable, "-m", "api"]
    else:
        command = [sys.executable, "-m", "uvicorn", f"benchmarks.api_ways:{way}", "--factory", "--port", str(port)]
        command += ["--workers", str(workers), "--no-access-log", "--log-level", "warning"]
        command += ["--timeout-worker-healthcheck", "60"]
    with tempfile.TemporaryFile() as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
        try:
            _await_port(port, process)
            yield port, process.pid
        except SystemExit:
            log.seek(0)
            print(log.read().decode(errors="replace")[-3000:], file=sys.stderr)
            raise
        finally:
            process.terminate()
            process.wait(30)


def _await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit("the server ended at once")
        with contextlib.suppress(OSError):
            urllib.request.urlopen(f"http://127.0.0.1:{port}/forecast?item_id=FOODS_1_00000&store_id=CA_1", timeout=5)
            return
        time.sleep(0.1)
    raise SystemExit("the server did not start within 60 s")


def cpu_seconds(process_id: int) -> float:
    """CPU used so far by a process and its children; 0 where there is no /proc."""
    ticks, parents = {}, {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = entry.read_text().rpartition(")")[2].split()
            number = int(entry.parent.name)
            parents[number] = int(fields[1])
            ticks[number] = int(fields[11]) + int(fields[12])
    family = {process_id}
    for _ in range(3):
        family |= {number for number, parent in parents.items() if parent in family}
    return sum(ticks.get(number, 0) for number in family) / os.sysconf("SC_CLK_TCK")


def load(port: int, paths: Path, seconds: float, connections: int, number: int, server: int) -> Figures:
    """Requests for random lines of `paths` from another process."""
    environment = {**os.environ, "BENCH_PATHS": str(paths), "BENCH_ROUND": str(number)}
    url = f"http://127.0.0.1:{port}"
    if shutil.which("wrk"):
        script = paths.with_suffix(".lua")
        script.write_text(WRK_SCRIPT)
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds:g}s", "--timeout", "5s", "-s", str(script), url]
    else:
        command = [sys.executable, "-m", "benchmarks.api", "--loader", str(port), str(paths), str(seconds)]
        command += ["--connections", str(connections)]
    before = cpu_seconds(server)
    output = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    found = re.search(r"RESULT (\d+) (\d+) (\d+) (\d+) (\d+)", output)
    if found is None:
        raise SystemExit(f"no figures from the load generator:\n{output}")
    requests, microseconds, p50, p99, errors = map(int, found.groups())
    cpu = (cpu_seconds(server) - before) / max(requests, 1) * 1e6
    return Figures(requests / microseconds * 1e6, p50 / 1000, p99 / 1000, errors, cpu)


async def bundled_loader(port: int, paths: Path, seconds: float, connections: int) -> None:
    """The bundled load generator, where wrk is not installed: raw HTTP/1.1 over kept-alive connections."""
    lines = paths.read_text().split()
    latencies: list[float] = []
    errors = 0
    end = time.perf_counter() + seconds

    async def client(number: int) -> None:
        nonlocal errors
        choose = random.Random(number).choice
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while (began := time.perf_counter()) < end:
            writer.write(f"GET {choose(lines)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head)
            await reader.readexactly(int(length[1]) if length else 0)
            errors += not head.startswith(b"HTTP/1.1 200")
            latencies.append(time.perf_counter() - began)
        writer.close()

    await asyncio.gather(*(client(n) for n in range(connections)))
    cuts = statistics.quantiles(latencies, n=100)
    p50, p99 = int(cuts[49] * 1e6), int(cuts[98] * 1e6)
    print(f"RESULT {len(latencies)} {int(seconds * 1e6)} {p50} {p99} {errors}")
