"""Writes compound files, the container format of Outlook messages (see MS-CFB)."""

from __future__ import annotations

import struct
from dataclasses import dataclass, field

SECTOR = 512
MINI_SECTOR = 64
MINI_LIMIT = 4096
FREE = 0xFFFFFFFF
END = 0xFFFFFFFE
FAT_MARK = 0xFFFFFFFD
STREAM, STORAGE, ROOT = 2, 1, 5


@dataclass
class Node:
    """A storage with children, or a stream with content."""

    name: str
    content: bytes | None = None
    children: list[Node] = field(default_factory=list)
    left: int = FREE
    right: int = FREE
    child: int = FREE
    start: int = END


def build(children: list[Node]) -> bytes:
    """Return the bytes of a compound file with the given top-level streams and storages."""
    root = Node("Root Entry", children=children)
    nodes = _number_nodes(root)
    mini_stream, mini_fat = _fill_mini_stream(nodes)
    sectors: list[bytes] = []
    fat: list[int] = []

    def place(content: bytes) -> int:
        """Append content as a chain of sectors and return the first one."""
        if not content:
            return END
        first = len(sectors)
        parts = _pieces(content, SECTOR)
        sectors.extend(parts)
        fat.extend(range(first + 1, first + len(parts)))
        fat.append(END)
        return first

    for node in nodes:
        if node.content is not None and len(node.content) >= MINI_LIMIT:
            node.start = place(node.content)
    root.start = place(mini_stream)
    padding = -len(mini_fat) % (SECTOR // 4)
    mini_fat_start = place(struct.pack(f"<{len(mini_fat) + padding}I", *mini_fat, *[FREE] * padding))
    directory = b"".join(_entry(node, root, len(mini_stream)) for node in nodes)
    directory += _empty_entry() * (-len(nodes) % (SECTOR // 128))
    directory_start = place(directory)
    return _assemble(sectors, fat, directory_start, mini_fat_start, len(mini_fat) + padding)


def _assemble(sectors: list[bytes], fat: list[int], directory_start: int, mini_start: int, mini_entries: int) -> bytes:
    """Add the allocation table behind the sectors and the file header in front of them."""
    fat_sectors = 1
    while fat_sectors * (SECTOR // 4) < len(fat) + fat_sectors:
        fat_sectors += 1
    positions = list(range(len(sectors), len(sectors) + fat_sectors))
    table = fat + [FAT_MARK] * fat_sectors
    table += [FREE] * (fat_sectors * (SECTOR // 4) - len(table))
    header = struct.pack(
        "<8s16sHHHHH6s9I",
        bytes.fromhex("d0cf11e0a1b11ae1"),
        b"",
        0x3E,
        3,
        0xFFFE,
        9,
        6,
        b"",
        0,
        fat_sectors,
        directory_start,
        0,
        MINI_LIMIT,
        mini_start,
        mini_entries // (SECTOR // 4),
        END,
        0,
    )
    header += struct.pack("<109I", *positions, *[FREE] * (109 - fat_sectors))
    return header + b"".join(sectors) + struct.pack(f"<{len(table)}I", *table)


def _pieces(content: bytes, size: int) -> list[bytes]:
    return [content[i : i + size].ljust(size, b"\0") for i in range(0, len(content), size)]


def _number_nodes(root: Node) -> list[Node]:
    """Give every node its position in the directory and link siblings as a search tree."""
    nodes = [root]

    def visit(parent: Node) -> None:
        ordered = sorted(parent.children, key=lambda node: (len(node.name), node.name.upper()))
        first = len(nodes)
        nodes.extend(ordered)
        parent.child = _link(ordered, first, 0, len(ordered))
        for node in ordered:
            visit(node)

    visit(root)
    return nodes


def _link(ordered: list[Node], first: int, low: int, high: int) -> int:
    if low >= high:
        return FREE
    middle = (low + high) // 2
    ordered[middle].left = _link(ordered, first, low, middle)
    ordered[middle].right = _link(ordered, first, middle + 1, high)
    return first + middle


def _fill_mini_stream(nodes: list[Node]) -> tuple[bytes, list[int]]:
    stream = bytearray()
    table: list[int] = []
    for node in nodes:
        if node.content and len(node.content) < MINI_LIMIT:
            parts = _pieces(node.content, MINI_SECTOR)
            node.start = len(table)
            table.extend(range(node.start + 1, node.start + len(parts)))
            table.append(END)
            stream += b"".join(parts)
    return bytes(stream), table


def _entry(node: Node, root: Node, mini_size: int) -> bytes:
    name = node.name.encode("utf-16-le") + b"\0\0"
    if node is root:
        kind, size, start = ROOT, mini_size, node.start
    elif node.content is None:
        kind, size, start = STORAGE, 0, 0
    else:
        kind, size, start = STREAM, len(node.content), node.start
    black = 1
    links = struct.pack("<III", node.left, node.right, node.child)
    return (
        name.ljust(64, b"\0")
        + struct.pack("<HBB", len(name), kind, black)
        + links
        + bytes(16 + 4 + 8 + 8)
        + struct.pack("<IQ", start, size)
    )


def _empty_entry() -> bytes:
    return bytes(68) + struct.pack("<III", FREE, FREE, FREE) + bytes(48)
