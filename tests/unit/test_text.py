"""Sentences and words: where they begin and end."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.text import STOPWORDS, sentences, words


def split(text: str) -> list[str]:
    return [text[start:end] for start, end in sentences(text)]


@pytest.mark.parametrize(
    "text",
    [
        "Dr. Smith paid $1,250.50 to Mr. J. R. Tolkien.",
        "He left at 5 p.m. on Monday.",
        "The U.S. Army bought 3.5 million units, e.g. boots and approx. two tents.",
        "See https://example.org/a.b?c=d. for more than v1.2.3 says.",
        "It is described in No. 5, Sec. 3 and Fig. 2 of vol. 7.",
        "Am 3. März kam Hr. Müller, z.B. mit Äpfeln und ca. drei Birnen.",
        "Gemäß Abs. 2 Nr. 4 gilt das ggf. auch für die Fa. Meier bzw. deren Erben.",
        "Kaldvard Schweiz GmbH, Tel. +41 81 250 00 00.",
        "Is Yahoo! the better search engine of the two?",
        "The version (see ch. 4) is called alpha... and beta.",
    ],
)
def test_one_sentence_stays_whole(text: str) -> None:
    assert split(text) == [text]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I said no. Then I left.", ["I said no.", "Then I left."]),
        ("It costs 500. Buy two.", ["It costs 500.", "Buy two."]),
        ('He said "Stop." Then he left.', ['He said "Stop."', "Then he left."]),
        ("Why? Because! Really...\nYes.", ["Why?", "Because!", "Really...", "Yes."]),
        ("这是第一句。这是第二句！好？", ["这是第一句。", "这是第二句！", "好？"]),  # noqa: RUF001
        ("Äpfel, Birnen usw. Dann kam er.", ["Äpfel, Birnen usw.", "Dann kam er."]),
        ("A line\nthat goes on. Another.", ["A line\nthat goes on.", "Another."]),
        ("A title\n\nA text", ["A title", "A text"]),
        ("# A heading\nA text", ["# A heading", "A text"]),
        ("| a. B | c |\n| d | e |\nAfter.", ["| a. B | c |", "| d | e |", "After."]),
        ("- one\n- two\n  goes on\n3. three", ["- one", "- two\n  goes on", "3. three"]),
        ("From: Ada\nTo: Bo\nlimit.upper: 8", ["From: Ada", "To: Bo", "limit.upper: 8"]),
        ("```sql\nSELECT 1;\n```\nDone.", ["```sql", "SELECT 1;", "```", "Done."]),
        ("  \n ", []),
    ],
)
def test_where_sentences_end(text: str, expected: list[str]) -> None:
    assert split(text) == expected


@given(st.text(st.characters(exclude_categories=["Cs"]) | st.sampled_from(".!?。\n\n |-#*1aA \"')"), max_size=300))
def test_spans_are_exact_in_order_and_hold_everything(text: str) -> None:
    spans = sentences(text)
    assert all(text[start:end].strip() == text[start:end] != "" for start, end in spans)
    assert all(before[1] <= after[0] for before, after in pairwise(spans))
    held = {index for start, end in spans for index in range(start, end)}
    assert all(text[index].isspace() for index in set(range(len(text))) - held)


@pytest.mark.parametrize(
    "unit", ["a.", ".", "\n", " \n\t", "- ", "a. ", "1. ", "| ", '"', "No. 1 ", "3. März ", "x-", "#"]
)
def test_repeated_text_takes_no_longer_than_its_length(unit: str) -> None:
    # Quadratic rules would run into the time limit of the test run.
    text = unit * (400_000 // len(unit))
    sentences(text)
    words(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pg_stat_activity and E-4012", ["pg_stat_activity", "and", "e-4012"]),
        ("v1.2.3, GPT-4 and KV-UT-90", ["v1.2.3", "gpt-4", "and", "kv-ut-90"]),
        ("costs $1,250.50 or 5.00.", ["costs", "1,250.50", "or", "5.00"]),
        ("state-of-the-art and/or well-known", ["state", "of", "the", "art", "and", "or", "well", "known"]),
        ("don’t say company’s or company's", ["don't", "say", "company", "or", "company"]),  # noqa: RUF001
        ("C++ or C# or node.js", ["c++", "or", "c#", "or", "node.js"]),
        ("os.path.join(a_b, c)", ["os.path.join", "a_b", "c"]),
        ("mail ada@example.org.", ["mail", "ada@example.org"]),
        ("on 2026-03-01 at 12:30", ["on", "2026-03-01", "at", "12:30"]),
        ("STRASSE Straße", ["strasse", "strasse"]),
        ("東京タワーへ行く", list("東京タワーへ行く")),
        ("", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@given(st.text(max_size=200))
def test_words_are_casefolded_and_not_empty(text: str) -> None:
    assert all(word and word == word.casefold() for word in words(text))


def test_stop_words_are_words() -> None:
    assert all(words(word) == [word] for word in STOPWORDS - {"für", "können", "über"})
    assert {"the", "und"} <= STOPWORDS
