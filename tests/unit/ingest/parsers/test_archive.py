"""Archives: what is in them, and what is refused."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable

import pytest

from ragkit.errors import ParseFailed, TooLarge
from ragkit.ingest.parsers import parse
from ragkit.parsed import Parsed
from ragkit.protocols import Source
from tests.documents import FACT, archive


def read(name: str, data: bytes, **options: str) -> Parsed:
    return parse(Source(name=name, data=data, options=options))


def files(parsed: Parsed) -> dict[str, bytes]:
    return {file.name: file.data for file in parsed.attachments}


def zipped(*members: tuple[str | zipfile.ZipInfo, bytes]) -> bytes:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w", zipfile.ZIP_DEFLATED) as target:
        for name, data in members:
            target.writestr(name, data)
    return written.getvalue()


def tarred(*members: tuple[tarfile.TarInfo, bytes]) -> bytes:
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w") as target:
        for info, data in members:
            info.size = len(data)
            target.addfile(info, io.BytesIO(data))
    return written.getvalue()


def info(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    made = tarfile.TarInfo(name)
    made.type, made.linkname = kind, target
    return made


@pytest.mark.parametrize(
    ("name", "packed"),
    [
        ("a.zip", lambda data: zipped(("notes/fact.txt", data))),
        ("a.tar", lambda data: tarred((info("notes/fact.txt"), data))),
        ("a.tar.gz", lambda data: gzip.compress(tarred((info("notes/fact.txt"), data)))),
        ("a.tgz", lambda data: gzip.compress(tarred((info("notes/fact.txt"), data)))),
        ("a.tar.bz2", lambda data: bz2.compress(tarred((info("notes/fact.txt"), data)))),
        ("a.tar.xz", lambda data: lzma.compress(tarred((info("notes/fact.txt"), data)))),
    ],
)
def test_every_file_of_an_archive_is_a_file_of_its_own(name: str, packed: Callable[[bytes], bytes]) -> None:
    parsed = read(name, packed(FACT.encode()))
    assert files(parsed) == {"notes/fact.txt": FACT.encode()}
    assert parsed.text == ""
    assert parsed.title
    assert parsed.media_type.startswith("application/")


def test_a_single_compressed_file_keeps_its_name() -> None:
    assert files(read("logs/app.log.gz", gzip.compress(FACT.encode()))) == {"app.log": FACT.encode()}


def test_an_archive_without_files_is_a_failure() -> None:
    for data in (zipped(("empty/", b"")), zipped(), tarred((info("a", tarfile.DIRTYPE), b""))):
        with pytest.raises(ParseFailed, match="holds no text"):
            read("a.zip", data)


def test_names_that_lead_out_are_left_out_and_named() -> None:
    parsed = read(
        "a.zip",
        zipped(("../../etc/cron.d/x", b"bad"), ("/abs/a.txt", b"1"), ("C:\\dir\\b.txt", b"2"), ("./c.txt", b"3")),
    )
    assert files(parsed) == {"abs/a.txt": b"1", "dir/b.txt": b"2", "c.txt": b"3"}
    assert parsed.warnings == ("'../../etc/cron.d/x' leads out of the archive and was left out",)


def test_two_members_of_one_name_are_both_kept() -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        data = zipped(("a.txt", b"1"), ("a.txt", b"2"))
    assert files(read("a.zip", data)) == {"a.txt": b"1", "a (2).txt": b"2"}


def test_what_is_hidden_or_made_by_a_file_manager_is_passed_over() -> None:
    data = zipped(("__MACOSX/._a.txt", b"x"), (".git/config", b"x"), ("~$a.docx", b"x"), ("a.txt", b"1"))
    assert files(read("a.zip", data)) == {"a.txt": b"1"}


def test_links_and_devices_are_left_out_and_named() -> None:
    link, device, hard = (
        info("l", tarfile.SYMTYPE, "/etc/passwd"),
        info("d", tarfile.CHRTYPE),
        info("h", tarfile.LNKTYPE, "a"),
    )
    parsed = read("a.tar", tarred((link, b""), (device, b""), (hard, b""), (info("a.txt"), b"1")))
    assert files(parsed) == {"a.txt": b"1"}
    assert parsed.warnings == (
        "'l' is a link and was left out", "'d' is a device and was left out", "'h' is a link and was left out",
    )  # fmt: skip
    entry = zipfile.ZipInfo("link.txt")
    entry.create_system, entry.external_attr = 3, 0o120777 << 16
    assert files(read("a.zip", zipped((entry, b"/etc/passwd"), ("a.txt", b"1")))) == {"a.txt": b"1"}


def test_names_in_any_bytes_become_text() -> None:
    latin = tarfile.TarInfo("caf\udce9.txt")
    written = io.BytesIO()
    with tarfile.open(fileobj=written, mode="w", format=tarfile.GNU_FORMAT, errors="surrogateescape") as target:
        latin.size = 1
        target.addfile(latin, io.BytesIO(b"1"))
    assert files(read("a.tar", written.getvalue())) == {"caf%E9.txt": b"1"}
    unmarked = zipped(("x.txt", b"1")).replace(b"x.txt", "é.t".encode() + b"x")
    assert files(read("a.zip", unmarked)) == {"é.tx": b"1"}


def test_an_encrypted_archive_asks_for_its_password_and_opens_with_it() -> None:
    data = encrypted("fact.txt", FACT.encode(), b"tulip")
    with pytest.raises(ParseFailed, match="encrypted: it needs a password"):
        read("a.zip", data)
    with pytest.raises(ParseFailed, match="Bad password"):
        read("a.zip", data, password="rose")
    assert files(read("a.zip", data, password="tulip")) == {"fact.txt": FACT.encode()}


def encrypted(name: str, data: bytes, password: bytes) -> bytes:
    """A ZIP archive with the traditional cipher of PKWARE (APPNOTE 6.1)."""
    keys = [0x12345678, 0x23456789, 0x34567890]
    start = [_crc32_of(byte) for byte in range(256)]

    def update(byte: int) -> None:
        keys[0] = start[(keys[0] ^ byte) & 0xFF] ^ (keys[0] >> 8)
        keys[1] = ((keys[1] + (keys[0] & 0xFF)) * 134775813 + 1) & 0xFFFFFFFF
        keys[2] = start[(keys[2] ^ (keys[1] >> 24)) & 0xFF] ^ (keys[2] >> 8)

    for byte in password:
        update(byte)
    sealed = bytearray()
    crc = zlib.crc32(data)
    for byte in bytes(11) + bytes([crc >> 24]) + data:
        mask = (keys[2] | 2) & 0xFFFF
        sealed.append(byte ^ (((mask * (mask ^ 1)) >> 8) & 0xFF))
        update(byte)
    raw = name.encode()
    fields = struct.pack("<HHHHHIIIHH", 20, 1, 0, 0, 33, crc, len(sealed), len(data), len(raw), 0)
    local = b"PK\3\4" + fields + raw + bytes(sealed)
    central = b"PK\1\2\x14\0" + fields + struct.pack("<HHHII", 0, 0, 0, 0, 0) + raw
    return local + central + struct.pack("<4sHHHHIIH", b"PK\5\6", 0, 0, 1, 1, len(central), len(local), 0)


def _crc32_of(byte: int) -> int:
    for _ in range(8):
        byte = (byte >> 1) ^ (0xEDB88320 if byte & 1 else 0)
    return byte


def test_one_damaged_member_costs_itself() -> None:
    good = zipfile.ZipInfo("a.txt")
    data = zipped((good, b"1" * 50), ("b.txt", FACT.encode()))
    parsed = read("a.zip", data.replace(b"a.txt", b"a.txt", 1)[:40] + b"\xff" + data[41:])
    assert files(parsed) == {"b.txt": FACT.encode()}
    assert "'a.txt' was left out" in parsed.warnings[0]


@pytest.mark.parametrize("cut", [30, 100, 700])
def test_a_damaged_archive_says_so(cut: int) -> None:
    for name, data in (
        ("a.zip", archive(a__txt="x" * 999)),
        ("a.tar.gz", gzip.compress(tarred((info("a.txt"), bytes(999))))),
    ):
        with pytest.raises(ParseFailed, match="damaged"):
            read(name, data[: min(cut, len(data) - 30)])


def test_a_flat_bomb_is_refused() -> None:
    with pytest.raises(TooLarge, match=r"'a\.zip' expands more than 200 times, like a bomb \(RAGKIT_MAX_RATIO\)"):
        read("a.zip", zipped(("zeros.txt", bytes(20_000_000))))
    for name, packed in (("a.gz", gzip.compress), ("a.txt.xz", lzma.compress), ("a.bz2", bz2.compress)):
        with pytest.raises(TooLarge, match="expands more than 200 times"):
            read(name, packed(bytes(20_000_000)))
    with pytest.raises(TooLarge, match="expands more than 200 times"):
        read("a.tar.gz", gzip.compress(tarred((info("zeros.txt"), bytes(20_000_000)))))


def test_a_bomb_that_lies_about_its_size_is_stopped_while_it_expands() -> None:
    data = zipped(("zeros.txt", bytes(20_000_000)))
    said = struct.pack("<I", 20_000_000)
    lying = data.replace(said, struct.pack("<I", 1_000))
    with pytest.raises((TooLarge, ParseFailed), match=r"expands more than|left out"):
        read("a.zip", lying)


def test_more_than_the_limit_in_all_is_refused() -> None:
    noise = bytes(range(256)) * 4000
    data = zipped(*((f"{number}.txt", noise) for number in range(5)))
    assert len(files(read("a.zip", data, max_expanded_mb="6"))) == 5
    with pytest.raises(TooLarge, match=r"expands to more than 3 MB \(RAGKIT_MAX_EXPANDED_MB\)"):
        read("a.zip", data, max_expanded_mb="3")


def test_too_many_members_are_refused() -> None:
    data = zipped(*((f"{number}.txt", b"x") for number in range(20)))
    with pytest.raises(TooLarge, match=r"holds more than 19 files \(RAGKIT_MAX_MEMBERS\)"):
        read("a.zip", data, max_members="19")


def test_overlapping_members_do_not_multiply() -> None:
    """As in a better zip bomb (Fifield 2019): many entries of the directory for one and the same data."""
    data = zipped(("a.txt", bytes(range(256)) * 4000))
    start = data.index(b"PK\1\2")
    entry, end = data[start : data.index(b"PK\5\6")], data[data.index(b"PK\5\6") :]
    many = 2000
    counts = struct.pack("<4sHHHHII", b"PK\5\6", 0, 0, many, many, many * len(entry), start)
    bomb = data[:start] + entry * many + counts + end[20:]
    try:
        parsed = read("a.zip", bomb, max_expanded_mb="100")
    except TooLarge:
        return
    assert sum(map(len, files(parsed).values())) < 2_000_000


def test_a_nested_bomb_opens_one_layer_at_a_time() -> None:
    data = FACT.encode()
    for layer in range(30):
        data = zipped((f"{layer}.zip" if layer else "fact.txt", data))
    parsed = read("a.zip", data)
    assert list(files(parsed)) == ["29.zip"]
