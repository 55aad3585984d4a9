"""What every parser does with a good file, a damaged one, and any bytes at all."""

from __future__ import annotations

import unicodedata
from itertools import pairwise
from pathlib import PurePosixPath

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.errors import ParseFailed, RagkitError
from ragkit.ingest.parsers import PARSERS, parse, parser_for
from ragkit.parsed import Parsed
from ragkit.protocols import Parser, Source
from tests.documents import FACT, samples

SAMPLES = samples()
FACTS = {"fact.msg": "29 April 2026"}
NAMES = sorted(SAMPLES)


@pytest.fixture(params=NAMES)
def source(request: pytest.FixtureRequest) -> Source:
    return Source(name=request.param, data=SAMPLES[request.param])


def read_or_refused(source: Source) -> None:
    """Text that holds together, or an error that names the file; nothing else."""
    try:
        parsed = parse(source)
    except RagkitError as error:
        refusal = error.detail
    else:
        return check(parsed)
    assert source.name in refusal


def check(parsed: Parsed) -> None:
    text = parsed.text
    assert text.strip() or parsed.attachments
    names = [attachment.name for attachment in parsed.attachments]
    assert len(names) == len(set(names))
    for name in names:
        assert name
        assert not PurePosixPath(name).is_absolute()
        assert ".." not in PurePosixPath(name).parts
    assert "\r" not in text
    assert "\0" not in text
    assert unicodedata.is_normalized("NFC", text)
    text.encode("utf-8")  # no lone surrogates
    assert parsed.title
    assert parsed.title.strip() == parsed.title
    assert "/" in parsed.media_type
    starts = [heading.start for heading in parsed.headings]
    assert starts == sorted(starts)
    for heading in parsed.headings:
        assert heading.level >= 1
        assert heading.title
        line = text[heading.start :].lstrip("# \t")
        assert " ".join(line.split()).startswith(" ".join(heading.title.split())[:20]) or heading.title in line[:400]
    if parsed.pages:
        assert parsed.pages[0].start == 0
        assert parsed.pages[-1].end == len(text)
        assert all(before.end == after.start for before, after in pairwise(parsed.pages))
        numbers = [page.number for page in parsed.pages]
        assert numbers == sorted(set(numbers))
    assert all(value.strip() for value in parsed.metadata.values())


def test_there_is_a_sample_for_every_parser() -> None:
    chosen = {parser_for(Source(name=name, data=data)).name for name, data in SAMPLES.items()}
    assert chosen | {"image/1"} == {parser.name for parser in PARSERS}  # tests/system has pictures, for tesseract


def test_no_two_parsers_claim_the_same_extension() -> None:
    claimed = [extension for parser in PARSERS for extension in parser.extensions]
    assert len(claimed) == len(set(claimed))


@pytest.mark.parametrize("parser", PARSERS, ids=lambda parser: parser.name)
def test_name_carries_a_version_and_extensions_are_lower_case(parser: Parser) -> None:
    kind, version = parser.name.split("/")
    assert kind
    assert int(version) >= 1
    assert all(extension.startswith(".") and extension == extension.lower() for extension in parser.extensions)


def test_the_fact_is_found_and_the_spans_hold(source: Source) -> None:
    parsed = parse(source)
    check(parsed)
    contained = [parse(Source(name=inner.name, data=inner.data)).text for inner in parsed.attachments]
    assert FACTS.get(source.name, FACT) in " ".join(" ".join([parsed.text, *contained]).split())


def test_the_same_bytes_give_the_same_text(source: Source) -> None:
    assert parse(source) == parse(source)


def test_an_empty_file_is_an_error_that_says_so(source: Source) -> None:
    with pytest.raises(ParseFailed, match="is empty"):
        parse(Source(name=source.name, data=b""))


@pytest.mark.parametrize("part", [0.1, 0.5, 0.9, 0.99])
def test_a_truncated_file_is_read_in_part_or_refused_by_name(source: Source, part: float) -> None:
    read_or_refused(Source(name=source.name, data=source.data[: int(len(source.data) * part)]))


@settings(max_examples=60)
@given(name=st.sampled_from(NAMES), data=st.binary(min_size=1, max_size=400), keep=st.integers(0, 60))
def test_any_bytes_are_read_or_refused(name: str, data: bytes, keep: int) -> None:
    read_or_refused(Source(name=name, data=SAMPLES[name][:keep] + data))


@settings(max_examples=150)
@given(
    name=st.sampled_from(["a.md", "a.html", "a.txt", "a.csv", "a.json", "a.xml", "a.py", "a.yaml", "a"]),
    text=st.text(
        st.characters(exclude_categories=["Cs"]) | st.sampled_from("#|-*_`[]()<>&;:\n\n\t \"'=!{}"), min_size=1
    ),
)
def test_any_text_is_read_or_refused(name: str, text: str) -> None:
    read_or_refused(Source(name=name, data=text.encode()))
