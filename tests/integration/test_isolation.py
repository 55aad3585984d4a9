"""Parser processes: what a hostile file costs, which is itself."""

from __future__ import annotations

import hashlib
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil
import pytest

from ragkit.errors import ConfigError, ParseFailed, RagkitError, StorageError
from ragkit.ingest.isolation import ParsedFile, ParserPool
from ragkit.ingest.parsers.limits import Limits
from ragkit.protocols import Source
from tests.documents import FACT

NOTE = f"# Gateway\n\n{FACT}\n".encode()


@pytest.fixture
def pool() -> Iterator[ParserPool]:
    pool = ParserPool(workers=1, timeout_s=60, memory_mb=512)
    yield pool
    pool.close()


def outcome(
    pool: ParserPool, content: Path | bytes, name: str, options: Mapping[str, str] | None = None
) -> ParsedFile | RagkitError:
    ((_, result),) = pool.parse_all([("key", content, name, options or {})])
    return result


def text_of(result: ParsedFile | RagkitError) -> str:
    assert isinstance(result, ParsedFile), result
    return result.parsed.text


def parsers() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "ragkit.ingest.isolation" in child.cmdline()]


def test_a_path_and_bytes_are_parsed_alike(pool: ParserPool, tmp_path: Path) -> None:
    path = tmp_path / "note.md"
    path.write_bytes(NOTE)
    read, given = outcome(pool, path, "note.md"), outcome(pool, NOTE, "note.md")
    assert read == given
    assert isinstance(read, ParsedFile)
    assert (read.sha256, read.size) == (hashlib.sha256(NOTE).hexdigest(), len(NOTE))
    assert FACT in read.parsed.text


def test_answers_come_in_the_order_of_the_files() -> None:
    pool = ParserPool(workers=2, timeout_s=60)
    files = [(number, f"Line {number}".encode(), f"{number}.txt", {}) for number in range(40)]
    answers = [(key, text_of(result)) for key, result in pool.parse_all(files)]
    pool.close()
    assert answers == [(number, f"Line {number}") for number in range(40)]


def test_options_reach_the_parser(pool: ParserPool) -> None:
    assert text_of(outcome(pool, "Größe".encode("cp1252"), "a.txt", {"encoding": "cp1252"})) == "Größe"


def test_a_limit_that_is_no_number_is_named() -> None:
    with pytest.raises(ConfigError, match=r"'max_pages' of 'a\.txt' is not a positive number: 'many'"):
        Limits.of(Source(name="a.txt", data=NOTE, options={"max_pages": "many"}))


def test_a_file_that_is_gone_says_so(pool: ParserPool, tmp_path: Path) -> None:
    result = outcome(pool, tmp_path / "gone.txt", "gone.txt")
    assert isinstance(result, ParseFailed)
    assert "'gone.txt' cannot be read: No such file" in result.detail


def test_parser_processes_are_polite(pool: ParserPool) -> None:
    outcome(pool, NOTE, "note.md")
    (process,) = parsers()
    assert process.nice() >= 10


def test_a_file_that_needs_more_memory_than_allowed_costs_itself(pool: ParserPool) -> None:
    # 60 MB of one-item lists become more than 512 MB of Python objects.
    result = outcome(pool, b"[" + b"[1]," * 15_000_000 + b"1]", "explodes.json")
    assert isinstance(result, ParseFailed)
    assert "'explodes.json'" in result.detail
    assert "512 MB (RAGKIT_PARSE_MEMORY_MB)" in result.detail
    assert FACT in text_of(outcome(pool, NOTE, "note.md"))


def test_a_parser_that_is_stopped_for_too_long_is_given_up() -> None:
    pool = ParserPool(workers=1, timeout_s=1)
    outcome(pool, NOTE, "note.md")
    (process,) = parsers()
    process.send_signal(signal.SIGSTOP)
    result = outcome(pool, NOTE, "slow.md")
    assert isinstance(result, ParseFailed)
    assert "'slow.md' was given up after 1 s (RAGKIT_PARSE_TIMEOUT_S)" in result.detail
    assert FACT in text_of(outcome(pool, NOTE, "note.md"))
    pool.close()
    assert parsers() == []


def test_a_parser_that_computes_for_too_long_is_given_up() -> None:
    pool = ParserPool(workers=1, timeout_s=0.5)
    result = outcome(pool, b"a,b\n" * 5_000_000, "long.csv")
    assert isinstance(result, ParseFailed)
    assert "'long.csv' was given up after 0.5 s" in result.detail
    pool.close()


@pytest.mark.parametrize(
    ("sent", "said"), [(signal.SIGSEGV, "crashed its parser (SIGSEGV)"), (signal.SIGKILL, "for lack of memory")]
)
def test_a_parser_that_crashes_costs_its_own_file(pool: ParserPool, sent: signal.Signals, said: str) -> None:
    outcome(pool, NOTE, "note.md")
    (process,) = parsers()
    os.kill(process.pid, sent)
    result = outcome(pool, NOTE, "crash.md")
    assert isinstance(result, ParseFailed)
    assert said in result.detail
    assert FACT in text_of(outcome(pool, NOTE, "note.md"))


def test_a_process_that_cannot_be_started_is_told_and_the_next_file_gets_one(
    pool: ParserPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(sys, "executable", "/nowhere/python")
        with pytest.raises(StorageError, match="No parser process"):
            outcome(pool, NOTE, "note.md")
    assert FACT in text_of(outcome(pool, NOTE, "note.md"))
