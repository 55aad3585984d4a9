"""Plain text, Markdown, HTML: the formats with a fast path."""

from __future__ import annotations

import pytest

from ragkit.errors import ParseFailed
from ragkit.ingest.parsers import parse
from ragkit.parsed import Parsed
from ragkit.protocols import Source


def read(name: str, text: str | bytes, **options: str) -> Parsed:
    return parse(Source(name=name, data=text if isinstance(text, bytes) else text.encode(), options=options))


def outline(parsed: Parsed) -> list[tuple[int, str]]:
    return [(heading.level, heading.title) for heading in parsed.headings]


@pytest.mark.parametrize("codec", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
def test_the_encoding_is_recognised(codec: str) -> None:
    text = "Die Gebühr beträgt 12 Euro. Schöne Grüße aus Köln, wo es häufig regnet und die Straßen naß sind."
    assert read("a.txt", text.encode(codec)).text == text


def test_an_encoding_can_be_prescribed() -> None:
    assert read("a.txt", "Привет, мир".encode("koi8-r"), encoding="koi8-r").text == "Привет, мир"


def test_one_damaged_byte_does_not_turn_a_long_text_into_another_encoding() -> None:
    text = "Grüße aus Köln.\n" * 200
    assert read("a.txt", text.encode() + b"\xff end").text.startswith("Grüße aus Köln.\nGrüße")


def test_line_ends_and_odd_characters_are_normalised() -> None:
    assert read("a.txt", "a\r\nb\rc\u2028d e\u0301\u00adf\u200b").text == "a\nb\nc\nd éf"


def test_plain_text_has_headings_where_they_stand_out() -> None:
    parsed = read("a.txt", "Guide\n=====\n\nWords.\n\n2.1 Scope\n\nMore words.\n\nWho pays?\n\nNobody does.\n")
    assert outline(parsed) == [(1, "Guide"), (3, "2.1 Scope"), (2, "Who pays?")]
    assert parsed.title == "Guide"


def test_subtitles_lose_their_times() -> None:
    text = "WEBVTT\n\n1\n00:01.000 --> 00:04.000\n<v Ada>The port is 8443.\n\n2\n00:05.000 --> 00:06.000\nThanks.\n"
    assert read("a.vtt", text).text == "Ada: The port is 8443.\nThanks."


def test_a_subtitle_of_one_word_or_number_is_text() -> None:
    cues = "1\n00:00:01,000 --> 00:00:02,000\nYes\n\n2\n00:00:03,000 --> 00:00:04,000\n8443\nports\n"
    assert read("a.srt", cues).text == "Yes\n8443\nports"


MARKDOWN = """---
title: "The port"
author: [Ada, Bo]
---

# Gateway <a id="x"></a>

It *listens* on **port `8443`**, see [the guide](guide.md) and [the site](https://example.org/a_(b)).

Second heading
--------------

* one
* two `a_b_c` and __init__ but not snake_case_name

| Plan | Price |
|------|------:|
| A \\| B | **10** |

```bash
# not a heading
curl --port 8443
```

> [!NOTE]
> Mind the gap.
<!-- hidden -->
![A diagram](x.png)
"""


def test_markdown_loses_its_marks_and_keeps_what_it_says() -> None:
    parsed = read("a.md", MARKDOWN)
    assert parsed.title == "The port"
    assert parsed.metadata == {"author": "Ada, Bo"}
    assert outline(parsed) == [(1, "Gateway"), (2, "Second heading")]
    assert "It listens on port 8443, see the guide and the site (https://example.org/a_(b))." in parsed.text
    assert "- one\n- two a_b_c and init but not snake_case_name" in parsed.text
    assert "| Plan | Price |\n| A ¦ B | 10 |" in parsed.text
    assert "```bash\n# not a heading\ncurl --port 8443\n```" in parsed.text
    assert "Note: \nMind the gap." in parsed.text or "Note:\nMind the gap." in parsed.text
    assert "hidden" not in parsed.text
    assert "A diagram" in parsed.text


def test_front_matter_becomes_metadata_with_dates_in_iso_8601() -> None:
    front = "title: T\nauthors: [Ada, Bo]\ndate: March 3, 2026\nlastmod: 2026-03-04T10:00:00Z\ntags: [a, b]"
    parsed = read("a.md", f"---\n{front}\nreviewed: {{by: Bo, ok: true}}\n---\nWords.")
    assert parsed.title == "T"
    assert parsed.metadata == {
        "author": "Ada, Bo", "date": "2026-03-03", "modified": "2026-03-04", "tags": "a, b",
        "reviewed": "by: Bo, ok: True",
    }  # fmt: skip


def test_front_matter_that_is_not_yaml_or_refers_to_itself_is_read_as_text() -> None:
    assert "a: [" in read("a.md", "---\na: [\n---\nText.").text
    assert "lol" in read("a.md", "---\na: &a [lol]\nb: [*a, *a]\n---\nText.").text


def test_a_long_table_repeats_its_header() -> None:
    rows = "\n".join(f"| item {n} | {n * 10} kronor |" for n in range(100))
    groups = read("a.md", f"| Article | Price |\n|---|---|\n{rows}").text.split("\n\n")
    assert len(groups) > 4
    assert all(group.startswith("| Article | Price |\n| item ") for group in groups)
    assert all(len(group) < 700 for group in groups)


HTML = """<!DOCTYPE html><html lang="en"><head><title>Port &amp; gateway</title><style>.x{}</style>
<meta name="author" content="Ada"></head><body>
<nav><a href="/">Home</a></nav><header>Acme</header>
<div class="navheader">Prev Next</div>
<main><h1>Gateway</h1><p>It listens on
 <b>port</b>&nbsp;8443.<br>Not on 80.</p>
<ul><li>one<ul><li>inner</li></ul></li><li><p>two</p><p>more of two</p></li></ul><ol start="3"><li>three</li></ol>
<dl><dt>term</dt><dd><p>What it means.</p></dd></dl>
<table><tr><th>Plan</th><th>Price</th></tr><tr><td rowspan="2">A</td><td>10</td></tr><tr><td>20</td></tr></table>
<pre><code class="language-sql">SELECT 1
  FROM t;</code></pre>
<script>alert("no")</script></main><footer>Imprint</footer></body></html>"""


def test_html_is_its_main_content() -> None:
    parsed = read("a.html", HTML)
    assert parsed.title == "Port & gateway"
    assert parsed.metadata == {"author": "Ada", "language": "en"}
    assert parsed.text == (
        "# Gateway\n\nIt listens on port 8443.\nNot on 80.\n\n- one\n  - inner\n- two\n\nmore of two\n\n3. three\n\n"
        "- term: What it means.\n\n| Plan | Price |\n| A | 10 |\n| A | 20 |\n\n```sql\nSELECT 1\n  FROM t;\n```"
    )


def test_cookie_bars_and_footers_are_left_out_and_dates_are_iso_8601() -> None:
    parsed = read(
        "a.html",
        "<meta name=date content='3 March 2026'>"
        "<meta property='article:modified_time' content='2026-03-04T10:00+01:00'>"
        "<div id='cookie-consent'>We use cookies.</div><h1>Ports</h1><p>Open: 8443.</p>"
        "<div class='site-footer'>Imprint</div>",
    )
    assert parsed.text == "# Ports\n\nOpen: 8443."
    assert parsed.metadata == {"date": "2026-03-03", "modified": "2026-03-04"}


def test_a_page_that_is_all_navigation_is_read_rather_than_refused() -> None:
    assert "Home" in read("a.html", "<body><nav><p>Home of the gateway</p></nav></body>").text


def test_a_page_that_a_script_would_fill_has_no_text() -> None:
    script = "<script>window.state = {port: 8443}</script><style>p {color: red}</style>"
    page = f"<body><div id=app></div>{script}<noscript>Turn scripts on.</noscript></body>"
    with pytest.raises(ParseFailed, match="no text"):
        read("a.html", page)
    assert read("a.html", f"<body><nav><p>Home of the gateway</p></nav>{script}</body>").text == "Home of the gateway"


def test_a_table_that_arranges_the_page_is_not_a_table() -> None:
    parsed = read("a.html", "<table><tr><td><h2>Left</h2><p>One.</p></td><td><p>Two.</p></td></tr></table>")
    assert parsed.text == "## Left\n\nOne.\n\nTwo."


def test_the_charset_of_the_page_is_obeyed() -> None:
    page = '<meta charset="iso-8859-1"><p>Gebühr „hoch“: 12 €</p>'
    assert "Gebühr „hoch“: 12 €" in read("a.html", page.encode("cp1252")).text


def test_a_deeply_nested_page_is_read() -> None:
    assert "deep" in read("a.html", "<div>" * 5000 + "deep" + "</div>" * 5000).text
