"""Markdown: the text without its marks, code blocks and headings kept.

A light scan instead of a full CommonMark parser, which is ten times slower and says nothing more about what a passage
means. Fenced code is left alone; links become their text, and keep an absolute address in parentheses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ragkit.ingest.parsers.builder import TextBuilder, normalise, one_line
from ragkit.ingest.parsers.encoding import decode
from ragkit.ingest.parsers.metadata import described
from ragkit.parsed import Heading, Parsed
from ragkit.protocols import Source

__all__ = ["Markdown", "write_markdown"]

_FRONT_MATTER = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FENCE = re.compile(
    r"^([ \t]*(?:[-*+] |\d+\. )?[ \t]*)(`{3,}|~{3,})([^\n`]*)\n(.*?)(?:^[ \t]*\2[`~]*[ \t]*$|\Z)",
    re.DOTALL | re.MULTILINE,
)
_HTML_TABLE = re.compile(r"<table\b.*?</table>", re.DOTALL | re.IGNORECASE)
_TABLE = re.compile(
    r"^[ \t]*\|?[^\n|]*\|[^\n]*\n[ \t]*\|?[ \t]*:?-+:?[ \t]*(?:\|[ \t]*:?-+:?[ \t]*)*\|?[ \t]*(?:\n[^\n|]*\|[^\n]*)*",
    re.MULTILINE,
)
_CELL_EDGE = re.compile(r"(?<!\\)\|")
_SETEXT = re.compile(r"^([^\s#>|\-*][^\n]{0,200})\n(=+|-{2,})[ \t]*$", re.MULTILINE)
_HEADING = re.compile(r"^(#{1,6})[ \t]+(.+?)[ \t]*#*[ \t]*$", re.MULTILINE)
_NOISE = re.compile(
    r"""
      <!--.*?-->
    | ^[ ]{0,3}(?:[-*_][ \t]*){3,}$                          # a thematic break
    | ^[ ]{0,3}\[[^\]\n]+\]:[ \t]*\S+[^\n]*$                 # where a reference link leads
    | ^(?:import|export)[ ][^\n]*(?:from[ ]['"][^\n]*|;)$    # MDX
    | [ \t]*\{\#[\w-]+\}(?=[ \t]*$)                          # an anchor
    """,
    re.VERBOSE | re.DOTALL | re.MULTILINE,
)
_ADMONITION = re.compile(r"^[ \t]*:{3,}(?:[ \t]*(\w+)(?:\[([^\]\n]*)\]|[ \t]+([^\n]*))?)?[ \t]*$", re.MULTILINE)
_QUOTE = re.compile(r"^[ ]{0,3}(?:>[ ]?)+(?:\[!(\w+)\])?", re.MULTILINE)
_BULLET = re.compile(r"^([ \t]*)[*+](?=[ \t]+\S)", re.MULTILINE)
_TASK = re.compile(r"^([ \t]*- )\[[ xX]\] ", re.MULTILINE)
_INLINE = re.compile(
    r"""
      (?P<tick>`{1,3})(?P<code>[^\n]+?)(?P=tick)
    | !\[(?P<alt>[^\]\n]*)\](?:\([^)\n]*\)|\[[^\]\n]*\])
    | \[(?P<text>(?:[^\[\]\n]|\[[^\[\]\n]*\]|!\[[^\]\n]*\]\([^)\n]*\))+)\]
      (?:\((?P<url><[^>\n]*>|[^()\s]*(?:\([^()\s]*\)[^()\s]*)*)(?:[ \t]+["'(][^\n]*?["')])?\)|\[[^\]\n]*\])
    | <(?P<auto>(?:https?|mailto):[^>\s]+)>
    | </?(?:[A-Z]\w*|a|b|br|center|code|dd|details|div|dl|dt|em|figure|hr|i|img|kbd|li|ol|p|pre|s|small|source|span
      |strong|sub|summary|sup|u|ul|video)\b(?P<tag>[^<>]*)>
    | (?P<mark>\*\*\*|\*\*|__|~~)(?=\S)(?P<strong>[^\n]+?)(?<=\S)(?P=mark)(?!\w)
    | (?<![\w*\\])\*(?=[^\s*])(?P<star>[^*\n]+?)(?<=\S)\*(?![\w*])
    | (?<![\w\\])_(?=[^\s_])(?P<under>[^_\n]+?)(?<=\S)_(?!\w)
    | \\(?P<escaped>[\\`*_{}\[\]()\#+\-.!|<>~$"])
    """,
    re.VERBOSE,
)
_TITLE_KEYS = ("title", "name")
_SKIP_KEYS = frozenset({"title", "id", "slug", "sidebar_position", "sidebar_label", "layout", "hide_table_of_contents"})


class Markdown:
    """Also MDX, without its imports and components."""

    name = "markdown/2"
    extensions = frozenset({".md", ".markdown", ".mdx", ".mkd", ".qmd", ".rmd"})

    def parse(self, source: Source) -> Parsed:
        text = normalise(decode(source.data, name=source.name, encoding=source.options.get("encoding")))
        front, text = _front_matter(text)
        builder = TextBuilder()
        write_markdown(builder, text)
        title = next((front[key] for key in _TITLE_KEYS if front.get(key)), "")
        metadata = described({key: value for key, value in front.items() if key not in _SKIP_KEYS})
        return builder.parsed(title=title, media_type="text/markdown", metadata=metadata)


def write_markdown(builder: TextBuilder, text: str) -> None:
    """Write normalised Markdown without front matter."""
    position = 0
    for fence in _FENCE.finditer(text):
        _write_prose(builder, text[position : fence.start()] + fence.group(1).rstrip(" \t").removesuffix("-"))
        builder.code(_dedent(fence.group(4), len(fence.group(1))), fence.group(3).split(" ")[0].strip())
        position = fence.end()
    _write_prose(builder, text[position:])


def _front_matter(text: str) -> tuple[dict[str, str], str]:
    match = _FRONT_MATTER.match(text)
    if match is None:
        return {}, text
    import yaml

    loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        # Aliases are refused: a few of them can stand for gigabytes.
        values = None if re.search(r"(?:^|[\s\[,:])[&*]\w", match.group(1)) else yaml.load(match.group(1), loader)  # noqa: S506
    except (yaml.YAMLError, ValueError):
        values = None
    if not isinstance(values, dict):
        # Not YAML after all: keep every word of it.
        return {}, text
    return {str(key).lower(): _plain(value) for key, value in values.items()}, text[match.end() :]


def _plain(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_plain(inner)}" for key, inner in value.items())
    return ", ".join(map(_plain, value)) if isinstance(value, list) else str(value)


def _dedent(code: str, indent: int) -> str:
    return re.sub(rf"^[ \t]{{1,{indent}}}", "", code, flags=re.MULTILINE) if indent else code


def _write_prose(builder: TextBuilder, text: str) -> None:
    """Everything between two code blocks: tables apart, the rest line by line as it stands."""
    if not text.strip():
        return
    if "<table" in text.lower():
        _write_around(builder, text, _HTML_TABLE, _write_html_table, _write_blocks)
    else:
        _write_blocks(builder, text)


def _write_blocks(builder: TextBuilder, text: str) -> None:
    text = _SETEXT.sub(lambda found: f"{'#' if found.group(2)[0] == '=' else '##'} {found.group(1)}", text)
    text = _NOISE.sub("", text)
    if "|" in text:
        _write_around(builder, text, _TABLE, _write_table, _write_lines)
    else:
        _write_lines(builder, text)


def _write_around(builder: TextBuilder, text: str, pattern: re.Pattern[str], inside: Any, outside: Any) -> None:
    position = 0
    for match in pattern.finditer(text):
        outside(builder, text[position : match.start()])
        inside(builder, match.group())
        position = match.end()
    outside(builder, text[position:])


def _write_table(builder: TextBuilder, table: str) -> None:
    lines = table.strip().split("\n")
    rows = [_cells(line) for line in (lines[0], *lines[2:])]
    builder.table([[_inline(cell) for cell in row] for row in rows])


def _cells(line: str) -> list[str]:
    line = line.strip().removeprefix("|")
    line = line[:-1] if line.endswith("|") and not line.endswith("\\|") else line
    return _CELL_EDGE.split(line)


def _write_html_table(builder: TextBuilder, markup: str) -> None:
    from selectolax.lexbor import LexborHTMLParser

    from ragkit.ingest.parsers.html import write_html

    write_html(builder, LexborHTMLParser(markup))


def _write_lines(builder: TextBuilder, text: str) -> None:
    if not text.strip():
        return
    text = _ADMONITION.sub(_admonition, text)
    text = _QUOTE.sub(lambda found: found.group(1).capitalize() + ": " if found.group(1) else "", text)
    text = _inline(_TASK.sub(r"\1", _BULLET.sub(r"\1-", text)))
    block = TextBuilder()
    block.lines(text)
    plain = block.parsed(title="", media_type="").text
    if plain.strip():
        builder.verbatim(plain, _headings(plain))


def _headings(text: str) -> Iterator[Heading]:
    for match in _HEADING.finditer(text):
        yield Heading(level=len(match.group(1)), title=one_line(match.group(2)), start=match.start())


def _admonition(found: re.Match[str]) -> str:
    label = found.group(2) or found.group(3) or found.group(1)
    return f"{label[:1].upper()}{label[1:]}:" if label else ""


def _inline(text: str) -> str:
    return _INLINE.sub(_without_mark, text)


def _without_mark(found: re.Match[str]) -> str:
    groups = found.groupdict()
    if groups["code"] is not None:
        return groups["code"].strip() or groups["code"]
    if groups["text"] is not None:
        return _link(_inline(groups["text"]), groups["url"] or "")
    if groups["tag"] is not None:
        return "\n" if found.group().startswith("<br") else ""
    if groups["alt"] is not None:
        return groups["alt"]
    inner = groups["strong"] or groups["star"] or groups["under"]
    if inner is not None:
        return _inline(inner)
    return groups["auto"] or groups["escaped"] or ""


def _link(text: str, url: str) -> str:
    url = url.strip("<>")
    if not url.startswith(("http://", "https://", "mailto:")) or url.removeprefix("mailto:") in text:
        return text
    return f"{text} ({url.removeprefix('mailto:')})"
