from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from ragkit.testing import HashedEmbedder
from ragkit.whole import read_whole

EMBEDDER = HashedEmbedder(max_tokens=12)
WORDS = st.lists(st.sampled_from(["one", "two.", "Three", "four.\n\n", "five", "Six", "seven."]), max_size=60)


@settings(max_examples=50)
@given(WORDS, st.sampled_from(["", "Title > Heading\n"]))
def test_a_long_text_is_read_to_its_end(words: list[str], above: str) -> None:
    text = " ".join(words)
    (tokens,) = read_whole(EMBEDDER, [(above, text)])
    whole = above + text
    assert [whole[start:end] for start, end in tokens.spans] == [
        whole[start:end] for start, end in EMBEDDER.tokenizer.spans(whole)
    ]
    assert len(tokens.rows) == len(tokens.spans)


def test_a_context_that_fills_an_embedder_leaves_the_text_unread() -> None:
    (tokens,) = read_whole(EMBEDDER, [("word " * 20, "text")])
    assert len(tokens.spans) == 12
