"""Word, PowerPoint, Excel, OpenDocument, rich text and e-books."""

from __future__ import annotations

import io
import zipfile
from datetime import date

import pytest

from ragkit.errors import ParseFailed
from ragkit.ingest.parsers import parse
from ragkit.parsed import Parsed
from ragkit.protocols import Source
from tests.documents import FACT, docx, docx_with_table, pandoc, pptx, xls, xlsx


def read(name: str, data: bytes, **options: str) -> Parsed:
    return parse(Source(name=name, data=data, options=options))


def outline(parsed: Parsed) -> list[tuple[int, str]]:
    return [(heading.level, heading.title) for heading in parsed.headings]


def changed(package: bytes, member: str, old: str, new: str) -> bytes:
    """The package with a replacement in one of its files, which is added where it is missing."""
    written = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(package)) as source, zipfile.ZipFile(written, "w") as target:
        for info in source.infolist():
            body = source.read(info)
            target.writestr(info, body.replace(old.encode(), new.encode()) if info.filename == member else body)
        if member not in source.namelist():
            target.writestr(member, new)
    return written.getvalue()


def test_word_keeps_headings_lists_and_tables() -> None:
    parsed = read("a.docx", docx("Heading 1: Leave", "27 days a year.", "Heading 2: Parents", "List Bullet: full pay"))
    assert outline(parsed) == [(1, "Leave"), (2, "Parents")]
    assert parsed.text == "# Leave\n\n27 days a year.\n\n## Parents\n\n- full pay"
    assert read("t.docx", docx_with_table([["Plan", "Price"], ["A", "10"]])).text == "| Plan | Price |\n| A | 10 |"


def test_word_formulas_and_text_boxes_are_not_lost() -> None:
    formula = "<m:oMath xmlns:m='x'><m:r><m:t>E=m</m:t></m:r><m:sup><m:r><m:t>2</m:t></m:r></m:sup></m:oMath></w:p>"
    package = changed(docx("Energy is "), "word/document.xml", "</w:p>", formula)
    assert "Energy is E=m^2" in read("a.docx", package).text
    box = "<w:r><w:pict><w:txbxContent><w:p><w:r><w:t>In a box</w:t></w:r></w:p></w:txbxContent></w:pict></w:r></w:p>"
    assert "In a box" in read("a.docx", changed(docx("Outside."), "word/document.xml", "</w:p>", box)).text


def test_footnotes_are_read() -> None:
    note = "<w:footnotes><w:footnote><w:p><w:r><w:t>Net of tax.</w:t></w:r></w:p></w:footnote></w:footnotes>"
    assert "Net of tax." in read("a.docx", changed(docx("Ten."), "word/footnotes.xml", "", note)).text


def test_comments_are_read() -> None:
    import docx as library

    document = library.Document()
    paragraph = document.add_paragraph("The port is open.")
    document.add_comment(paragraph.runs, text=FACT, author="Ada")
    written = io.BytesIO()
    document.save(written)
    assert f"Comment: {FACT}" in read("a.docx", written.getvalue()).text


def test_a_bold_line_of_its_own_is_a_heading() -> None:
    import docx as library

    document = library.Document()
    document.add_paragraph().add_run("Key figures").bold = True
    document.add_paragraph("Revenue reached 38.7 million.")
    written = io.BytesIO()
    document.save(written)
    assert outline(read("a.docx", written.getvalue())) == [(1, "Key figures")]


def test_slides_are_pages_with_titles_and_notes() -> None:
    parsed = read("a.pptx", pptx(("Plan", "Ship in May", "Do not tell"), ("Price", "10 euros", "")))
    assert [page.number for page in parsed.pages] == [1, 2]
    assert outline(parsed) == [(1, "Plan"), (1, "Price")]
    first, second = (parsed.text[page.start : page.end] for page in parsed.pages)
    assert first.index("Plan") < first.index("Ship in May") < first.index("Notes: Do not tell")
    assert "10 euros" in second


def test_a_chart_on_a_slide_is_a_table_of_its_numbers() -> None:
    import pptx as library
    from pptx.chart.data import CategoryChartData
    from pptx.enum.chart import XL_CHART_TYPE

    deck = library.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = "Sales"
    data = CategoryChartData()
    data.categories = ["North", "South"]
    data.add_series("2025", (38.7, 12))
    slide.shapes.add_chart(XL_CHART_TYPE.COLUMN_CLUSTERED, 0, 0, 4_000_000, 3_000_000, data)
    written = io.BytesIO()
    deck.save(written)
    assert "|  | 2025 |\n| North | 38.7 |\n| South | 12 |" in read("a.pptx", written.getvalue()).text


def test_sheets_are_headings_and_values_are_written_as_they_are_shown() -> None:
    rows = [
        ["Price list", None, None],
        ["Article", "From", "Price"],
        ["KV-1", date(2026, 2, 1), 98.0],
        ["KV-2", True, 1.5],
    ]
    parsed = read("a.xlsx", xlsx(Hardware=rows, Empty=[], Plans=[["Plan", "Users"], ["Basic", 3]]))
    assert outline(parsed) == [(1, "Hardware"), (1, "Plans")]
    assert parsed.text == (
        "# Hardware\n\nPrice list\n\n| Article | From | Price |\n| KV-1 | 2026-02-01 | 98 |\n| KV-2 | TRUE | 1.5 |\n\n"
        "# Plans\n\n| Plan | Users |\n| Basic | 3 |"
    )


def test_merged_cells_percentages_and_formulas() -> None:
    import openpyxl

    workbook = openpyxl.Workbook()
    sheet = workbook.active
    for row in (["Region", "Share"], ["North", 0.25], [None, 0.5], ["All", "=SUM(B2:B3)"]):
        sheet.append(row)
    sheet.merge_cells("A2:A3")
    sheet["B2"].number_format = "0%"
    written = io.BytesIO()
    workbook.save(written)
    text = read("a.xlsx", written.getvalue()).text
    assert "| North | 25% |\n| North | 0.5 |\n| All | =SUM(B2:B3) |" in text


def test_a_large_sheet_is_streamed_and_cut_with_a_warning() -> None:
    row = '<row r="{0}"><c r="A{0}"><v>{0}</v></c><c r="B{0}"><v>1.50</v></c></row>'
    rows = row.format(2) + row.format(200_001)
    book = changed(xlsx(Numbers=[["a", "b"]]), "xl/worksheets/sheet1.xml", "</sheetData>", f"{rows}</sheetData>")
    padding = f"<!--{' ' * 999}-->" * 31_000
    book = changed(book, "xl/worksheets/sheet1.xml", "</worksheet>", f"{padding}</worksheet>")
    parsed = read("a.xlsx", book, max_ratio="2000")
    assert parsed.text == "# Numbers\n\n| a | b |\n| 2 | 1.5 |"
    assert parsed.warnings == ("sheet 'Numbers' has more than 200000 rows; the rest was left out",)


def test_old_workbooks_are_read() -> None:
    parsed = read("a.xls", xls([["Article", "Price"], ["KV-1", "98 euros"]]))
    assert outline(parsed) == [(1, "Prices")]
    assert "| KV-1 | 98 euros |" in parsed.text


@pytest.mark.parametrize("extension", ["odt", "epub", "rtf"])
def test_open_formats_keep_headings_lists_and_tables(extension: str) -> None:
    source = "# Leave\n\n27 days a year.\n\n## Parents\n\n- full pay\n\n| Plan | Price |\n|----|----|\n| A | 10 |\n"
    parsed = read(f"a.{extension}", pandoc(source, extension))
    assert [title for _, title in outline(parsed)][-2:] == ["Leave", "Parents"]
    assert "27 days a year." in parsed.text
    assert "- full pay" in parsed.text
    assert "| Plan | Price |\n| A | 10 |" in parsed.text


def test_properties_become_metadata() -> None:
    import docx as library

    document = library.Document()
    document.add_paragraph("Words.")
    document.core_properties.author, document.core_properties.title = "Ada & Bo", "The port"
    written = io.BytesIO()
    document.save(written)
    parsed = read("a.docx", written.getvalue())
    assert (parsed.title, parsed.metadata["author"]) == ("The port", "Ada & Bo")


def test_an_encrypted_workbook_asks_for_its_password_and_opens_with_it() -> None:
    from msoffcrypto.format.ooxml import OOXMLFile

    locked = io.BytesIO()
    OOXMLFile(io.BytesIO(xlsx(Plans=[["Plan", "Price"], ["A", 10]]))).encrypt("geheim", locked)
    data = locked.getvalue()
    with pytest.raises(ParseFailed, match="is encrypted: it needs a password"):
        read("a.xlsx", data)
    with pytest.raises(ParseFailed, match="does not open it"):
        read("a.xlsx", data, password="wrong")
    assert "| A | 10 |" in read("a.xlsx", data, password="geheim").text


def test_a_package_with_xml_entities_is_refused() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><w:document'
    with pytest.raises(ParseFailed, match="declares XML entities"):
        read("a.docx", changed(docx("x"), "word/document.xml", "<w:document", bomb))


def test_a_renamed_text_is_not_a_word_file() -> None:
    with pytest.raises(ParseFailed, match="damaged"):
        read("a.docx", b"just words")
