"""Writes OpenDocument text, EPUB and RTF without any library."""

from __future__ import annotations

import re
from pathlib import Path
from xml.sax.saxutils import escape

from corpus_build.blocks import FIXED_ISO_TIME, Block, parse_blocks, write_zip

ODT_TYPE = "application/vnd.oasis.opendocument.text"
OASIS = "urn:oasis:names:tc:opendocument:xmlns"
XML_START = '<?xml version="1.0" encoding="UTF-8"?>\n'


def write_odt(source: Path, target: Path) -> None:
    """Turn a source text into an OpenDocument text."""
    blocks = parse_blocks(source.read_text(encoding="utf-8"))
    body = "\n".join(_odt_block(number, block) for number, block in enumerate(blocks))
    content = (
        f'{XML_START}<office:document-content xmlns:office="{OASIS}:office:1.0"'
        f' xmlns:text="{OASIS}:text:1.0" xmlns:table="{OASIS}:table:1.0" office:version="1.2">'
        f"<office:body><office:text>\n{body}\n</office:text></office:body>"
        "</office:document-content>"
    )
    meta = (
        f'{XML_START}<office:document-meta xmlns:office="{OASIS}:office:1.0"'
        f' xmlns:dc="http://purl.org/dc/elements/1.1/" office:version="1.2"><office:meta>'
        f"<dc:title>{escape(blocks[0].text)}</dc:title><dc:creator>Kaldvard AS</dc:creator>"
        f"<dc:date>{FIXED_ISO_TIME}</dc:date></office:meta></office:document-meta>"
    )
    styles = (
        f'{XML_START}<office:document-styles xmlns:office="{OASIS}:office:1.0"'
        ' office:version="1.2"><office:styles/></office:document-styles>'
    )
    entry = '<manifest:file-entry manifest:full-path="{}" manifest:media-type="{}"/>'
    entries = [("/", ODT_TYPE)]
    entries += [(f"{name}.xml", "text/xml") for name in ("content", "styles", "meta")]
    manifest = (
        f'{XML_START}<manifest:manifest xmlns:manifest="{OASIS}:manifest:1.0"'
        ' manifest:version="1.2">' + "".join(entry.format(*e) for e in entries)
    ) + "</manifest:manifest>"
    members = [
        ("mimetype", ODT_TYPE.encode()),
        ("content.xml", content.encode()),
        ("styles.xml", styles.encode()),
        ("meta.xml", meta.encode()),
        ("META-INF/manifest.xml", manifest.encode()),
    ]
    write_zip(target, members, stored=("mimetype",))


def _odt_block(number: int, block: Block) -> str:
    if block.kind == "heading":
        text = escape(block.text)
        return f'<text:h text:outline-level="{block.level}">{text}</text:h>'
    if block.kind == "list":
        item = "<text:list-item><text:p>{}</text:p></text:list-item>"
        items = "".join(item.format(escape(text)) for text in block.items)
        return f"<text:list>{items}</text:list>"
    if block.kind == "table":
        cell = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'
        rows = "".join(
            "<table:table-row>" + "".join(cell.format(escape(text)) for text in row) + "</table:table-row>"
            for row in block.rows
        )
        columns = f'<table:table-column table:number-columns-repeated="{len(block.rows[0])}"/>'
        return f'<table:table table:name="Table{number}">{columns}{rows}</table:table>'
    return f"<text:p>{escape(block.text)}</text:p>"


def write_epub(source: Path, target: Path) -> None:
    """Turn a source text into an EPUB 3 book with one file per second-level heading."""
    text = source.read_text(encoding="utf-8")
    title = text.splitlines()[0].lstrip("# ")
    parts = re.split(r"\n(?=## )", text.strip())
    names = [f"part{number:02}.xhtml" for number in range(len(parts))]
    headings = [part.splitlines()[0].lstrip("# ") for part in parts]
    container = (
        f'{XML_START}<container version="1.0"'
        ' xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="OEBPS/content.opf"'
        ' media-type="application/oebps-package+xml"/></rootfiles></container>'
    )
    links = "".join(
        f'<li><a href="{name}">{escape(heading)}</a></li>' for name, heading in zip(names, headings, strict=True)
    )
    nav = _xhtml(title, f'<nav epub:type="toc"><h1>Contents</h1><ol>{links}</ol></nav>')
    members = [
        ("mimetype", b"application/epub+zip"),
        ("META-INF/container.xml", container.encode()),
        ("OEBPS/content.opf", _epub_package(title, names).encode()),
        ("OEBPS/nav.xhtml", nav.encode()),
    ]
    for name, heading, part in zip(names, headings, parts, strict=True):
        body = "\n".join(_html_block(block) for block in parse_blocks(part))
        members.append((f"OEBPS/{name}", _xhtml(heading, body).encode()))
    write_zip(target, members, stored=("mimetype",))


def _epub_package(title: str, names: list[str]) -> str:
    item = '<item id="p{}" href="{}" media-type="application/xhtml+xml"/>'
    items = "".join(item.format(number, name) for number, name in enumerate(names))
    spine = "".join(f'<itemref idref="p{number}"/>' for number in range(len(names)))
    return (
        f'{XML_START}<package xmlns="http://www.idpf.org/2007/opf" version="3.0"'
        ' unique-identifier="id"><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f'<dc:identifier id="id">kaldvard-field-installation-3</dc:identifier>'
        f"<dc:title>{escape(title)}</dc:title><dc:language>en</dc:language>"
        "<dc:creator>Kaldvard AS</dc:creator>"
        f'<meta property="dcterms:modified">{FIXED_ISO_TIME}</meta></metadata>'
        '<manifest><item id="nav" href="nav.xhtml" media-type="application/xhtml+xml"'
        f' properties="nav"/>{items}</manifest><spine>{spine}</spine></package>'
    )


def _xhtml(title: str, body: str) -> str:
    return (
        f"{XML_START}<!DOCTYPE html>\n"
        '<html xmlns="http://www.w3.org/1999/xhtml" xmlns:epub="http://www.idpf.org/2007/ops">'
        f"<head><title>{escape(title)}</title></head>\n<body>\n{body}\n</body></html>"
    )


def _html_block(block: Block) -> str:
    if block.kind == "heading":
        return f"<h{block.level}>{escape(block.text)}</h{block.level}>"
    if block.kind == "list":
        return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in block.items) + "</ul>"
    if block.kind == "table":
        rows = ("".join(f"<td>{escape(cell)}</td>" for cell in row) for row in block.rows)
        return "<table>" + "".join(f"<tr>{row}</tr>" for row in rows) + "</table>"
    return f"<p>{escape(block.text)}</p>"


def write_rtf(source: Path, target: Path) -> None:
    """Turn a source text into Rich Text Format."""
    start = r"{\rtf1\ansi\ansicpg1252\deff0{\fonttbl{\f0 Calibri;}}\f0\fs22"
    blocks = parse_blocks(source.read_text(encoding="utf-8"))
    lines = [start, *(_rtf_block(block) for block in blocks), "}"]
    target.write_text("\n".join(lines) + "\n", encoding="ascii", newline="\n")


def _rtf_block(block: Block) -> str:
    if block.kind == "heading":
        size = 36 if block.level == 1 else 28
        return rf"{{\pard\sb240\sa120\b\fs{size} {_rtf_text(block.text)}\par}}"
    if block.kind == "list":
        return "\n".join(rf"{{\pard\li360 \bullet\tab {_rtf_text(item)}\par}}" for item in block.items)
    if block.kind == "table":
        edges = "".join(rf"\cellx{2600 * (i + 1)}" for i in range(len(block.rows[0])))
        rows = (
            rf"\trowd{edges}" + "".join(rf"\pard\intbl {_rtf_text(cell)}\cell" for cell in row) + r"\row"
            for row in block.rows
        )
        return "\n".join(rows)
    return rf"{{\pard\sa120 {_rtf_text(block.text)}\par}}"


def _rtf_text(text: str) -> str:
    escaped = re.sub(r"([\\{}])", r"\\\1", text)
    return "".join(char if ord(char) < 128 else rf"\u{ord(char)}?" for char in escaped)
