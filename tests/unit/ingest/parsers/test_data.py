"""Tables, records, XML, source code and e-mail."""

from __future__ import annotations

import json

import pytest

from ragkit.errors import ParseFailed
from ragkit.ingest.parsers import parse
from ragkit.parsed import Parsed
from ragkit.protocols import Source


def read(name: str, data: str | bytes, **options: str) -> Parsed:
    return parse(Source(name=name, data=data if isinstance(data, bytes) else data.encode(), options=options))


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_recognised(delimiter: str) -> None:
    rows = [["Name", "Note"], ["Ada", "1.5"], ["Bo", "2.5"]]
    assert read("a.csv", "\n".join(delimiter.join(row) for row in rows)).text == (
        "| Name | Note |\n| Ada | 1.5 |\n| Bo | 2.5 |"
    )


def test_quoted_cells_keep_their_delimiters_and_lose_their_line_breaks() -> None:
    assert read("a.csv", 'Name,Note\nAda,"one, two\nthree"\n').text == "| Name | Note |\n| Ada | one, two three |"


def test_a_long_table_repeats_its_header_in_every_group() -> None:
    text = read("a.csv", "Id,Value\n" + "".join(f"{n},value {n}\n" for n in range(200))).text
    assert all(group.startswith("| Id | Value |") for group in text.split("\n\n"))


def test_json_becomes_lines_that_say_where_they_are_from() -> None:
    value = {"title": "Profile", "limits": {"upper": 8.5, "on": True}, "tags": ["a", "b"], "steps": [{"after": 5}]}
    parsed = read("a.json", json.dumps(value))
    assert parsed.title == "Profile"
    assert parsed.text == "title: Profile\nlimits.upper: 8.5\nlimits.on: true\ntags: a, b\nsteps[1].after: 5"


def test_records_are_paragraphs_and_broken_lines_are_counted() -> None:
    parsed = read("a.jsonl", '{"id": 1, "text": "one"}\n{"id": 2, "text": "two"}\n{broken\n')
    assert parsed.text == "id: 1\ntext: one\n\nid: 2\ntext: two"
    assert parsed.warnings == ("1 lines are not JSON and were left out",)


def test_a_notebook_is_its_cells() -> None:
    cells = [{"cell_type": "markdown", "source": ["# Title\n", "Words."]}, {"cell_type": "code", "source": "x = 1"}]
    assert read("a.ipynb", json.dumps({"nbformat": 4, "cells": cells})).text == (
        "# Title\nWords.\n\n```python\nx = 1\n```"
    )


@pytest.mark.parametrize("text", ["{not json", "[" * 100_000])
def test_what_is_not_json_is_refused(text: str) -> None:
    with pytest.raises(ParseFailed):
        read("a.json", text)


def test_xml_says_what_its_values_are() -> None:
    item = "<item><id>KV-1</id><price>98</price></item>"
    parsed = read("a.xml", f"<r><title>List</title>{item}<p>See <b>it</b> &auml;.</p></r>")
    assert parsed.text == "title: List\n\nid: KV-1\nprice: 98\nSee it ä."
    assert parsed.title == "List"


def test_xml_whose_declared_encoding_is_wrong_is_read() -> None:
    text = '<?xml version="1.0" encoding="utf-16"?><r><port>8443</port></r>'
    assert read("a.xml", text.encode()).text == "port: 8443"
    assert read("a.xml", text.replace("utf-16", "utf-8").encode("utf-16")).text == "port: 8443"


def test_an_entity_bomb_is_refused() -> None:
    with pytest.raises(ParseFailed, match="entities"):
        read("a.xml", '<!DOCTYPE x [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;">]><x>&b;</x>')


@pytest.mark.parametrize(
    ("name", "text", "symbols"),
    [
        ("a.py", "import x\n\nclass A:\n    def inner(self): ...\n\nasync def run(): ...\n", ["A", "inner", "run"]),
        (
            "a.ts",
            "export interface A {}\nexport const go = () => 1\nexport async function run() {}\n",
            ["A", "go", "run"],
        ),
        (
            "a.js",
            "class A {\n  async go(x) {\n    if (x) {\n    }\n  }\n}\nfunction run() {}\n",
            ["A", "go", "run"],
        ),
        (
            "a.java",
            "public class A {\n    private int x;\n    public List<String> all(int n) {\n    }\n}\n",
            ["A", "all"],
        ),
        ("a.kt", "class A {\n    fun go() {}\n}\n", ["A", "go"]),
        ("a.rb", "module M\n  def go\n  end\nend\n", ["M", "go"]),
        ("a.php", "<?php\nclass A {\n    public function go() {}\n}\n", ["A", "go"]),
        ("a.go", "type T struct {}\nfunc (t T) Do() {}\n", ["T", "Do"]),
        ("a.rs", "pub struct S;\nimpl S {\n    fn new() {}\n}\npub(crate) fn run() {}\n", ["S", "S", "new", "run"]),
        ("a.c", "int main(void) {\n  return 0;\n}\nstruct s {\n", ["main", "s"]),
        ("a.sql", "CREATE TABLE IF NOT EXISTS users (id int);\ncreate view v as select 1;\n", ["users", "v"]),
        ("a.yaml", "server:\n  port: 1\nclient:\n", ["server", "client"]),
        ("a.toml", "[tool.x]\na = 1\n[[y]]\n", ["tool.x", "y"]),
        ("a.sh", "run() {\n  echo\n}\n", ["run"]),
    ],
)
def test_code_is_headed_by_its_symbols(name: str, text: str, symbols: list[str]) -> None:
    parsed = read(name, text)
    assert [heading.title for heading in parsed.headings] == symbols
    assert all((heading.level == 2) == parsed.text[heading.start].isspace() for heading in parsed.headings)
    assert parsed.text == text.rstrip()
