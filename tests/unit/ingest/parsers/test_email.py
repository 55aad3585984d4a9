"""E-mail: headers, body and what is attached."""

from __future__ import annotations

from email.message import EmailMessage

import pytest

from ragkit.errors import ParseFailed
from ragkit.ingest.parsers import parse
from ragkit.parsed import Parsed
from ragkit.protocols import Source
from tests.documents import FACT, docx, message, outlook


def read(name: str, data: bytes | str) -> Parsed:
    return parse(Source(name=name, data=data.encode() if isinstance(data, str) else data))


def test_a_message_says_who_wrote_what_to_whom_and_when() -> None:
    parsed = read("a.eml", message("Hello Bo,\n\nthe port is 8443.\n"))
    assert parsed.title == "Port of the gateway"
    assert parsed.metadata["date"] == "2026-03-03"
    assert parsed.text.startswith("# Port of the gateway\n\nFrom: Ada <ada@example.org>\nTo: Bo <bo@example.org>\n")
    assert "the port is 8443." in parsed.text


@pytest.mark.parametrize("codec", ["utf-16", "utf-16-le", "utf-16-be"])
def test_a_message_saved_as_utf_16_is_read(codec: str) -> None:
    assert FACT in read("a.eml", message(FACT).decode().encode(codec)).text


def test_the_html_body_is_read_once() -> None:
    parsed = read("a.eml", message(FACT, html=f"<p>{FACT}</p>"))
    assert parsed.text.count(FACT) == 1


def test_attachments_are_files_of_their_own() -> None:
    data = message("See attached.", plan__docx=docx("Heading 1: Plan", FACT), notes__txt=b"one")
    parsed = read("a.eml", data)
    assert [file.name for file in parsed.attachments] == ["plan.docx", "notes.txt"]
    assert "Attachments: plan.docx, notes.txt" in parsed.text
    assert FACT not in parsed.text
    assert FACT in parse(Source(name="plan.docx", data=parsed.attachments[0].data)).text


def test_a_forwarded_message_is_a_file_of_its_own() -> None:
    outer, inner = EmailMessage(), EmailMessage()
    inner["Subject"], inner["From"] = "Port", "Ada <ada@example.org>"
    inner.set_content(FACT)
    outer["Subject"] = "Fwd: Port"
    outer.set_content("Forwarded.")
    outer.add_attachment(inner)
    (attached,) = read("a.eml", outer.as_bytes()).attachments
    assert attached.name == "Port.eml"
    assert FACT in parse(Source(name=attached.name, data=attached.data)).text


def test_pictures_shown_in_the_text_are_left_out_and_attached_ones_are_not() -> None:
    mail = EmailMessage()
    mail["Subject"] = "Pictures"
    mail.set_content("See the picture.")
    mail.add_alternative("<p>See <img src='cid:logo'></p>", subtype="html")
    mail.get_payload()[1].add_related(b"logo", maintype="image", subtype="png", cid="<logo>", filename="logo.png")
    mail.add_attachment(b"scan", maintype="image", subtype="png", filename="scan.png")
    assert [file.name for file in read("a.eml", mail.as_bytes()).attachments] == ["scan.png"]


def test_the_name_of_an_attachment_cannot_lead_elsewhere() -> None:
    parsed = read("a.eml", message("x", **{"../../etc/passwd": b"root", "C:\\plans\\a.txt": b"x", "b/a.txt": b"y"}))
    assert [file.name for file in parsed.attachments] == ["passwd", "a.txt", "a (2).txt"]


def test_an_encrypted_message_says_so() -> None:
    data = b"Subject: Secret\nContent-Type: application/pkcs7-mime\nContent-Transfer-Encoding: base64\n\nAAAA\n"
    assert "is encrypted" in read("a.eml", data).warnings[0]


def test_outlook_messages_have_the_same_shape() -> None:
    parsed = read("a.msg", outlook())
    assert parsed.title == "Delay of your order PO-77120"
    assert parsed.metadata["date"] == "2026-03-26"
    assert "From: Kristoffer Aune" in parsed.text


def test_what_is_no_message_is_refused() -> None:
    with pytest.raises(ParseFailed, match="not an e-mail"):
        read("a.eml", "just words")
