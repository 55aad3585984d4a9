"""Which part a search trusts, told from the question and its keyword list."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ragkit.retrieve.fusion import BACKGROUND
from ragkit.retrieve.weights import Signals, dense_weight, signals

QUESTION = "Why does Python use indentation for grouping of statements?"


def keyword(last: float, *, length: int = BACKGROUND) -> list[tuple[str, float]]:
    return [(str(rank), 10 - (10 - last) * rank / (BACKGROUND - 1)) for rank in range(length)]


def test_where_the_words_are_everywhere_the_vectors_count_more() -> None:
    everywhere = signals(QUESTION, keyword(last=7), tokens=11)
    telling = signals(QUESTION, keyword(last=1), tokens=11)
    assert dense_weight(everywhere) > dense_weight(telling)


def test_where_the_embedder_has_to_spell_the_keywords_count_more() -> None:
    known = signals("the price of the plan", keyword(last=3), tokens=5)
    spelled = signals("pg_stat_activity E-4012", keyword(last=3), tokens=12)
    assert dense_weight(spelled) < dense_weight(known)


def test_an_offset_moves_the_weight_to_either_side() -> None:
    seen = signals(QUESTION, keyword(last=3), tokens=11)
    assert dense_weight(seen, offset=-1) < dense_weight(seen) < dense_weight(seen, offset=1)


@given(st.text(max_size=50), st.integers(0, 60), st.floats(0, 10), st.integers(0, 100))
def test_any_question_and_any_list_give_a_weight(query: str, length: int, last: float, tokens: int) -> None:
    seen = signals(query, keyword(last, length=length), tokens=tokens)
    assert 0 <= seen.flatness <= 1
    assert 0 <= seen.scarcity <= 1
    assert 0 < dense_weight(seen) < 1


def test_a_question_without_hits_has_signals_too() -> None:
    assert signals("?", [], tokens=1) == Signals(flatness=0.0, scarcity=1.0, pieces=0.0)
