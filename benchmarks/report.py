"""Where benchmarks write what they measured: sections of Markdown pages, each with its date, machine and versions."""

from __future__ import annotations

import io
import os
import platform
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

RESULTS = Path(__file__).with_name("results.md")


def write_section(part: str, text: str, page: Path = RESULTS) -> None:
    """Replace what stands between a page's markers of `part`; the rest of the page stays.

    Raises:
        ValueError: the page has no such markers.
    """
    begin, end = f"<!-- {part}: written by its benchmark -->", f"<!-- end of {part} -->"
    old = page.read_text()
    if begin not in old or end not in old:
        raise ValueError(f"{page.name} has no section {part!r}: it needs the lines {begin} and {end}")
    fresh = page.with_suffix(".part")
    fresh.write_text(old[: old.index(begin) + len(begin)] + f"\n{text.strip()}\n" + old[old.index(end) :])
    fresh.replace(page)


class Tee(io.StringIO):
    """Text that is shown as it is kept."""

    def write(self, text: str) -> int:
        """Keep and show."""
        if sys.__stdout__ is not None:
            sys.__stdout__.write(text)
        return super().write(text)


@contextmanager
def kept(part: str, write: bool, packages: Sequence[str] = ()) -> Iterator[None]:
    """Write what the block prints as the section of `part`, as it was printed, if that is asked for."""
    printed = Tee()
    with redirect_stdout(printed):
        yield
    if write:
        write_section(part, f"```text\n{printed.getvalue().strip()}\n```\n\n{circumstances(packages)}")


def circumstances(packages: Sequence[str] = ()) -> str:
    """One line: when, on what machine, how busy it was, with which versions."""
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = ", ".join([f"Python {platform.python_version()}", *(f"{name} {version(name)}" for name in packages)])
    return (
        f"{datetime.now(UTC):%Y-%m-%d}; {os.cpu_count()} cores, {memory:.0f} GiB, "
        f"load {os.getloadavg()[0]:.1f} at the end; {versions}."
    )
