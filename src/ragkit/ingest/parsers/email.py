"""E-mail, read by unstructured: who wrote what to whom when, the message, and its attachments."""

from __future__ import annotations

import email.policy
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from typing import Any

from ragkit.errors import ParseFailed, RagkitError
from ragkit.ingest.parsers.builder import TextBuilder, one_line
from ragkit.ingest.parsers.partition import partitioner, write_elements
from ragkit.parsed import Heading, Parsed
from ragkit.protocols import Source

__all__ = ["Email", "OutlookMessage"]

_MAX_DEPTH = 3
_QUOTE = re.compile(r"(?:(?<=\s)|^)>+(?:\s|$)")
_DEPTH = "attachment-depth"


class Email:
    """RFC 5322 messages; the HTML body where there is one."""

    name = "eml/1"
    extensions = frozenset({".eml", ".mht"})

    def parse(self, source: Source) -> Parsed:
        data = _as_bytes(source.data)
        message = BytesParser(EmailMessage, policy=email.policy.default).parsebytes(data)
        if not any(message.get(name) for name in ("from", "to", "subject", "date", "received", "content-type")):
            raise ParseFailed(f"{source.name!r} is not an e-mail: it has none of the headers of one.")
        headers = {name: _header(message, name) for name in ("subject", "from", "to", "cc", "date")}
        elements = partitioner("email")(file=io.BytesIO(data), process_attachments=False)
        return _parsed(source, headers, elements, _attachments(message), "message/rfc822")


class OutlookMessage:
    """Outlook's .msg."""

    name = "msg/1"
    extensions = frozenset({".msg"})

    def parse(self, source: Source) -> Parsed:
        partition = partitioner("msg")
        from oxmsg import Message

        message = Message.load(io.BytesIO(source.data))
        headers = {
            "subject": message.subject or "",
            "from": message.sender or "",
            "to": ", ".join(f"{one.name} <{one.email_address}>" for one in message.recipients),
            "date": message.sent_date.date().isoformat() if message.sent_date else "",
        }
        elements = partition(file=io.BytesIO(source.data), process_attachments=False)
        files = ((one.file_name or "attachment", one.file_bytes or b"") for one in message.attachments)
        return _parsed(source, headers, elements, files, "application/vnd.ms-outlook")


def _as_bytes(data: bytes) -> bytes:
    """A message is ASCII by its standard; one that was saved as UTF-16 text is read all the same."""
    return data.decode("utf-16", errors="replace").encode() if data[:2] in (b"\xff\xfe", b"\xfe\xff") else data


def _header(message: EmailMessage, name: str) -> str:
    try:
        value = one_line(str(message.get(name) or ""))
    except (ValueError, LookupError, AttributeError, IndexError, TypeError):
        # The standard library gives up on some malformed headers.
        return ""
    if name == "date" and value:
        try:
            return parsedate_to_datetime(value).date().isoformat()
        except (ValueError, TypeError):
            return value
    return value


def _attachments(message: EmailMessage) -> Iterator[tuple[str, bytes]]:
    for part in message.walk():
        if part.get_content_disposition() == "attachment" or (part.get_filename() and not part.is_multipart()):
            payload = part.get_payload(decode=True)
            if isinstance(payload, bytes):
                yield part.get_filename() or "attachment", payload


def _parsed(
    source: Source,
    headers: Mapping[str, str],
    elements: Iterable[Any],
    files: Iterable[tuple[str, bytes]],
    media_type: str,
) -> Parsed:
    builder = TextBuilder()
    builder.heading(1, headers["subject"])
    shown = [f"{name.capitalize()}: {value}" for name, value in headers.items() if value and name != "subject"]
    builder.lines("\n".join(shown))
    write_elements(builder, map(_unquoted, elements), deepest_title=-1)
    for name, data in files:
        _write_attachment(builder, source, name, data)
    return builder.parsed(title=headers["subject"], media_type=media_type, metadata=dict(headers))


def _unquoted(element: Any) -> Any:
    """Without the `>` of quoted lines, which the partitioner joins into one."""
    if element.text.startswith(">") or " wrote: >" in element.text or element.text.count(" > ") > 2:
        element.text = _QUOTE.sub("", element.text)
    return element


def _write_attachment(builder: TextBuilder, source: Source, name: str, data: bytes) -> None:
    from ragkit.ingest.parsers import parse  # the parsers of all formats, which include this one

    depth = int(source.options.get(_DEPTH, "0"))
    if depth >= _MAX_DEPTH:
        builder.warn(f"attachment {name!r} is nested too deeply and was left out")
        return
    try:
        inner = parse(Source(name=name, data=data, options={**source.options, _DEPTH: str(depth + 1)}))
    except RagkitError as error:
        builder.warn(f"attachment {name!r} was left out: {error.detail}")
        return
    for warning in inner.warnings:
        builder.warn(f"attachment {name!r}: {warning}")
    builder.heading(2, f"Attachment: {name}")
    builder.verbatim(inner.text, (Heading(level=h.level + 2, title=h.title, start=h.start) for h in inner.headings))
