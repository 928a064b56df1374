"""What SQL Server refuses, or reads otherwise than the writer meant, and a parser of T-SQL lets pass.

sqlfluff's T-SQL grammar takes `stddev(x)` for a function and `true` for a column; DuckDB divides integers as numbers.
Each rule is a pattern on the statement's code (strings emptied, comments gone) and says what to write instead.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator

_FUNCTIONS = {
    "stddev": "stdev", "stddev_samp": "stdev", "stddev_pop": "stdevp", "variance": "var", "var_samp": "var",
    "var_pop": "varp", "bool_or": "max of 0 and 1", "bool_and": "min of 0 and 1", "any_value": "min or max",
    "median": "percentile_cont ... over", "arg_max": "row_number", "max_by": "row_number", "min_by": "row_number",
    "count_if": "sum(case ...)", "countif": "sum(case ...)", "date_trunc": "a macro", "date_diff": "datediff",
    "extract": "datepart", "strftime": "format", "to_date": "cast", "now": "sysutcdatetime()", "length": "len",
    "substr": "substring", "ifnull": "coalesce", "nvl": "coalesce", "split_part": "a macro", "unnest": "a join",
    "list": "string_agg", "array_agg": "string_agg", "random": "rand", "pow": "power", "ceil": "ceiling",
    "trunc": "round(x, 0, 1)", "mod": "%",
}  # fmt: skip

RULES: dict[str, tuple[str, str]] = {
    "function": (rf"\b({'|'.join(_FUNCTIONS)})\s*\(", "that function is not in T-SQL"),
    "boolean literal": (r"\b(true|false)\b", "0 or 1: there are no boolean values"),
    "boolean type": (r"\bas\s+bool(ean)?\b", "bit, or integer"),
    "sum of a comparison": (
        r"\b(sum|avg|max|min)\s*\((?!\s*case\b)[^()]*(=|<|>|\bis\s+(not\s+)?null\b)[^()]*\)",
        "case when ... then 1 else 0 end",
    ),
    "comparison as a value": (
        r"(\bselect|,)\s+[\w.\"]+\s*(<>|<=|>=|=|<|>)\s*[\w.\"]+\s+as\s+\w+",
        "case when ... then 1 else 0 end",
    ),
    "limit": (r"\blimit\s+[\d(]", "top, or offset ... fetch"),
    "double colon": (r"::", "cast(x as t)"),
    "concatenation": (r"\|\|", "concat(...)"),
    "qualify": (r"\bqualify\b", "row_number in a CTE, then where"),
    "group by all": (r"\bgroup\s+by\s+all\b", "the columns"),
    "group by position": (r"\bgroup\s+by\s+\d", "the columns"),
    "ilike": (r"\bilike\b", "like, with a collation"),
    "typed literal": (r"\b(date|time|timestamp)\s*''", "cast('...' as date)"),
    "interval": (r"\binterval\b", "dateadd"),
    "current_date": (r"\bcurrent_date\b", "cast(sysutcdatetime() as date)"),
    "filter": (r"\)\s*filter\s*\(", "sum(case when ...)"),
    "using": (r"\bjoin\b[^;()]*\busing\s*\(", "join ... on"),
    "except columns": (r"\*\s*(except|exclude|replace)\s*\(", "the columns"),
    "nulls first": (r"\bnulls\s+(first|last)\b", "order by case when x is null ..."),
    "nested with": (r"\(\s*with\s+[\w\"]+\s+as\s*\(", "one WITH with all the CTEs"),
    "recursive": (r"\bwith\s+recursive\b", "with"),
    "lateral": (r"\blateral\b", "cross apply"),
    "double": (r"\bas\s+double\b(?!\s+precision)", "float"),
    "string": (r"\bas\s+(string|text)\b", "nvarchar(n)"),
    "unsized text": (r"\bas\s+n?varchar\b(?!\s*\()", "nvarchar(n): without a length it is cut at 30"),
    "timestamp": (r"\bas\s+timestamp\b", "datetime2(6): timestamp is a row version"),
    "integer division": (r"(?<![\w.])\d+\s*/\s*\d+(?![\w.])|\bcount\s*\([^()]*\)\s*/", "cast one side to float"),
    "division by zero": (r"/\s*(?!\s*(nullif\s*\(|[1-9]|0*\.\d|\*|/))", "/ nullif(x, 0): it stops the query"),
    "average of integers": (
        r"\bavg\s*\(\s*(count\s*\(|case\b[^()]*\b(then|else)\s+\d+\b(?!\.)|cast\s*\([^()]*\bas\s+(\w*int|integer)\s*\))",
        "cast to float: AVG of integers is an integer",
    ),
}  # fmt: skip


def findings(sql: str, integers: Collection[str] = ()) -> list[str]:
    """What is wrong with a statement: the rule, the text that it found, the remedy.

    Args:
        sql: one T-SQL statement.
        integers: names of columns that hold integers, whose averages and quotients would be cut.
    """
    code = without_text(sql)
    found = []
    for name, (pattern, remedy) in RULES.items():
        found += [f"{name}: {_near(code, match)} (write {remedy})" for match in re.finditer(pattern, code)]
    if integers:
        column = rf"(?:\w+\.)?\"?(?:{'|'.join(map(re.escape, sorted(integers)))})\"?(?![\w\"])"
        for name, pattern in (
            ("average of integers", rf"\bavg\s*\(\s*{column}\s*\)"),
            ("integer division", rf"(?<![\w.]){column}\s*/\s*(?:nullif\s*\(\s*)?(?:{column}|\d+(?![\w.]))"),
        ):
            found += [f"{name}: {_near(code, match)} (cast to float)" for match in re.finditer(pattern, code)]
    found += [f"order by: {_near(code, match)} (a view takes none without top)" for match in _loose_order_by(code)]
    found += [
        f"literal: {literal} (write N'...': its letters are not in every code page)"
        for literal in re.findall(r"(?<!N)(?<!')'(?:[^']|'')*'", _without_comments(sql))
        if not literal.isascii()
    ]
    return found


def without_text(sql: str) -> str:
    """The statement in lower case with its strings emptied and its comments gone."""
    return re.sub(r"'(?:[^']|'')*'", "''", _without_comments(sql)).lower()


def _without_comments(sql: str) -> str:
    """Comments gone, but not what looks like one inside a string."""
    return re.sub(r"('(?:[^']|'')*')|--[^\n]*|/\*.*?\*/", lambda match: match.group(1) or " ", sql, flags=re.DOTALL)


def _near(code: str, match: re.Match[str]) -> str:
    return " ".join(code[max(match.start() - 20, 0) : match.end() + 20].split())


def _loose_order_by(code: str) -> Iterator[re.Match[str]]:
    """`order by` that orders rows, not a window or an aggregate."""
    if re.search(r"\btop\s*\(?\s*\d|\bfetch\s+(first|next)\b", code):
        return
    for match in re.finditer(r"\border\s+by\b", code):
        depth = 0
        for position in range(match.start() - 1, -1, -1):
            depth += {")": 1, "(": -1}.get(code[position], 0)
            if depth < 0:
                if not re.search(r"\b(over|within\s+group)\s*$", code[:position]):
                    yield match
                break
        else:
            yield match


def statements(batch: str) -> Iterator[str]:
    """A batch, and the statements inside its `exec('...')`, each unwrapped as often as it is wrapped."""
    yield batch
    for inner in re.findall(r"\bexec\s*\(\s*N?'((?:[^']|'')*)'\s*\)", batch, flags=re.IGNORECASE):
        yield from statements(inner.replace("''", "'"))
