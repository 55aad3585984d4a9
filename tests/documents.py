"""Small documents of every format, made on the spot, with facts that the tests look for."""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
from collections.abc import Sequence
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from data.corpus_build import cfb

REPOSITORY = Path(__file__).resolve().parent.parent
FACT = "The gateway listens on port 8443."

_FONTS = (b"Helvetica", b"Helvetica-Bold")
_PADDING = bytes.fromhex("28bf4e5e4e758a4164004e56fffa01082e2e00b6d0683e802f0ca9fe6453697a")


def docx(*paragraphs: str) -> bytes:
    """Each paragraph may begin with the name of its style and a colon, as in `Heading 1: Scope`."""
    import docx as library

    document = library.Document()
    for paragraph in paragraphs:
        style, _, text = paragraph.partition(": ")
        known = style.startswith(("Heading", "List", "Title"))
        document.add_paragraph(text if known else paragraph, style=style if known else None)
    return _saved(document)


def docx_with_table(rows: Sequence[Sequence[str]]) -> bytes:
    import docx as library

    document = library.Document()
    table = document.add_table(rows=len(rows), cols=len(rows[0]))
    for row, cells in zip(table.rows, rows, strict=True):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.text = text
    return _saved(document)


def pptx(*slides: tuple[str, str, str]) -> bytes:
    """Slides of title, text and notes."""
    import pptx as library

    deck = library.Presentation()
    for title, text, notes in slides:
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = title
        slide.placeholders[1].text = text
        if notes:
            slide.notes_slide.notes_text_frame.text = notes
    return _saved(deck)


def xlsx(**sheets: Sequence[Sequence[Any]]) -> bytes:
    import openpyxl

    workbook = openpyxl.Workbook()
    workbook.remove(workbook.active)
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    return _saved(workbook)


def _saved(document: Any) -> bytes:
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


def xls(rows: Sequence[Sequence[str]]) -> bytes:
    """A BIFF8 workbook with one sheet named Prices."""

    def record(kind: int, body: bytes) -> bytes:
        return struct.pack("<HH", kind, len(body)) + body

    def begin(kind: int) -> bytes:
        return record(0x0809, struct.pack("<HHHHII", 0x0600, kind, 0, 0, 0, 0))

    end = record(0x000A, b"")
    offset = len(begin(5)) + 4 + 8 + len(b"Prices") + len(end)
    bound = record(0x0085, struct.pack("<IHBB", offset, 0, 6, 0) + b"Prices")
    cells = [
        record(0x0204, struct.pack("<HHHHB", y, x, 0, len(text), 0) + text.encode("latin-1"))
        for y, row in enumerate(rows)
        for x, text in enumerate(row)
    ]
    stream = begin(5) + bound + end + begin(16) + b"".join(cells) + end
    return cfb.build([cfb.Node("Workbook", stream.ljust(4096, b"\0"))])


def pandoc(text: str, extension: str) -> bytes:
    """Markdown converted to `odt`, `epub` or `rtf`."""
    import tempfile

    import pypandoc

    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / f"document.{extension}"
        pypandoc.convert_text(text, extension, format="md", outputfile=str(target), extra_args=["--standalone"])
        return target.read_bytes()


def opendocument(kind: str, content: str, styles: str = "", **members: str) -> bytes:
    """An OpenDocument file of a `text`, `spreadsheet` or `presentation` with this content."""
    names = "text table office style presentation chart drawing=draw svg-compatible=svg"
    declared = "".join(
        f' xmlns:{name.rpartition("=")[2]}="urn:oasis:names:tc:opendocument:xmlns:{name.partition("=")[0]}:1.0"'
        for name in names.split()
    )
    head = f'<office:document-content{declared} xmlns:xlink="http://www.w3.org/1999/xlink">'
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as target:
        target.writestr("mimetype", f"application/vnd.oasis.opendocument.{kind}")
        for name, inner in {"content__xml": f"<office:{kind}>{content}</office:{kind}>", **members}.items():
            body = f"<office:automatic-styles>{styles}</office:automatic-styles><office:body>{inner}</office:body>"
            target.writestr(name.replace("___", "/").replace("__", "."), f"{head}{body}</office:document-content>")
    return written.getvalue()


def message(text: str, *, subject: str = "Port of the gateway", html: str = "", **files: bytes) -> bytes:
    mail = EmailMessage()
    mail["Subject"], mail["From"], mail["To"] = subject, "Ada <ada@example.org>", "Bo <bo@example.org>"
    mail["Date"] = "Tue, 03 Mar 2026 09:30:00 +0100"
    mail.set_content(text)
    if html:
        mail.add_alternative(html, subtype="html")
    for name, data in files.items():
        mail.add_attachment(data, maintype="application", subtype="octet-stream", filename=name.replace("__", "."))
    return mail.as_bytes()


def outlook() -> bytes:
    """The Outlook message of the sample corpus, which promises delivery on 29 April 2026."""
    return (REPOSITORY / "data/corpus/support/delayed-sensor-order.msg").read_bytes()


def pdf(
    *pages: Sequence[str] | bytes, title: str = "", outline: Sequence[tuple[str, int]] = (), password: str | None = None
) -> bytes:
    """Pages of lines in Helvetica; a line that begins with `# ` is large; an empty line leaves a gap.

    A page may also be what `drawn` makes.
    """
    fonts = [b"<</Type/Font/Subtype/Type1/BaseFont/%s/Encoding/WinAnsiEncoding>>" % name for name in _FONTS]
    objects: list[bytes] = [b"", b"", *fonts]
    kids = []
    for page in pages:
        stream = page if isinstance(page, bytes) else _content(page)
        objects.append(b"<</Length %d>>stream\n" % len(stream) + stream + b"\nendstream")
        kids.append(len(objects) + 1)
        objects.append(
            b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents %d 0 R"
            b"/Resources<</Font<</F1 3 0 R/F2 4 0 R>>>>>>" % len(objects)
        )
    objects[1] = b"<</Type/Pages/Count %d/Kids[%s]>>" % (len(kids), b" ".join(b"%d 0 R" % kid for kid in kids))
    objects[0] = b"<</Type/Catalog/Pages 2 0 R" + _outlines(objects, outline, kids) + b">>"
    trailer = b"/ID[<%s><%s>]" % (b"00" * 16, b"00" * 16)
    if title:
        objects.append(b"<</Title(%s)/CreationDate(D:20260301090000Z)>>" % title.encode("cp1252"))
        trailer += b"/Info %d 0 R" % len(objects)
    if password is not None:
        objects.append(_encrypt(objects, password))
        trailer += b"/Encrypt %d 0 R" % len(objects)
    return _assembled(objects, trailer)


def drawn(
    *texts: tuple[float, float, str], lines: Sequence[tuple[float, float, float, float]] = (), size: int = 10
) -> bytes:
    """A page of texts at (x, y), bold where they begin with `*`, and lines from (x, y) to (x, y)."""
    content = b""
    for x, y, text in texts:
        shown = text.removeprefix("*").encode("cp1252").replace(b"(", b"\\(").replace(b")", b"\\)")
        content += b"BT /F%d %d Tf %g %g Td (%s) Tj ET\n" % (1 + text.startswith("*"), size, x, y, shown)
    return content + b"".join(b"%g %g m %g %g l S\n" % line for line in lines)


def _content(lines: Sequence[str]) -> bytes:
    drawn, y = b"", 800
    for line in lines:
        size = 20 if line.startswith("# ") else 11
        text = line.removeprefix("# ").encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(")
        if line:
            drawn += b"BT /F1 %d Tf 50 %d Td (%s) Tj ET\n" % (size, y, text.replace(b")", b"\\)"))
        y -= 14
    return drawn


def _outlines(objects: list[bytes], outline: Sequence[tuple[str, int]], kids: Sequence[int]) -> bytes:
    if not outline:
        return b""
    root, first = len(objects) + 1, len(objects) + 2
    objects.append(b"<</Type/Outlines/First %d 0 R/Last %d 0 R>>" % (first, first + len(outline) - 1))
    for index, (title, page) in enumerate(outline):
        following = b"/Next %d 0 R" % (first + index + 1) if index + 1 < len(outline) else b""
        objects.append(
            b"<</Title(%s)/Parent %d 0 R/Dest[%d 0 R /Fit]%s>>" % (title.encode(), root, kids[page - 1], following)
        )
    return b"/Outlines %d 0 R" % root


def _assembled(objects: Sequence[bytes], trailer: bytes) -> bytes:
    written, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(written))
        written += b"%d 0 obj\n" % number + body + b"\nendobj\n"
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    count = len(objects) + 1
    return (
        written
        + b"xref\n0 %d\n0000000000 65535 f \n" % count
        + table
        + (b"trailer<</Size %d/Root 1 0 R%s>>\nstartxref\n%d\n%%%%EOF" % (count, trailer, len(written)))
    )


def _encrypt(objects: list[bytes], password: str) -> bytes:
    """The standard security handler, revision 2 (40-bit RC4; ISO 32000-1, 7.6), over the content streams."""
    padded = (password.encode() + _PADDING)[:32]
    owner = _rc4(hashlib.md5(padded).digest()[:5], padded)
    permissions = struct.pack("<i", -4)
    key = hashlib.md5(padded + owner + permissions + bytes(16)).digest()[:5]
    for index, body in enumerate(objects):
        head, mark, stream = body.partition(b"stream\n")
        if mark:
            own = hashlib.md5(key + struct.pack("<I", index + 1)[:3] + b"\0\0").digest()[:10]
            objects[index] = head + mark + _rc4(own, stream.removesuffix(b"\nendstream")) + b"\nendstream"
    user = _rc4(key, _PADDING)
    return b"<</Filter/Standard/V 1/R 2/O<%s>/U<%s>/P -4>>" % (owner.hex().encode(), user.hex().encode())


def _rc4(key: bytes, data: bytes) -> bytes:
    state, j = list(range(256)), 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out, i, j = bytearray(), 0, 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


def archive(**members: str) -> bytes:
    """A ZIP archive; `__` in a name stands for a dot, `___` for a slash."""
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as target:
        for name, text in members.items():
            target.writestr(name.replace("___", "/").replace("__", "."), text)
    return written.getvalue()


def samples() -> dict[str, bytes]:
    """A file of each format that says `FACT`, by its name."""
    table = [["Setting", "Value"], ["port", FACT]]
    return {
        "fact.md": f"# Gateway\n\n{FACT}\n".encode(),
        "fact.html": f"<title>Gateway</title><h1>Gateway</h1><p>{FACT}</p>".encode(),
        "fact.txt": f"Gateway\n\n{FACT}\n".encode(),
        "fact.pdf": pdf(["# Gateway", FACT], title="Gateway"),
        "fact.docx": docx("Heading 1: Gateway", FACT),
        "fact.pptx": pptx(("Gateway", FACT, "")),
        "fact.xlsx": xlsx(Gateway=table),
        "fact.xls": xls(table),
        "fact.csv": f'Setting,Value\nport,"{FACT}"\n'.encode(),
        "fact.eml": message(FACT),
        "fact.msg": outlook(),
        "fact.epub": pandoc(f"---\ntitle: Gateway\n---\n\n# Gateway\n\n{FACT}\n", "epub"),
        "fact.odt": pandoc(f"# Gateway\n\n{FACT}\n", "odt"),
        "fact.rtf": pandoc(f"# Gateway\n\n{FACT}\n", "rtf"),
        "fact.json": f'{{"title": "Gateway", "port": "{FACT}"}}'.encode(),
        "fact.xml": f"<doc><title>Gateway</title><p>{FACT}</p></doc>".encode(),
        "fact.zip": archive(notes___fact__md=FACT),
        "fact.py": f'"""Gateway."""\n\n# {FACT}\nPORT = 8443\n'.encode(),
    }
