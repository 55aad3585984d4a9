from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ragkit.tokens import count_tokens, rarity


def test_tokens_are_counted_as_a_model_reads_them() -> None:
    assert count_tokens("") == 0
    assert count_tokens("Refunds take 30 days.") == 7


def test_a_control_token_in_a_document_is_text() -> None:
    assert count_tokens("<|endoftext|>") > 1


@given(st.text())
def test_any_text_can_be_counted(text: str) -> None:
    assert 0 <= count_tokens(text) <= len(text.encode("utf-8", "replace"))


def test_rare_words_tell_more() -> None:
    assert rarity("the") < rarity("company") < rarity("warranty") <= rarity("e-4012") == 1.0


@given(st.text())
def test_rarity_has_a_scale(word: str) -> None:
    assert 0 <= rarity(word) <= 1
