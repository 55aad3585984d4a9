"""E-mail, read by unstructured: who wrote what to whom when, and the message.

What is attached becomes documents of its own.
"""

from __future__ import annotations

import email.policy
import io
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from email.message import EmailMessage, MIMEPart
from email.parser import BytesParser
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

from ragkit.errors import ParseFailed
from ragkit.ingest.dates import iso_date
from ragkit.ingest.parsers.builder import TextBuilder, one_line
from ragkit.ingest.parsers.contained import Budget, Contained
from ragkit.ingest.parsers.encoding import decode
from ragkit.ingest.parsers.limits import Limits
from ragkit.ingest.parsers.partition import partitioner, write_elements
from ragkit.parsed import Parsed
from ragkit.protocols import Source

if TYPE_CHECKING:
    from oxmsg import Message

__all__ = ["Email", "OutlookMessage"]

_QUOTE = re.compile(r"(?:(?<=\s)|^)>+(?:\s|$)")
_SHOWN = ("from", "to", "cc", "date")
_ENCRYPTED = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime", "multipart/encrypted"})


class Email:
    """RFC 5322 messages; the HTML body where there is one."""

    name = "eml/2"
    extensions = frozenset({".eml", ".mht"})

    def parse(self, source: Source) -> Parsed:
        data = _as_bytes(source)
        message = BytesParser(EmailMessage, policy=email.policy.default).parsebytes(data)
        if not any(message.get(name) for name in ("from", "to", "subject", "date", "received", "content-type")):
            raise ParseFailed(f"{source.name!r} is not an e-mail: it has none of the headers of one.")
        headers = {name: _header(message, name) for name in ("subject", *_SHOWN)}
        elements = partitioner("email")(file=io.BytesIO(data), process_attachments=False)
        contained = Contained()
        _collect(message, contained, Budget(Limits.of(source), source.name))
        if message.get_content_type() in _ENCRYPTED:
            contained.warn("the message is encrypted; only its headers were read")
        return _parsed(headers, elements, contained, "message/rfc822")


class OutlookMessage:
    """Outlook's .msg."""

    name = "msg/2"
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
        contained, budget = Contained(), Budget(Limits.of(source), source.name)
        _collect_outlook(message, contained, budget)
        return _parsed(headers, elements, contained, "application/vnd.ms-outlook")


def _as_bytes(source: Source) -> bytes:
    """A message is ASCII by its standard; one that was saved as UTF-16 text is read all the same."""
    return decode(source.data, name=source.name).encode() if b"\0" in source.data[:100] else source.data


def _header(message: MIMEPart, name: str) -> str:
    try:
        value = one_line(str(message.get(name) or ""))
    except (ValueError, LookupError, AttributeError, IndexError, TypeError):
        # The standard library gives up on some malformed headers.
        return ""
    if name == "date" and value:
        try:
            return parsedate_to_datetime(value).date().isoformat()
        except (ValueError, TypeError):
            return iso_date(value)
    return value


def _collect(message: EmailMessage, contained: Contained, budget: Budget) -> None:
    """What is attached, but not the pictures that the text shows."""
    waiting: list[MIMEPart] = [message]
    while waiting:
        part = waiting.pop()
        budget.member()
        if part.get_content_type() == "message/rfc822" and part is not message:
            for inner in part.iter_parts():
                contained.add(f"{_file_name(_header(inner, 'subject'))}.eml", inner.as_bytes())
        elif part.is_multipart():
            waiting.extend(reversed(list(part.iter_parts())))
        elif _is_attached(part) and isinstance(payload := part.get_payload(decode=True), bytes):
            budget.spend(len(payload))
            contained.add(_file_name(part.get_filename() or "attachment"), payload)


def _is_attached(part: MIMEPart) -> bool:
    shown = part.get_content_maintype() == "image" and ("content-id" in part or not part.is_attachment())
    return (part.is_attachment() or bool(part.get_filename())) and not shown


def _collect_outlook(message: Message, contained: Contained, budget: Budget) -> None:
    from oxmsg.domain.constants import PID_ATTACH_CONTENT_ID

    for attachment in message.attachments:
        budget.member()
        name, data = _file_name(attachment.file_name or ""), attachment.file_bytes
        if data is None:
            contained.warn(f"the attachment {name!r} is not a file in the message and was left out")
            continue
        budget.spend(len(data))
        is_image = (attachment.mime_type or "").startswith("image/")
        if not (is_image and attachment.properties.str_prop_value(PID_ATTACH_CONTENT_ID)):
            contained.add(name, data)


def _file_name(name: str) -> str:
    """A message names files, not paths."""
    return one_line(name.replace("\\", "/").rsplit("/", 1)[-1]) or "attachment"


def _parsed(headers: Mapping[str, str], elements: Iterable[Any], contained: Contained, media_type: str) -> Parsed:
    builder = TextBuilder()
    builder.heading(1, headers["subject"])
    files = contained.attachments()
    lines = {name: headers.get(name, "") for name in _SHOWN} | {"attachments": ", ".join(file.name for file in files)}
    builder.lines("\n".join(f"{name.capitalize()}: {value}" for name, value in lines.items() if value))
    write_elements(builder, map(_unquoted, elements), deepest_title=-1)
    parsed = builder.parsed(title=headers["subject"], media_type=media_type, metadata=headers)
    return replace(parsed, attachments=files, warnings=contained.warnings())


def _unquoted(element: Any) -> Any:
    """Without the `>` of quoted lines, which the partitioner joins into one."""
    if element.text.startswith(">") or " wrote: >" in element.text or element.text.count(" > ") > 2:
        element.text = _QUOTE.sub("", element.text)
    return element
