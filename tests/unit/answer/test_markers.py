from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ragkit.answer.markers import MarkedText, Sentence


def shown(*deltas: str, sources: int = 3) -> tuple[str, list[Sentence]]:
    """What gets through, and the sentences, of a reply that arrives in these pieces."""
    text, closed, marked = "", [], MarkedText(sources)
    for delta in deltas:
        text += marked.feed(delta)
        closed += marked.closed()
    text += marked.finish()
    closed += marked.closed(final=True)
    assert text == marked.text
    return text, closed


@pytest.mark.parametrize(
    ("reply", "text", "markers"),
    [
        ("It takes 30 days [1].", "It takes 30 days [1].", (1,)),
        ("It takes 30 days. [1]", "It takes 30 days. [1]", (1,)),
        ("It takes 30 days [1][2].", "It takes 30 days [1][2].", (1, 2)),
        ("It takes 30 days [1, 3].", "It takes 30 days [1][3].", (1, 3)),
        ("It takes 30 days [1-3].", "It takes 30 days [1][2][3].", (1, 2, 3)),
        ("It takes 30 days [Source 2].", "It takes 30 days [2].", (2,)),
        ("It takes 30 days [^2].", "It takes 30 days [2].", (2,)),
        ("It takes 30 days 【2†source】.", "It takes 30 days [2].", (2,)),
        ("It takes 30 days [2, 9].", "It takes 30 days [2].", (2,)),
        ("It takes 30 days [9].", "It takes 30 days.", ()),
        ("It takes 30 days [0] [4] [99].", "It takes 30 days.", ()),
        ("Since [2023] it takes 30 days [1].", "Since [2023] it takes 30 days [1].", (1,)),
        ("See [the manual](x) for it [1].", "See [the manual](x) for it [1].", (1,)),
        ("Take [100 mg] twice within [30 days] [1].", "Take [100 mg] twice within [30 days] [1].", (1,)),
        (
            "Wait [5 days], [3.5%] of them from [12:30] on [1].",
            "Wait [5 days], [3.5%] of them from [12:30] on [1].",
            (1,),
        ),
        ("It takes 30 days [1, p. 5].", "It takes 30 days [1].", (1,)),
        ("Use `items[1]` here [2].", "Use `items[1]` here [2].", (2,)),
    ],
)
def test_markers(reply: str, text: str, markers: tuple[int, ...]) -> None:
    got, (sentence,) = shown(reply)
    assert (got, sentence.markers) == (text, markers)


def test_a_marker_after_the_full_stop_belongs_to_the_sentence_before_it() -> None:
    _, sentences = shown("Refunds take 30 days. [1] Gift cards are final. [2]")
    assert [(one.text, one.markers) for one in sentences] == [
        ("Refunds take 30 days.", (1,)),
        ("Gift cards are final.", (2,)),
    ]


def test_markers_in_a_code_block_are_code() -> None:
    reply = "Do this [1]:\n```\nx = items[1]\ny = items[7]\n```\nThen stop [2]."
    text, sentences = shown(reply)
    assert text == reply
    assert [sentence.markers for sentence in sentences] == [(1,), (2,)]


def test_a_marker_that_points_nowhere_is_left_out_of_comments_in_code() -> None:
    text, _ = shown("Do this:\n```\nx = items[9]  # the ninth [9]\ny = x // 2 [1]\n```\nDone [1].")
    assert text == "Do this:\n```\nx = items[9]  # the ninth\ny = x // 2 [1]\n```\nDone [1]."


@pytest.mark.parametrize("ticks", ["`", "``", "```"])
def test_backticks_that_nothing_closes_swallow_no_markers(ticks: str) -> None:
    text, sentences = shown(f"A stray {ticks} here [1]. ", "Fair [2, 9].\nNext ", "line [9]. And `x[3]` [3].")
    assert text == f"A stray {ticks} here [1]. Fair [2].\nNext line. And `x[3]` [3]."
    assert [one.markers for one in sentences] == [(1,), (2,), (), (3,)]


def test_a_marker_after_a_code_block_does_not_join_its_fence() -> None:
    assert shown("```\nx[1]\n```\n[9] Next [1].")[0] == "```\nx[1]\n```\n Next [1]."


def test_a_sentence_closes_as_soon_as_the_next_one_has_a_word() -> None:
    marked = MarkedText(2)
    marked.feed("It takes 30 days [1]. ")
    assert marked.closed() == []
    marked.feed("Gift cards ")
    marked.feed("are")
    assert [sentence.markers for sentence in marked.closed()] == [(1,)]


def test_white_space_around_the_reply_is_not_shown() -> None:
    assert shown("\n\n Hello [1] ", " \n")[0] == "Hello [1]"


REPLY = (
    "Refunds take 30 days [1]. See [2, 9] and 【3†x】 `a[1]` too. Next ` one [7].\n```\nx[1]\n```\nIn [2023] it was. "
    "[1][2] Last [1-3], e.g. No. 5"
)


@given(st.sets(st.integers(1, len(REPLY) - 1)))
def test_how_a_reply_is_cut_changes_nothing(cuts: set[int]) -> None:
    edges = [0, *sorted(cuts), len(REPLY)]
    pieces = [REPLY[start:end] for start, end in pairwise(edges)]
    assert shown(*pieces) == shown(REPLY)


@given(st.lists(st.text(alphabet="ab1239[],-.^ `\n【】 ", max_size=8), max_size=12), st.integers(0, 3))
@example(["[", "9", "]"], 3)
def test_no_marker_without_a_source_is_ever_shown(deltas: list[str], sources: int) -> None:
    text, sentences = shown(*(delta.replace("`", "") for delta in deltas), sources=sources)
    assert all(1 <= int(number) <= sources for number in re.findall(r"\[(\d{1,3})\]", text))
    assert all(1 <= marker <= sources for sentence in sentences for marker in sentence.markers)


@pytest.mark.parametrize("reply", ["[1[1】]", "[[9]1]", "[1[7]]]"])
def test_what_is_left_around_a_marker_that_was_taken_out_makes_none(reply: str) -> None:
    assert not re.search(r"\[\d\]", shown(reply, sources=0)[0])
    assert not re.search(r"\[\d\]", shown(*reply, sources=0)[0])


@given(st.lists(st.text(max_size=10), max_size=8))
def test_any_text_gets_through(deltas: list[str]) -> None:
    """Text without brackets is not changed."""
    plain = [re.sub(r"[\[\]【】]", "", delta) for delta in deltas]
    assert shown(*plain)[0].split() == "".join(plain).split()


def test_a_long_list_of_sources_is_cited_however_it_arrives() -> None:
    reply = "It takes 30 days [Source 1, Source 2, Source 3, Source 1, Source 2, Source 3]."
    assert shown(*(reply[at : at + 3] for at in range(0, len(reply), 3))) == shown(reply)
    assert shown(reply)[0] == "It takes 30 days [1][2][3]."


def test_a_marker_before_the_first_word_of_a_paragraph_belongs_to_what_follows() -> None:
    _, sentences = shown("[1] One is so. [2]\n\n[3] Two is so.\n\n[1]\n\nThree is so.")
    assert [(one.text, one.markers) for one in sentences] == [
        ("One is so.", (1, 2)),
        ("Two is so.", (3, 1)),
        ("Three is so.", ()),
    ]
