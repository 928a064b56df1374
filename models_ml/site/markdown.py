"""The repository's Markdown as pages whose links lead to each other."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.anchors import anchors_plugin

from models_ml.site.page import page


def slug(title: str) -> str:
    """A heading's anchor, as GitHub makes it."""
    return re.sub(r"[^\w\- ]", "", title.strip().lower()).replace(" ", "-")


class MarkdownPages:
    """Some documents of a folder.

    A link to another of them becomes a link to its page; images and `copied` files come along; a link to any other
    file keeps its words alone, as there is nothing to lead to.
    """

    def __init__(self, root: Path, documents: Sequence[str], copied: Sequence[str]) -> None:
        self.root = root
        self.pages = {name: PurePosixPath(name.lower()).with_suffix(".html").as_posix() for name in documents}
        self.files = {name: f"files/{PurePosixPath(name).name}" for name in copied}
        self.markdown = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
        self.markdown.use(anchors_plugin, max_level=4, slug_func=slug)

    def write(self, site: Path) -> None:
        """Write every page, and the files that they show."""
        for name, target in self.pages.items():
            tokens = self.markdown.parse((self.root / name).read_text(encoding="utf-8"))
            self._relink(tokens, name, target)
            body = self.markdown.renderer.render(tokens, self.markdown.options, {})
            body = body.replace("<table>", '<div class="wide"><table>').replace("</table>", "</table></div>")
            title = re.search(r"<h1[^>]*>(.*?)</h1>", body, re.DOTALL)
            path = site / target
            path.parent.mkdir(parents=True, exist_ok=True)
            heading = re.sub("<[^>]+>", "", title[1]) if title else name
            path.write_text(page(heading, body, up=relative("index.html", target)), encoding="utf-8")
        for name, target in self.files.items():
            (site / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self.root / name, site / target)

    def _relink(self, tokens: Sequence[Token], name: str, target: str) -> None:
        dead: list[bool] = []
        for token in tokens:
            if token.children:
                self._relink(token.children, name, target)
            if token.type == "image":
                token.attrSet("src", self._image(str(token.attrGet("src")), name, target))
            elif token.type == "link_open":
                href = self._link(str(token.attrGet("href")), name, target)
                dead.append(href is None)
                if href is None:
                    token.tag, token.attrs = "span", {}
                else:
                    token.attrSet("href", href)
            elif token.type == "link_close" and dead.pop():
                token.tag = "span"

    def _image(self, source: str, name: str, target: str) -> str:
        if urlsplit(source).scheme:
            return source
        known = beside(name, source)
        self.files[known] = f"files/{PurePosixPath(known).name}"
        return relative(self.files[known], target)

    def _link(self, href: str, name: str, target: str) -> str | None:
        parts = urlsplit(href)
        if parts.scheme or not parts.path:
            return href
        known = beside(name, parts.path)
        place = self.pages.get(known) or self.files.get(known)
        if place is None:
            return None
        return relative(place, target) + (f"#{parts.fragment}" if parts.fragment else "")


def beside(name: str, path: str) -> str:
    """A path that a document names, from the root."""
    return os.path.normpath(PurePosixPath(name).parent / path)


def relative(place: str, page_path: str) -> str:
    """The way from a page to a place, both from the site's root."""
    return os.path.relpath(place, PurePosixPath(page_path).parent)
