"""PDF: pages, paragraphs, headings, and what is said of those that cannot be read."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from ragkit.errors import NeedsOcr, ParseFailed, TooLarge
from ragkit.ingest.parsers import parse
from ragkit.parsed import Parsed
from ragkit.protocols import Source
from tests.documents import REPOSITORY, pdf


def read(data: bytes, **options: str) -> Parsed:
    return parse(Source(name="a.pdf", data=data, options=options))


def pages(parsed: Parsed) -> list[str]:
    return [parsed.text[page.start : page.end].strip() for page in parsed.pages]


def test_every_page_has_its_text_and_its_number() -> None:
    parsed = read(pdf(["The port is 8443."], ["The code is E-4012."]))
    assert [page.number for page in parsed.pages] == [1, 2]
    assert pages(parsed) == ["The port is 8443.", "The code is E-4012."]


def test_title_and_date_come_from_the_metadata() -> None:
    parsed = read(pdf(["Words."], title="The gateway"))
    assert parsed.title == "The gateway"
    assert parsed.metadata["created"] == "2026-03-01"


def test_a_large_line_is_a_heading() -> None:
    parsed = read(pdf(["# Safety notes", "", "Never open the housing of the sensor while it is wet, please."]))
    assert [(heading.level, heading.title) for heading in parsed.headings] == [(1, "Safety notes")]
    assert parsed.title == "Safety notes"


def test_the_outline_says_what_the_headings_are() -> None:
    body = "These are words of the text of this document."
    parsed = read(pdf(["Scope", "", body], ["Limits", "", body], outline=[("Scope", 1), ("Limits", 2)]))
    assert [heading.title for heading in parsed.headings] == ["Scope", "Limits"]


def test_lines_become_paragraphs_and_hyphens_at_their_ends_go() -> None:
    lines = [
        "The gateway sends its measure-",
        "ments to the cloud every ten minutes, and it",
        "keeps what it could not send until it can.",
        "",
        "A second paragraph stands apart.",
    ]
    assert read(pdf(lines)).text == (
        "The gateway sends its measurements to the cloud every ten minutes, and it keeps what it could not send until "
        "it can.\n\nA second paragraph stands apart."
    )


def test_a_hyphenated_word_keeps_its_hyphen_where_the_text_knows_it() -> None:
    lines = ["A self-hosted server is a good server, and a self-", "hosted one is what we have in the cellar."]
    assert "a self-hosted one" in read(pdf(lines)).text


def test_headers_and_footers_of_every_page_are_left_out() -> None:
    bodies = ["Sensors measure.", "Gateways send.", "Clouds keep.", "People read."]
    texts = [[f"{body} That is all.", "It is enough.", f"For now, {body.lower()}"] for body in bodies]
    sheets = [["Kaldvard manual", "", *texts[n], "", f"Page {n + 1} of 4"] for n in range(4)]
    parsed = read(pdf(*sheets))
    assert [page.split()[0] for page in pages(parsed)] == [body.split()[0] for body in bodies]
    assert "Page 1 of 4" not in parsed.text


def test_a_paragraph_that_a_page_break_cuts_is_one_sentence_run() -> None:
    parsed = read(pdf(["The sentence begins on this page and"], ["goes on over there."]))
    assert "on this page and\ngoes on over there." in parsed.text


def test_pages_without_text_are_named() -> None:
    parsed = read(pdf(["Words."], [], ["Words."], [], [], []), ocr_languages="")
    assert parsed.needs_ocr == (2, 4, 5, 6)
    assert parsed.warnings == (
        "Pages 2, 4-6 have no text; the option `ocr_languages` is empty, so that scans are not read.",
    )
    assert [page.number for page in parsed.pages] == [1, 2, 3, 4, 5, 6]


def test_a_scan_is_never_a_success() -> None:
    with pytest.raises(NeedsOcr, match=r"'a\.pdf' has no text on its 2 pages; the option `ocr_languages` is empty"):
        read(pdf([], []), ocr_languages="")


def test_without_tesseract_the_report_says_what_to_install() -> None:
    program = (
        "from ragkit.ingest.parsers import parse; from ragkit.protocols import Source\n"
        "from tests.documents import pdf\n"
        "print(*parse(Source(name='a.pdf', data=pdf(['Words.'], []))).warnings)"
    )
    env = {**os.environ, "PATH": ""}
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=REPOSITORY, env=env
    )
    assert run.stdout.strip() == (
        "Page 2 has no text; install ragkit[ocr] and tesseract (apt-get install tesseract-ocr) to read scans."
    )


def test_languages_of_ocr_are_codes() -> None:
    with pytest.raises(ParseFailed, match="cannot be read in the languages '--psm 0'"):
        read(pdf(["Words."]), ocr_languages="--psm 0")


def test_an_encrypted_file_asks_for_its_password_and_opens_with_it() -> None:
    locked = pdf(["The port is 8443."], password="geheim")
    with pytest.raises(ParseFailed, match="is encrypted: it needs a password"):
        read(locked)
    with pytest.raises(ParseFailed, match="the password given does not open it"):
        read(locked, password="wrong")
    assert read(locked, password="geheim").text == "The port is 8443."
    open_to_all = pdf(["The port is 8443."], password="")
    assert read(open_to_all, password="geheim").text == "The port is 8443."


def test_a_document_of_too_many_pages_is_refused() -> None:
    with pytest.raises(TooLarge, match=r"'a\.pdf' has 3 pages; the limit is 2"):
        read(pdf(["One."], ["Two."], ["Three."]), max_pages="2")


def test_a_damaged_file_says_so() -> None:
    with pytest.raises(ParseFailed, match="damaged or not a PDF"):
        read(b"%PDF-1.7\nnothing of use")
