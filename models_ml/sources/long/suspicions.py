"""All checks of plausibility in their order, and the days that are not history."""

from __future__ import annotations

from collections.abc import Iterator

from models_ml.sources.long import suspect_dates, suspect_numbers, suspect_rows
from models_ml.sources.long.findings import Finding, by_date
from models_ml.sources.long.mapping import RawTables
from models_ml.sources.long.session import Session


def findings(connection: Session, raw: RawTables, *, names_suffice: bool = True) -> Iterator[Finding]:
    """Everything suspicious in the sales that is not accepted, the most basic first.

    Totals of departments can be confirmed only where the configuration names the departments: before, an id that only
    has the name of a total is no finding (`names_suffice`).

    A finding can be the cause of later ones, so a caller settles the first and asks again.
    """
    accepted = raw.config.accept
    if by_date(connection, raw).empty:  # none of the stores asked for is there: refused elsewhere
        return
    for check in (
        suspect_numbers.numbers,
        suspect_dates.grain,
        suspect_rows.duplicates,
        suspect_dates.lonely_dates,
        suspect_rows.totals,
        suspect_rows.ids,
        suspect_rows.outliers,
        suspect_dates.level,
        suspect_dates.last_day,
    ):
        for found in check(connection, raw):
            if found.check not in accepted and (names_suffice or found.check != "totals" or found.rule):
                yield found


def refuse_suspicious(connection: Session, raw: RawTables) -> None:
    """Stop at the first finding.

    Raises:
        InputError: naming what was found, where, and how to settle it.
    """
    for found in findings(connection, raw):
        raise found.refused(connection, raw)


def settle_days(connection: Session, raw: RawTables) -> RawTables:
    """The tables without the days that are not history, and with the days on which stores were closed."""
    raw.cut = suspect_dates.cut_of(connection, raw)
    raw.closures = suspect_dates.closures(connection, raw)
    return raw
