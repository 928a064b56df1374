"""The frame of the site's own pages."""

from __future__ import annotations

from html import escape

STYLE = """
body { font: 16px/1.55 system-ui, sans-serif; max-width: 64rem; margin: 2rem auto 4rem; padding: 0 1rem; }
body { color: #1c2430; background: #fff; }
a { color: #0b5fa5; } h1, h2, h3 { line-height: 1.25; margin: 2em 0 .6em; } h1 { margin-top: .5em; }
nav { font-size: .9rem; } img { max-width: 100%; border: 1px solid #d8dee6; border-radius: 6px; }
.wide { overflow-x: auto; } table { border-collapse: collapse; margin: 1em 0; }
td, th { text-align: left; padding: .4rem .8rem .4rem 0; border-bottom: 1px solid #d8dee6; vertical-align: top; }
code { font: 14px ui-monospace, monospace; }
pre { background: #f3f5f8; padding: .8rem 1rem; overflow-x: auto; border-radius: 6px; }
@media (prefers-color-scheme: dark) {
  body { background: #14181f; color: #dfe5ee; } a { color: #7cc0ff; } pre { background: #1d232c; }
  td, th, img { border-color: #333b47; }
}
"""


def page(title: str, body: str, *, up: str | None = None, head: str = "") -> str:
    """A whole page.

    Args:
        title: of the window.
        body: HTML.
        up: where the index is from here; None on the index itself.
        head: more for the page's head.
    """
    back = f'<nav><a href="{up}">All documentation</a></nav>' if up else ""
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        f'<title>{escape(title)}</title><meta name="viewport" content="width=device-width, initial-scale=1">'
        f'<link rel="icon" href="data:,"><style>{STYLE}</style>{head}</head><body>{back}{body}</body></html>\n'
    )
