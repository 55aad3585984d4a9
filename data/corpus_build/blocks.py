"""Reads the small Markdown subset in which the sources of the sample documents are written."""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

FIXED_ZIP_TIME = (2026, 4, 1, 8, 0, 0)
FIXED_ISO_TIME = "2026-04-01T08:00:00Z"


@dataclass
class Block:
    """One heading, paragraph, list or table."""

    kind: str  # "heading", "paragraph", "list" or "table"
    text: str = ""
    level: int = 0
    items: list[str] = field(default_factory=list)
    rows: list[list[str]] = field(default_factory=list)


def parse_blocks(source: str) -> list[Block]:
    """Split a source text into blocks; blank lines separate them."""
    return [_parse_block(part) for part in re.split(r"\n\s*\n", source.strip()) if part.strip()]


def _parse_block(part: str) -> Block:
    lines = part.strip().splitlines()
    heading = re.match(r"(#+) (.*)", lines[0])
    if heading:
        return Block("heading", text=heading.group(2), level=len(heading.group(1)))
    if all(line.startswith("- ") for line in lines):
        return Block("list", items=[line[2:] for line in lines])
    if all(line.startswith("|") for line in lines):
        rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
        return Block("table", rows=[rows[0], *rows[2:]])
    return Block("paragraph", text=" ".join(line.strip() for line in lines))


def write_zip(target: Path, members: list[tuple[str, bytes]], stored: tuple[str, ...] = ()) -> None:
    """Write a ZIP archive whose bytes depend on nothing but its contents."""
    with zipfile.ZipFile(target, "w") as archive:
        for name, content in members:
            info = zipfile.ZipInfo(name, FIXED_ZIP_TIME)
            info.compress_type = zipfile.ZIP_STORED if name in stored else zipfile.ZIP_DEFLATED
            archive.writestr(info, content)


def write_office_zip(target: Path, package: BytesIO) -> None:
    """Store an Office package with fixed times in place of the current ones."""
    members: list[tuple[str, bytes]] = []
    with zipfile.ZipFile(package) as archive:
        for name in archive.namelist():
            content = archive.read(name)
            if name == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", FIXED_ISO_TIME.encode(), content)
            members.append((name, content))
    write_zip(target, members)
