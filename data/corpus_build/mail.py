"""Writes mail as RFC 5322 messages (eml) and as Outlook messages (msg)."""

from __future__ import annotations

import html
import struct
from datetime import UTC, datetime
from email import policy
from email.message import EmailMessage
from email.parser import Parser
from email.utils import getaddresses, parsedate_to_datetime
from pathlib import Path

from corpus_build import cfb

UNICODE, LONG, TIME = 0x001F, 0x0003, 0x0040
READ_WRITE = 6


def _read(source: Path) -> EmailMessage:
    text = source.read_text(encoding="utf-8")
    message = Parser(policy=policy.default).parsestr(text)
    assert isinstance(message, EmailMessage)
    return message


def write_eml(source: Path, target: Path) -> None:
    """Write a message with a plain text and an HTML version of the same body."""
    draft = _read(source)
    body = draft.get_payload()
    assert isinstance(body, str)
    message = EmailMessage(policy=policy.default.clone(max_line_length=76))
    for name in ("From", "To", "Cc", "Date", "Subject", "Message-ID"):
        message[name] = str(draft[name])
    message.set_content(body, cte="quoted-printable")
    paragraphs = "".join(f"<p>{html.escape(part).replace(chr(10), '<br>')}</p>" for part in body.split("\n\n"))
    message.add_alternative(f"<html><body>{paragraphs}</body></html>", subtype="html", cte="quoted-printable")
    message.set_boundary("=_kaldvard_alternative_1")
    target.write_bytes(message.as_bytes())


def write_msg(source: Path, target: Path) -> None:
    """Write an Outlook message with sender, recipients and a plain text body."""
    draft = _read(source)
    body = draft.get_payload()
    assert isinstance(body, str)
    sender_name, sender = getaddresses([str(draft["From"])])[0]
    to = getaddresses([str(draft["To"])])
    cc = getaddresses([str(draft["Cc"])])
    sent = _file_time(parsedate_to_datetime(str(draft["Date"])))
    subject = str(draft["Subject"])
    texts = {
        0x001A: "IPM.Note",
        0x0037: subject,
        0x0E1D: subject,
        0x0070: subject,
        0x0042: sender_name,
        0x0064: "SMTP",
        0x0065: sender,
        0x0C1A: sender_name,
        0x0C1E: "SMTP",
        0x0C1F: sender,
        0x0E04: "; ".join(name for name, _ in to),
        0x0E03: "; ".join(name for name, _ in cc),
        0x1000: body.replace("\n", "\r\n"),
        0x1035: str(draft["Message-ID"]),
        0x007D: "".join(f"{name}: {draft[name]}\r\n" for name in draft),
    }
    numbers = {0x0E07: 1, 0x0017: 1, 0x340D: 0x00040000, 0x3FDE: 65001}
    people = [(*person, 1) for person in to] + [(*person, 2) for person in cc]
    header = struct.pack("<8sIIII8s", b"", len(people), 0, len(people), 0, b"")
    times = {0x0039: sent, 0x0E06: sent, 0x3007: sent, 0x3008: sent}
    children = _properties(header, texts, numbers, times)
    children += [_recipient(number, *person) for number, person in enumerate(people)]
    children.append(
        cfb.Node(
            "__nameid_version1.0",
            children=[cfb.Node(f"__substg1.0_000{n}0102", b"") for n in (2, 3, 4)],
        )
    )
    target.write_bytes(cfb.build(children))


def _recipient(number: int, name: str, address: str, kind: int) -> cfb.Node:
    texts = {0x3001: name, 0x3002: "SMTP", 0x3003: address, 0x39FE: address}
    numbers = {0x0C15: kind, 0x3000: number, 0x0FFE: 6}
    children = _properties(bytes(8), texts, numbers, {})
    return cfb.Node(f"__recip_version1.0_#{number:08X}", children=children)


def _properties(header: bytes, texts: dict[int, str], numbers: dict[int, int], times: dict[int, int]) -> list[cfb.Node]:
    """Return the property stream and one stream for each text."""
    rows: list[tuple[int, int, bytes]] = []
    nodes: list[cfb.Node] = []
    for tag, text in texts.items():
        content = text.encode("utf-16-le")
        rows.append((tag, UNICODE, struct.pack("<II", len(content) + 2, 0)))
        nodes.append(cfb.Node(f"__substg1.0_{tag:04X}{UNICODE:04X}", content))
    rows += [(tag, LONG, struct.pack("<II", value, 0)) for tag, value in numbers.items()]
    rows += [(tag, TIME, struct.pack("<Q", value)) for tag, value in times.items()]
    stream = header + b"".join(struct.pack("<HHI", kind, tag, READ_WRITE) + value for tag, kind, value in sorted(rows))
    return [cfb.Node("__properties_version1.0", stream), *nodes]


def _file_time(moment: datetime) -> int:
    """Return a time as the number of 100-nanosecond steps since 1601."""
    seconds = (moment - datetime(1601, 1, 1, tzinfo=UTC)).total_seconds()
    return int(seconds) * 10_000_000
