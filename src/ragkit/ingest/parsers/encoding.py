"""Bytes to text: byte order mark, then UTF-8, then the most likely legacy encoding."""

from __future__ import annotations

import codecs
import re

from ragkit.errors import ParseFailed

__all__ = ["decode", "looks_binary"]

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_SAMPLE = 64 * 1024
_CONTROL = re.compile(rb"[\x00-\x06\x0e-\x1a\x1c-\x1f]")


def looks_binary(data: bytes) -> bool:
    """Whether no text encoding explains these bytes: NUL bytes, or many control characters."""
    sample = data[:_SAMPLE]
    if any(sample.startswith(mark) for mark, _ in _MARKS) or _utf16_without_mark(sample):
        return False
    return b"\x00" in sample or len(_CONTROL.findall(sample)) > len(sample) // 50


def _utf16_without_mark(sample: bytes) -> str | None:
    """Latin text in UTF-16 has a NUL in nearly every second byte, always on the same side."""
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    half = max(1, len(sample) // 2)
    if len(sample) >= 4 and odd > half * 0.7 and even < half * 0.02:
        return "utf-16-le"
    if len(sample) >= 4 and even > half * 0.7 and odd < half * 0.02:
        return "utf-16-be"
    return None


def decode(data: bytes, *, name: str, encoding: str | None = None) -> str:
    """The text of `data`.

    Raises:
        ParseFailed: The bytes are not text, or not in the `encoding` that was asked for.
    """
    if encoding:
        return _decode_as(data, encoding, name)
    for mark, codec in _MARKS:
        if data.startswith(mark):
            return data.decode(codec, errors="replace").removeprefix("\ufeff")
    if looks_binary(data):
        raise ParseFailed(
            f"{name!r} is not text: it holds NUL bytes or other control characters.",
            hint="Give the file the extension of its real format, or leave it out.",
        )
    if wide := _utf16_without_mark(data[:_SAMPLE]):
        return data.decode(wide, errors="replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        return _decode_legacy(data, name, error)


def _decode_as(data: bytes, encoding: str, name: str) -> str:
    try:
        return data.decode(encoding).removeprefix("\ufeff")
    except (LookupError, UnicodeDecodeError) as error:
        raise ParseFailed(f"{name!r} cannot be read as {encoding!r}: {error}.") from error


def _decode_legacy(data: bytes, name: str, error: UnicodeDecodeError) -> str:
    # One stray byte in a long UTF-8 file is damage, not another encoding.
    if error.start > 1000 and data[: error.start].count(b"\n") and not data[: error.start].isascii():
        repaired = data.decode("utf-8", errors="replace")
        if repaired.count("\ufffd") <= len(repaired) // 1000:
            return repaired
    from charset_normalizer import from_bytes

    best = from_bytes(data[: 4 * _SAMPLE]).best()
    if best is None:
        raise ParseFailed(
            f"{name!r} is text in an encoding that could not be recognised.",
            hint="Save it as UTF-8, or name its encoding in the pipeline's parser options.",
        )
    return data.decode(best.encoding, errors="replace")
