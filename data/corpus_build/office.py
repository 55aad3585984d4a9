"""Writes Word, PowerPoint and Excel documents."""

from __future__ import annotations

import csv
from io import BytesIO
from pathlib import Path

import docx
import openpyxl
import pptx
from openpyxl.styles import Font
from pptx.util import Inches, Pt

from corpus_build.blocks import Block, parse_blocks, write_office_zip


def write_docx(source: Path, target: Path, footer: str) -> None:
    """Turn a source text into a Word document with a page header and footer."""
    document = docx.Document()
    blocks = parse_blocks(source.read_text(encoding="utf-8"))
    title = blocks[0].text
    document.core_properties.title = title
    document.core_properties.author = "Kaldvard AS"
    document.core_properties.comments = ""
    section = document.sections[0]
    section.header.paragraphs[0].text = "Kaldvard"
    section.footer.paragraphs[0].text = footer
    for block in blocks:
        if block.kind == "heading":
            document.add_heading(block.text, block.level)
        elif block.kind == "list":
            for item in block.items:
                document.add_paragraph(item, style="List Bullet")
        elif block.kind == "table":
            _add_docx_table(document, block)
        else:
            document.add_paragraph(block.text)
    package = BytesIO()
    document.save(package)
    write_office_zip(target, package)


def _add_docx_table(document: docx.document.Document, block: Block) -> None:
    table = document.add_table(rows=0, cols=len(block.rows[0]), style="Table Grid")
    for row in block.rows:
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text


def write_pptx(source: Path, target: Path) -> None:
    """Turn a source text, divided by lines of three hyphens, into slides with speaker notes."""
    presentation = pptx.Presentation()
    presentation.core_properties.author = "Kaldvard AS"
    presentation.core_properties.title = "Product roadmap 2026"
    for number, part in enumerate(source.read_text(encoding="utf-8").split("\n---\n")):
        _add_slide(presentation, parse_blocks(part), first=number == 0)
    package = BytesIO()
    presentation.save(package)
    write_office_zip(target, package)


def _add_slide(presentation: pptx.presentation.Presentation, blocks: list[Block], first: bool) -> None:
    has_table = any(block.kind == "table" for block in blocks)
    layout = 0 if first else (5 if has_table else 1)
    slide = presentation.slides.add_slide(presentation.slide_layouts[layout])
    slide.shapes.title.text = blocks[0].text
    for block in blocks[1:]:
        if block.kind == "paragraph" and block.text.startswith("Notes: "):
            slide.notes_slide.notes_text_frame.text = block.text.removeprefix("Notes: ")
        elif block.kind == "paragraph":
            slide.placeholders[1].text = block.text
        elif block.kind == "list":
            slide.placeholders[1].text = "\n".join(block.items)
        elif block.kind == "table":
            _add_slide_table(slide, block)


def _add_slide_table(slide: pptx.slide.Slide, block: Block) -> None:
    frame = slide.shapes.add_table(
        len(block.rows), len(block.rows[0]), Inches(0.5), Inches(1.8), Inches(9), Inches(3.5)
    )
    for row_number, row in enumerate(block.rows):
        for column, text in enumerate(row):
            cell = frame.table.cell(row_number, column)
            cell.text = text
            cell.text_frame.paragraphs[0].font.size = Pt(16)


def write_xlsx(sheets: list[tuple[str, str, Path]], target: Path) -> None:
    """Write one sheet per (name, caption, CSV source); numbers become real numbers."""
    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    workbook.properties.creator = "Kaldvard AS"
    for name, caption, source in sheets:
        sheet = workbook.create_sheet(name)
        sheet.append([caption])
        with source.open(encoding="utf-8", newline="") as handle:
            for row in csv.reader(handle):
                sheet.append([_number_or_text(cell) for cell in row])
        for cell in sheet[2]:
            cell.font = Font(bold=True)
            sheet.column_dimensions[cell.column_letter].width = 24
        sheet.freeze_panes = "A3"
    package = BytesIO()
    workbook.save(package)
    write_office_zip(target, package)


def _number_or_text(cell: str) -> float | str:
    try:
        return float(cell)
    except ValueError:
        return cell
