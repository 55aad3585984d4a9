"""Writes PDF documents: laid-out text, and a letter followed by a scanned page."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from xml.sax.saxutils import escape

from PIL import Image, ImageDraw, ImageFilter, ImageFont
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle, getSampleStyleSheet
from reportlab.lib.units import mm
from reportlab.lib.utils import ImageReader
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Flowable, Paragraph, SimpleDocTemplate, Spacer, Table, TableStyle

from corpus_build.blocks import Block, parse_blocks

SCAN_SIZE = (1240, 1754)  # A4 at 150 dots per inch


def write_pdf(source: Path, target: Path, header: str, footer: str) -> None:
    """Lay a source text out on as many pages as it needs, with page headers and numbers."""
    blocks = parse_blocks(source.read_text(encoding="utf-8"))
    document = SimpleDocTemplate(
        str(target),
        pagesize=A4,
        leftMargin=25 * mm,
        rightMargin=25 * mm,
        topMargin=28 * mm,
        bottomMargin=25 * mm,
        title=blocks[0].text,
        author="Kaldvard AS",
        invariant=1,
    )
    frame = _page_frame(header, footer)
    story = [flowable for block in blocks for flowable in _flowables(block)]
    document.build(story, onFirstPage=frame, onLaterPages=frame)


def _page_frame(header: str, footer: str) -> Callable[[Canvas, SimpleDocTemplate], None]:
    def draw(canvas: Canvas, document: SimpleDocTemplate) -> None:
        canvas.saveState()
        canvas.setFont("Helvetica", 8)
        canvas.drawString(25 * mm, A4[1] - 15 * mm, header)
        canvas.line(25 * mm, A4[1] - 17 * mm, A4[0] - 25 * mm, A4[1] - 17 * mm)
        canvas.drawString(25 * mm, 12 * mm, footer)
        canvas.drawRightString(A4[0] - 25 * mm, 12 * mm, f"Page {document.page}")
        canvas.restoreState()

    return draw


def _flowables(block: Block) -> list[Flowable]:
    styles = getSampleStyleSheet()
    body = ParagraphStyle("body", parent=styles["BodyText"], fontSize=10, leading=14, spaceAfter=6)
    if block.kind == "heading":
        name = "Title" if block.level == 1 else "Heading2"
        return [Paragraph(escape(block.text), styles[name])]
    if block.kind == "list":
        return [Paragraph(escape(item), body, bulletText="•") for item in block.items]
    if block.kind == "table":
        cells = [[Paragraph(escape(cell), body) for cell in row] for row in block.rows]
        table = Table(cells, repeatRows=1, hAlign="LEFT")
        grid = ("GRID", (0, 0), (-1, -1), 0.5, colors.grey)
        head = ("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke)
        table.setStyle(TableStyle([grid, head, ("VALIGN", (0, 0), (-1, -1), "TOP")]))
        return [table, Spacer(1, 4 * mm)]
    return [Paragraph(escape(block.text), body)]


def write_letter_with_scan(source: Path, target: Path) -> None:
    """Write a letter as text on page one and the enclosed certificate as an image on page two."""
    letter, scan = source.read_text(encoding="utf-8").split("\n---\n")
    canvas = Canvas(str(target), pagesize=A4, invariant=1)
    canvas.setTitle("Calibration certificate 2025-117")
    canvas.setAuthor("Kaldvard AS")
    style = ParagraphStyle("letter", fontName="Helvetica", fontSize=10.5, leading=15)
    height = A4[1] - 25 * mm
    for part in letter.strip().split("\n\n"):
        text = "<br/>".join(escape(line.lstrip("# ")) for line in part.splitlines())
        paragraph = Paragraph(text, style)
        _, used = paragraph.wrap(A4[0] - 50 * mm, height)
        paragraph.drawOn(canvas, 25 * mm, height - used)
        height -= used + 5 * mm
    canvas.showPage()
    canvas.drawImage(ImageReader(_scanned_page(scan.strip())), 0, 0, A4[0], A4[1])
    canvas.showPage()
    canvas.save()


def _scanned_page(text: str) -> Image.Image:
    """Render text the way an office scanner would: slightly turned, grey and speckled."""
    page = Image.new("L", SCAN_SIZE, 250)
    draw = ImageDraw.Draw(page)
    font = ImageFont.truetype("DejaVuSansMono.ttf", 26)
    top = 190
    for line in text.splitlines():
        draw.text((130, top), line, font=font, fill=35)
        top += 44
    draw.rectangle((110, 160, 1130, top + 30), outline=90, width=2)
    page = page.rotate(-0.7, resample=Image.Resampling.BICUBIC, fillcolor=250)
    page = page.filter(ImageFilter.GaussianBlur(0.6))
    generator = random.Random(117)
    for _ in range(1500):
        spot = (generator.randrange(SCAN_SIZE[0]), generator.randrange(SCAN_SIZE[1]))
        page.putpixel(spot, generator.randrange(140, 225))
    return page.quantize(16).convert("L")
