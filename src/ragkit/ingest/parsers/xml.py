"""XML: its text, an element a line, without its tags."""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from html.entities import html5
from xml.etree import ElementTree

from ragkit.errors import ParseFailed
from ragkit.ingest.parsers.builder import TextBuilder, one_line
from ragkit.ingest.parsers.encoding import decode
from ragkit.parsed import Parsed
from ragkit.protocols import Source

__all__ = ["Xml"]

_NESTED_ENTITY = re.compile(r"<!ENTITY[^>]*[\"'][^\"'>]*&(?!#)")
"""An entity made of entities, the start of every entity bomb; external ones are never fetched."""
_DECLARED = re.compile(rb"<!ENTITY\s+(?:%\s+)?([\w.-]+)")
_ENTITY = re.compile(rb"&(?!(?:amp|lt|gt|quot|apos);)([A-Za-z][A-Za-z0-9]{1,30});")
_ENCODING = re.compile(rb"^\W*<\?xml[^>]*?encoding\s*=\s*[\"']([\w.-]+)")
_OFTEN_WRONG = (b"utf-16", b"utf-16le", b"utf-16be", b"utf-8", b"utf8", b"ascii", b"us-ascii")
_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>")
_TITLES = frozenset({"title", "heading", "head", "invention-title", "article-title"})
_MIXED_LIMIT = 8
"""An element with text and at most this many elements in it is one paragraph."""
_INLINE = frozenset("a abbr b bold br code em emphasis i italic link q s span strong sub sup tt u xref ref".split())


class Xml:
    """Element names say what a value is where it stands alone: `price: 12.50`. Feeds and articles read as text."""

    name = "xml/2"
    extensions = frozenset({".xml", ".rss", ".atom", ".xsd", ".wsdl", ".dita", ".dbk"})

    def parse(self, source: Source) -> Parsed:
        # NUL bytes: in ASCII characters of UTF-16. What is declared further in is held down by the parser itself.
        head = source.data[:100_000].replace(b"\0", b"").decode("ascii", errors="replace")
        if _NESTED_ENTITY.search(head):
            raise ParseFailed(
                f"{source.name!r} declares XML entities made of entities, which are not safe to read.",
                hint="Expand them first, for example with `xmllint --noent --nonet`.",
            )
        data = _known_entities(_as_utf_8(source))
        builder = TextBuilder()
        try:
            for block in _blocks(data):
                builder.lines(block)
        except ElementTree.ParseError as error:
            raise ParseFailed(f"{source.name!r} is not well-formed XML: {error}.") from error
        return builder.parsed(title=_title(data), media_type="application/xml")


def _as_utf_8(source: Source) -> bytes:
    """Without a declared encoding that the bytes do not have: files are converted, and keep their first line."""
    declared = _ENCODING.search(source.data[:200].replace(b"\0", b""))
    if declared is None or declared.group(1).lower() not in _OFTEN_WRONG:
        return source.data
    text = decode(source.data, name=source.name, encoding=source.options.get("encoding"))
    return _DECLARATION.sub("", text, count=1).encode()


def _known_entities(data: bytes) -> bytes:
    """The entities of HTML as numbers, and others that only a DTD elsewhere declares as their names."""
    declared = set(_DECLARED.findall(data[:100_000]))

    def replaced(entity: re.Match[bytes]) -> bytes:
        name = entity.group(1)
        if name in declared:
            return entity.group()
        characters = html5.get(name.decode("ascii") + ";")
        return "".join(f"&#{ord(one)};" for one in characters).encode() if characters else name

    return _ENTITY.sub(replaced, data)


def _blocks(data: bytes) -> Iterator[str]:
    """Runs of short values stay together; each element with text of its own is a paragraph."""
    together: list[str] = []
    root = ElementTree.parse(io.BytesIO(data)).getroot()  # noqa: S314  # see _NESTED_ENTITY
    waiting = [root]
    while waiting:
        element = waiting.pop()
        children = list(element)
        if not _is_text(element, children):
            if together:
                yield "\n".join(together)
                together = []
            waiting.extend(reversed(children))
            continue
        text = one_line("".join(element.itertext()))
        if len(text) > 200 or children:
            yield "\n".join([*together, text])
            together = []
        elif text:
            together.append(f"{_local(element)}: {text}")
    yield "\n".join(together)


def _is_text(element: ElementTree.Element, children: list[ElementTree.Element]) -> bool:
    """Whether the element holds text, rather than other elements that do."""
    if not children:
        return True
    own = (element.text or "") + "".join(child.tail or "" for child in children)
    return bool(own.strip()) and (len(children) <= _MIXED_LIMIT or all(_local(child) in _INLINE for child in children))


def _local(element: ElementTree.Element) -> str:
    # A comment or a processing instruction has a function for a tag; the parser leaves both out.
    return str(element.tag).rsplit("}", 1)[-1]


def _title(data: bytes) -> str:
    for _, element in ElementTree.iterparse(io.BytesIO(data)):  # noqa: S314  # see _NESTED_ENTITY
        if _local(element) in _TITLES and (text := one_line("".join(element.itertext()))):
            return text[:200]
    return ""
