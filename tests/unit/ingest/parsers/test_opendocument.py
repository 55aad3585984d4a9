"""OpenDocument: what stands in the text, in tables, beside them and under them."""

from __future__ import annotations

import pytest

from ragkit.errors import ParseFailed, TooLarge
from ragkit.ingest.parsers import parse
from ragkit.parsed import Parsed
from ragkit.protocols import Source
from tests.documents import archive, opendocument


def read(name: str, data: bytes, **options: str) -> Parsed:
    return parse(Source(name=name, data=data, options=options))


def cell(*paragraphs: str, columns: int = 1, rows: int = 1) -> str:
    spans = f' table:number-columns-spanned="{columns}" table:number-rows-spanned="{rows}"'
    return f"<table:table-cell{spans}>{''.join(f'<text:p>{text}</text:p>' for text in paragraphs)}</table:table-cell>"


def table(*rows: str) -> str:
    return f"<table:table>{''.join(f'<table:table-row>{row}</table:table-row>' for row in rows)}</table:table>"


def test_headings_lists_and_inline_marks() -> None:
    styles = (
        '<style:style style:name="P1" style:parent-style-name="Title"/>'
        '<text:list-style style:name="N"><text:list-level-style-number text:level="1"/></text:list-style>'
    )
    items = "".join(f"<text:list-item><text:p>{text}</text:p></text:list-item>" for text in ("one", "two"))
    inner = "<text:list><text:list-item><text:p>deep</text:p></text:list-item></text:list>"
    content = (
        '<text:p text:style-name="P1">Manual</text:p><text:h text:outline-level="2">Ports</text:h>'
        "<text:p>The <text:span>gateway</text:span><text:s/>listens<text:line-break/>on 8443.</text:p>"
        f'<text:list text:style-name="N">{items}</text:list>'
        f"<text:list><text:list-item><text:p>outer</text:p>{inner}</text:list-item></text:list>"
        "<text:tracked-changes><text:p>deleted</text:p></text:tracked-changes>"
    )
    parsed = read("a.odt", opendocument("text", content, styles))
    assert parsed.text == (
        "# Manual\n\n## Ports\n\nThe gateway listens\non 8443.\n\n1. one\n2. two\n\n- outer\n  - deep"
    )
    assert parsed.title == "Manual"


def test_merged_cells_and_what_is_in_cells() -> None:
    nested = f"<table:table-cell>{table(cell('x') + cell('y'))}</table:table-cell>"
    rows = (cell("Wide", columns=2) + cell("c"), cell("Tall", rows=2) + cell("1") + cell("2"), cell("3") + nested)
    parsed = read("a.odt", opendocument("text", table(*rows)))
    assert parsed.text == "| Wide |  | c |\n| Tall | 1 | 2 |\n| Tall | 3 | x y |"


def test_notes_comments_boxes_and_charts_are_not_lost() -> None:
    body = "<text:note-citation>1</text:note-citation><text:note-body><text:p>See 4.</text:p></text:note-body>"
    note = f"<text:note>{body}</text:note>"
    comment = "<office:annotation><text:p>Check this.</text:p></office:annotation>"
    box = "<draw:frame><draw:text-box><text:p>Boxed.</text:p></draw:text-box></draw:frame>"
    picture = "<draw:frame><draw:image/><svg:desc>A map of the site</svg:desc></draw:frame>"
    chart = '<draw:frame><draw:object xlink:href="./Object 1"/></draw:frame>'
    numbers = table(cell("") + cell("2025"), cell("Q1") + cell("17"))
    inner = f"<chart:chart><chart:title><text:p>Sales</text:p></chart:title>{numbers}</chart:chart>"
    data = opendocument(
        "text", f"<text:p>Text{note}{comment}{box}{picture}{chart}.</text:p>", **{"Object 1___content__xml": inner}
    )
    assert read("a.odt", data).text == (
        "Text.\n\nSee 4.\n\nComment: Check this.\n\nBoxed.\n\nA map of the site\n\nSales\n\n|  | 2025 |\n| Q1 | 17 |"
    )


def test_sheets_are_headings_and_repeated_cells_stay_small() -> None:
    empty = '<table:table-cell table:number-columns-repeated="16384"/>'
    blank = f'<table:table-row table:number-rows-repeated="1048576">{empty}</table:table-row>'
    row = f"<table:table-row>{cell('Port')}{cell('8443')}{empty}</table:table-row>"
    same = f'<table:table-row table:number-rows-repeated="2">{cell("x")}{cell("1")}</table:table-row>'
    content = f'<table:table table:name="Settings">{row}{same}{blank}{blank}</table:table>'
    assert (
        read("a.ods", opendocument("spreadsheet", content)).text
        == "# Settings\n\n| Port | 8443 |\n| x | 1 |\n| x | 1 |"
    )


def test_slides_are_pages_with_titles_and_notes() -> None:
    def frame(text: str, kind: str = "outline") -> str:
        box = f"<draw:text-box><text:p>{text}</text:p></draw:text-box>"
        return f'<draw:frame presentation:class="{kind}">{box}</draw:frame>'

    def slide(title: str, text: str) -> str:
        notes = f"<presentation:notes>{frame(f'Say {text}', 'notes')}</presentation:notes>"
        return f"<draw:page>{frame(title, 'title')}{frame(text)}{notes}</draw:page>"

    data = opendocument("presentation", slide("Plan", "first") + slide("End", "last"))
    parsed = read("a.odp", data)
    assert parsed.text == "# Plan\n\nfirst\n\nNotes: Say first\n\n# End\n\nlast\n\nNotes: Say last"
    assert [page.number for page in parsed.pages] == [1, 2]
    with pytest.raises(TooLarge, match=r"has 2 slides; the limit is 1 \(RAGKIT_MAX_PAGES\)"):
        read("a.odp", data, max_pages="1")


def test_an_encrypted_document_says_so() -> None:
    data = archive(
        mimetype="application/vnd.oasis.opendocument.text", **{"META-INF___manifest__xml": "<encryption-data/>"}
    )
    with pytest.raises(ParseFailed, match="is encrypted"):
        read("a.odt", data)
