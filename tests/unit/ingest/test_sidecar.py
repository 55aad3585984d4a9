from __future__ import annotations

import json

import pytest

from ragkit.errors import InputError
from ragkit.ingest.sidecar import describes, read_sidecar


def test_values_become_text_lists_have_commas_and_dates_are_iso() -> None:
    sidecar = {
        "title": " Travel policy ",
        "tags": ["travel", "hr"],
        "date": "3 March 2026",
        "version": 4,
        "draft": False,
        "reviewer": None,
        "note": "on 3 March 2026",
    }
    assert read_sidecar("a.pdf.meta.json", json.dumps(sidecar).encode()) == {
        "title": "Travel policy",
        "tags": "travel, hr",
        "date": "2026-03-03",
        "version": "4",
        "draft": "false",
        "note": "on 3 March 2026",
    }


def test_what_no_database_keeps_is_left_out() -> None:
    sidecar = {"title": "Travel\0 policy \ud83d", "tags": ["a\udc00", "b"], "key\0": "x", "empty": "\0"}
    assert read_sidecar("a.pdf.meta.json", json.dumps(sidecar).encode()) == {
        "title": "Travel policy",
        "tags": "a, b",
        "key": "x",
    }


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b'{"title": ', "not valid JSON"),
        (b"\xff\xfe", "not valid JSON"),
        (b"[" * 60_000, "not valid JSON"),
        (b'["title"]', "not a JSON object"),
        (b'{"author": {"name": "Ada"}}', "'author'"),
        (b'{"a": "' + b"x" * 70_000 + b'"}', "limit"),
    ],
)
def test_a_damaged_sidecar_is_named_with_what_is_wrong(data: bytes, said: str) -> None:
    with pytest.raises(InputError, match=said) as caught:
        read_sidecar("a.pdf.meta.json", data)
    assert "'a.pdf.meta.json'" in caught.value.detail


def test_only_a_file_beside_its_file_is_a_sidecar() -> None:
    assert describes("a.pdf.meta.json", {"a.pdf"})
    assert not describes("a.pdf.meta.json", {"b.pdf"})
    assert not describes("a.pdf", {"a"})
