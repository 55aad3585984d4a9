"""HTML: the main content as readable text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ragkit.errors import ParseFailed
from ragkit.ingest.parsers.builder import TextBuilder, one_line
from ragkit.ingest.parsers.encoding import decode
from ragkit.ingest.parsers.html_text import LAYOUT, write_markup
from ragkit.ingest.parsers.metadata import described
from ragkit.parsed import Parsed
from ragkit.protocols import Source

if TYPE_CHECKING:
    from selectolax.lexbor import LexborHTMLParser, LexborNode

__all__ = ["Html", "write_html"]

_UNREAD = "script, style, noscript, template, iframe, svg, canvas, object, head"
"""What no reader sees as text."""
_FURNITURE = ", ".join(
    """
    nav button select dialog
    body>header body>footer body>div>header body>div>footer
    [role=navigation] [role=banner] [role=contentinfo] [role=search]
    .navheader .navfooter .navbar .sidebar .sphinxsidebar .breadcrumb .breadcrumbs .skip-link .headerlink
    .mw-editsection #sidebar #toc #footer .footer .site-header .site-footer .page-footer
    [role=alertdialog] [class*=cookie-banner] [class*=cookie-consent] [class*=cookie-notice] [class*=cookie-bar]
    [id*=cookie-banner] [id*=cookie-consent] [id*=cookie-notice] [id*=cookie-bar] #onetrust-consent-sdk
    #CybotCookiebotDialog
    """.split()
)
"""What a page repeats on every page; a table of contents in the flow of the text stays."""
_MAIN = "main, [role=main], article"
_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?([\w-]+)|<\?xml[^>]{0,100}?encoding=[\"']([\w-]+)", re.I)
_METADATA = {
    "author": "author", "date": "date", "description": "description", "keywords": "keywords",
    "article:published_time": "date", "article:modified_time": "modified", "article:author": "author",
    "dc.date": "date", "dc.creator": "author", "og:description": "description",
}  # fmt: skip
_LAYOUT_TABLES = "table:has(table, h1, h2, h3, h4, pre), table[role=presentation]"


class Html:
    """Headings, paragraphs, lists, tables and preformatted text; navigation, scripts and page furniture left out."""

    name = "html/2"
    extensions = frozenset({".html", ".htm", ".xhtml"})

    def parse(self, source: Source) -> Parsed:
        from selectolax.lexbor import LexborHTMLParser

        encoding = source.options.get("encoding") or _declared_encoding(source.data)
        try:
            markup = decode(source.data, name=source.name, encoding=encoding)
        except ParseFailed:
            markup = decode(source.data, name=source.name)
        tree = LexborHTMLParser(markup)
        title, metadata = _title(tree), _metadata(tree)
        builder = TextBuilder()
        write_html(builder, tree)
        return builder.parsed(title=title, media_type="text/html", metadata=metadata)


def write_html(builder: TextBuilder, tree: LexborHTMLParser) -> None:
    """Write the main content of `tree`, which loses its furniture."""
    body = tree.body
    if body is None:
        return
    for node in tree.css(_UNREAD):
        node.decompose()
    whole = body.html or ""
    for node in tree.css(_FURNITURE):
        node.decompose()
    for node in tree.css(_LAYOUT_TABLES):
        node.attrs[LAYOUT] = "1"
    write_markup(builder, _main(tree, body).html or "")
    if not len(builder):
        # A page that is all navigation by its markup is still better read than refused.
        write_markup(builder, whole)


def _main(tree: LexborHTMLParser, body: LexborNode) -> LexborNode:
    """The element that holds the content, where the page marks one and it has most of the words."""
    found = tree.css(_MAIN)
    if len(found) != 1:
        return body
    inside, outside = len(found[0].text()), len(body.text())
    return found[0] if inside * 2 > outside else body


def _declared_encoding(data: bytes) -> str | None:
    match = _CHARSET.search(data, 0, 2048)
    if match is None or data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return None
    name = (match.group(1) or match.group(2)).decode("ascii").lower()
    if name.startswith("utf-16"):
        return None
    # As browsers read it: the WHATWG encoding standard maps these labels to their Windows supersets.
    return {"iso-8859-1": "cp1252", "latin1": "cp1252", "ascii": "cp1252", "us-ascii": "cp1252",
            "gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "x-sjis": "cp932",
            "utf-8": None, "utf8": None, "iso-8859-9": "cp1254", "euc-kr": "cp949"}.get(name, name)  # fmt: skip


def _title(tree: LexborHTMLParser) -> str:
    node = tree.css_first("head title") or tree.css_first("title")
    return one_line(node.text()) if node is not None else ""


def _metadata(tree: LexborHTMLParser) -> dict[str, str]:
    kept: dict[str, str] = {}
    for node in tree.css("meta[content]"):
        attributes = node.attributes
        name = (attributes.get("name") or attributes.get("property") or "").lower()
        if name in _METADATA:
            kept.setdefault(_METADATA[name], attributes.get("content") or "")
    root = tree.root
    language = (root.attributes.get("lang") if root is not None else None) or ""
    return described(kept, language=language)
