from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from ragkit.ingest.positions import key_lines

KEYS = st.text("abc-_ ]#=\"'.ü", min_size=1, max_size=4)
VALUES = st.one_of(st.integers(0, 9), st.text("a ]#[=\"'\\ü", max_size=5))


def test_keys_entries_and_sections_have_the_lines_on_which_they_begin() -> None:
    toml = (
        '# a comment with = and [\nsource = "a"\n\ninclude = [ # "]\n  "x", "y",\n\n  "]",\n]\n'
        'text = """\n[chunks]\n"""\n[parser]\r\n\n  password = "x"\r\n[chunks.more]\na.b = {c = [1]}'
    )
    assert key_lines(toml) == {
        ("source",): 2,
        ("include",): 4,
        ("include", 0): 5,
        ("include", 1): 5,
        ("include", 2): 7,
        ("text",): 9,
        ("parser",): 12,
        ("parser", "password"): 14,
        ("chunks",): 15,
        ("chunks", "more"): 15,
        ("chunks", "more", "a"): 16,
        ("chunks", "more", "a", "b"): 16,
        ("chunks", "more", "a", "b", "c"): 16,
        ("chunks", "more", "a", "b", "c", 0): 16,
    }


@given(st.dictionaries(KEYS, st.one_of(VALUES, st.lists(VALUES, max_size=4)), max_size=5), st.integers(0, 2))
def test_every_key_is_found_where_it_was_written(values: dict[str, object], blank: int) -> None:
    """A JSON string is a TOML string."""
    lines: list[str] = []
    expected: dict[tuple[str | int, ...], int] = {}
    for key, value in values.items():
        lines += ["# [a]"] * blank
        expected[key,] = len(lines) + 1
        name = json.dumps(key, ensure_ascii=False)
        if isinstance(value, list):
            lines.append(f"{name} = [")
            for index, entry in enumerate(value):
                lines.append(f"  {json.dumps(entry, ensure_ascii=False)}, # ]")
                expected[key, index] = len(lines)
            lines.append("]")
        else:
            lines.append(f"{name} = {json.dumps(value, ensure_ascii=False)}")
    assert key_lines("\n".join(lines)) == expected
