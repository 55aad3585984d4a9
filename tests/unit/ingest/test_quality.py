"""The quality gate: real text passes, each kind of bad text fails its own filter."""

from __future__ import annotations

import base64
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from ragkit.history import FilterVerdict
from ragkit.ingest.language import LANGUAGES, language
from ragkit.ingest.quality import QualityPolicy, judge
from ragkit.parsed import Parsed

ENGLISH = (
    "The gateway sends its readings every five minutes. When the connection is lost, it keeps up to thirty days of "
    "them and sends them as soon as it is back.\n\nHold the button for ten seconds to reset it. The light turns amber, "
    "then green; nothing that was measured is lost.\n\n"
)
GERMAN = (
    "Das Gerät misst alle fünf Minuten. Fällt die Verbindung aus, behält es die Werte dreißig Tage lang und überträgt "
    "sie, sobald sie wieder da ist.\n\nDrücken Sie die Taste zehn Sekunden lang, um es zurückzusetzen.\n\n"
)
CHINESE = "网关每五分钟发送一次读数。当连接丢失时、它最多保留三十天的数据、并在恢复后立即发送。按住按钮十秒钟即可重置。"
TABLE = "\n".join(
    ["| sensor | place | °C |", "| --- | --- | --- |", *(f"| S{n} | Room {n % 7} | {n % 9} |" for n in range(90))]
)
CODE = (
    "def mean(values: list[float]) -> float:\n    return sum(values) / len(values)\n\n\nassert mean([1.0]) == 1\n" * 2
)


def verdicts(text: str, **policy: object) -> dict[str, FilterVerdict]:
    parsed = Parsed(text=text, title="", media_type="text/plain")
    return {verdict.filter: verdict for verdict in judge(parsed, QualityPolicy.model_validate(policy))}


def failed(text: str, **policy: object) -> set[str]:
    return {name for name, verdict in verdicts(text, **policy).items() if not verdict.passed}


@pytest.mark.parametrize("text", [ENGLISH, GERMAN, CHINESE, TABLE, CODE, "Yes, the fee is CHF 40 a year."])
def test_text_of_every_kind_passes(text: str) -> None:
    assert failed(text) == set()


def test_hardly_any_text_fails() -> None:
    assert failed("Scan 17") == {"min_characters"}


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "mac-roman"])
def test_text_that_was_decoded_wrongly_fails(encoding: str) -> None:
    assert "max_mojibake" in failed(GERMAN.encode().decode(encoding, errors="replace"))


def test_a_text_whose_quotes_alone_were_decoded_wrongly_fails() -> None:
    text = ENGLISH.replace("it keeps", "it doesn’t keep").encode().decode("cp1252")  # noqa: RUF001
    assert failed(text) == {"max_mojibake"}


def test_bytes_that_could_not_be_decoded_fail() -> None:
    noise = random.Random(7).randbytes(4_000)
    assert "max_mojibake" in failed(noise.decode(errors="replace"))
    assert "max_mojibake" in failed(noise.decode("latin-1"))


def test_a_language_that_is_not_allowed_fails() -> None:
    assert failed(GERMAN, languages=["en", "fr"]) == {"languages"}
    assert failed(GERMAN, languages=["en", "de"]) == set()


def test_text_in_no_language_passes_every_list_of_languages() -> None:
    assert "languages" not in failed("| 2026-01-01 | 17.5 |\n" * 40, languages=["de"])


def test_lines_said_again_and_again_fail() -> None:
    assert "max_repeated_lines" in failed("All rights reserved, see terms.\n" * 40 + ENGLISH)


def test_paragraphs_said_again_and_again_fail() -> None:
    assert {"max_repeated_paragraphs", "max_repeated_phrases"} <= failed(ENGLISH * 20)


def test_phrases_said_again_and_again_fail_without_line_ends_and_without_spaces() -> None:
    assert "max_repeated_phrases" in failed("Lorem ipsum dolor sit amet, consectetur adipiscing elit. " * 40)
    assert "max_repeated_phrases" in failed(CHINESE * 20)


def test_a_menu_fails() -> None:
    menu = ["Home", "About us", "Products", "Pricing", "Blog", "Careers", "Contact", "Log in", "Privacy", "Imprint"]
    assert failed("\n".join(menu)) == {"max_menu_lines"}


def test_a_page_of_signs_fails() -> None:
    assert failed("".join(random.Random(7).choices("#*~^§+=<>{}[]|/ ", k=900)) + " what could this ever mean") == {
        "max_symbols"
    }


def test_an_encoded_file_fails() -> None:
    encoded = base64.encodebytes(random.Random(7).randbytes(3_000)).decode()
    assert failed(encoded) == {"max_word_length"}


def test_letters_that_are_spaced_apart_fail() -> None:
    assert failed(" ".join(ENGLISH.replace(" ", ""))) == {"min_word_length"}


def test_a_verdict_names_the_key_that_decides_and_what_was_measured() -> None:
    verdict = verdicts("Scan 17")["min_characters"]
    assert (verdict.value, verdict.threshold, verdict.passed) == (6, 10, False)
    assert verdict.detail == "It has 6 letters and digits."


def test_there_is_a_verdict_for_every_key_in_their_order() -> None:
    assert [*verdicts(ENGLISH), "max_outlier"] == list(QualityPolicy.model_fields)


@pytest.mark.parametrize(
    ("key", "value"), [("min_words", 3), ("languages", ["xx"]), ("languages", ["en-US"]), ("max_symbols", 1.5)]
)
def test_a_policy_that_cannot_be_met_is_refused(key: str, value: object) -> None:
    with pytest.raises(ValidationError, match=key):
        QualityPolicy.model_validate({key: value})


@given(st.text(max_size=400))
def test_any_text_can_be_judged(text: str) -> None:
    assert len(verdicts(text, languages=["en"])) == len(QualityPolicy.model_fields) - 1  # one takes vectors


@pytest.mark.parametrize(("text", "code"), [(ENGLISH, "en"), (GERMAN, "de"), (CHINESE, "zh"), (ENGLISH * 900, "en")])
def test_the_language_of_a_text_is_found(text: str, code: str) -> None:
    assert language(text) == code


@pytest.mark.parametrize("text", ["", "17.5 18.2", "OK", base64.b64encode(random.Random(7).randbytes(600)).decode()])
def test_what_is_in_no_language_has_none(text: str) -> None:
    assert language(text) is None


def test_the_languages_are_those_of_the_model() -> None:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    labels = LanguageIdentifier.from_model_file(MODEL_FILE).labels
    assert {label for label in labels if len(label) == 2} == LANGUAGES
