"""Signatures of texts: equal texts have equal ones, edited texts near ones, others far ones."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ragkit.index.duplicates import NEAR_DUPLICATE, bands, signature, similarity
from ragkit.text import words

WORDS = [f"{first}{second}" for first in "bdfgklmnprst" for second in ("ara", "elo", "imu", "oste", "unde", "yra")]


def prose(seed: int, length: int = 600) -> list[str]:
    return random.Random(seed).choices(WORDS, k=length)


def edited(text: list[str], share: float, seed: int = 1) -> list[str]:
    changes = random.Random(seed)
    return [changes.choice(WORDS) if changes.random() < share else word for word in text]


def jaccard(first: str, second: str) -> float:
    def shingles(text: str) -> set[tuple[str, ...]]:
        found = words(text)
        return {tuple(found[start : start + 3]) for start in range(max(1, len(found) - 2))}

    a, b = shingles(first), shingles(second)
    return len(a & b) / len(a | b)


def test_case_and_layout_do_not_matter() -> None:
    assert signature("The Gateway  sends\nreadings, daily.") == signature("the gateway sends readings daily")


def test_a_signature_is_the_same_in_every_run() -> None:
    assert (
        signature("The gateway sends its readings every five minutes.").hex()[:32] == "0254741a7a3a74069e4ddc15eaca0726"
    )


@pytest.mark.parametrize("share", [0.0, 0.01, 0.03, 0.1, 0.3, 1.0])
def test_the_similarity_of_signatures_estimates_that_of_the_texts(share: float) -> None:
    text = prose(3)
    first, second = " ".join(text), " ".join(edited(text, share))
    assert similarity(signature(first), signature(second)) == pytest.approx(jaccard(first, second), abs=0.12)


def test_an_edited_text_shares_a_band_and_another_text_does_not() -> None:
    for seed in range(20):
        text = prose(seed)
        first, second = signature(" ".join(text)), signature(" ".join(edited(text, 0.02, seed)))
        other = signature(" ".join(prose(seed + 1_000)))
        assert set(bands(first)) & set(bands(second))
        assert not set(bands(first)) & set(bands(other))
        assert similarity(first, second) >= NEAR_DUPLICATE > similarity(first, other)


def test_bands_of_equal_values_at_different_places_differ() -> None:
    assert len(set(bands(bytes(504)))) == len(bands(bytes(504))) == 21


def test_text_without_words_is_like_nothing() -> None:
    assert signature("—  …") == b""
    assert bands(b"") == ()
    assert similarity(b"", b"") == 0.0


def test_a_language_that_does_not_part_words_has_shingles_too() -> None:
    text = "网关每五分钟发送一次读数。当连接丢失时、它最多保留三十天的数据。" * 3
    assert similarity(signature(text + "按住按钮十秒钟"), signature(text)) > 0.6
    assert similarity(signature(text), signature("按住按钮十秒钟即可重置")) < 0.1


@given(st.text(max_size=300))
def test_any_text_has_a_signature_that_is_its_own(text: str) -> None:
    made = signature(text)
    assert len(made) in (0, 504)
    assert similarity(made, made) == (1.0 if made else 0.0)
