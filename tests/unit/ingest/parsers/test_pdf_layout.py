"""PDF: what stands where on a page, and how it is read."""

from __future__ import annotations

from ragkit.ingest.parsers import parse
from ragkit.parsed import Parsed
from ragkit.protocols import Source
from tests.documents import drawn, pdf

LEFT = [
    "The sensors of the left column measure",
    "the temperature of the air in the hall,",
    "and send it to the gateway below it.",
]
RIGHT = [
    "The gateways of the right column keep",
    "what they could not send to the cloud,",
    "until the connection is there again.",
]
FILLER = "A sentence of ordinary length that stands here so that the page has a body text of its own."


def read(*pages: bytes | list[str]) -> Parsed:
    return parse(Source(name="a.pdf", data=pdf(*pages), options={"ocr_languages": ""}))


def titles(parsed: Parsed) -> list[tuple[int, str]]:
    return [(heading.level, heading.title) for heading in parsed.headings]


def column(x: float, lines: list[str], *, top: float = 700) -> list[tuple[float, float, str]]:
    return [(x, top - 12 * index, line) for index, line in enumerate(lines)]


def grid(xs: list[float], ys: list[float]) -> list[tuple[float, float, float, float]]:
    return [(x, ys[0], x, ys[-1]) for x in xs] + [(xs[0], y, xs[-1], y) for y in ys]


def test_two_columns_are_read_one_after_the_other_though_the_file_has_them_row_by_row() -> None:
    rows = [text for pair in zip(column(50, LEFT), column(320, RIGHT), strict=True) for text in pair]
    assert read(drawn(*rows)).text == " ".join(LEFT) + "\n\n" + " ".join(RIGHT)


def test_a_title_above_two_columns_comes_first_and_a_note_below_them_last() -> None:
    title, note = (50, 740, f"{FILLER} {FILLER[:20]}"), (50, 600, FILLER + " The note goes below both columns.")
    text = read(drawn(note, *column(320, RIGHT), *column(50, LEFT), title)).text
    places = [text.index(part) for part in ("A sentence", "The sensors", "The gateways", "The note")]
    assert places == sorted(places)


def test_a_word_divided_at_the_foot_of_a_column_is_whole() -> None:
    left = [*LEFT, "They are tested once a year by a labora-"]
    right = ["tory that is accredited. Each of them has", *RIGHT]
    assert "by a laboratory that is accredited" in read(drawn(*column(50, left), *column(320, right))).text


def test_a_drawn_table_is_rows_of_cells() -> None:
    texts = [
        (60, 685, "Model"), (160, 685, "Battery life"), (60, 665, "S3"), (160, 670, "two"), (160, 660, "years"),
        (60, 645, "S4"), (160, 645, "18 months"), (50, 740, FILLER),
    ]  # fmt: skip
    parsed = read(drawn(*texts, lines=grid([50, 150, 300], [640, 656, 680, 700])))
    assert "| Model | Battery life |\n| S3 | two years |\n| S4 | 18 months |" in parsed.text


def test_a_cell_that_spans_columns_is_one_cell() -> None:
    texts = [
        (60, 705, "Model"),
        (160, 705, "Life"),
        (60, 685, "Sensors that we sell"),
        (60, 665, "S3"),
        (160, 665, "2"),
    ]
    lines = [*grid([50, 300], [660, 680, 700, 720]), (150, 660, 150, 680), (150, 700, 150, 720)]
    assert read(drawn(*texts, lines=lines)).text == "| Model | Life |\n| Sensors that we sell |  |\n| S3 | 2 |"


def test_columns_of_figures_without_lines_are_a_table() -> None:
    rows = [
        ("Article", "Pieces", "Price"),
        ("Sensor", "12", "48.00"),
        ("Gateway", "3", "199.00"),
        ("Cable", "40", "2.50"),
    ]
    texts = [(50 + 150 * x, 700 - 14 * y, cell) for y, row in enumerate(rows) for x, cell in enumerate(row)]
    assert "| Gateway | 3 | 199.00 |" in read(drawn((50, 760, FILLER), *texts)).text


def test_a_table_is_on_its_page() -> None:
    texts = [(60, 665, "S3"), (160, 665, "two years"), (60, 685, "Model"), (160, 685, "Battery life")]
    parsed = read([FILLER], drawn(*texts, lines=grid([50, 150, 300], [660, 680, 700])))
    table = parsed.text[parsed.pages[1].start : parsed.pages[1].end]
    assert table.strip() == "| Model | Battery life |\n| S3 | two years |"


def test_a_drawing_with_a_few_labels_is_not_a_table() -> None:
    lines = grid([50, 100, 150, 200, 250], [600, 620, 640, 660, 680])
    assert "|" not in read(drawn((50, 740, FILLER), (60, 605, "0"), (210, 665, "max"), lines=lines)).text


def test_bold_lines_are_headings_and_numbers_say_how_deep() -> None:
    texts = [
        (50, 780, "*2 Operation"), (50, 760, FILLER), (50, 730, "*2.1 Cleaning"), (50, 710, FILLER),
        (50, 680, "*2.1.1 Agents"), (50, 660, FILLER), (50, 640, "*This one ends with a full stop."),
    ]  # fmt: skip
    assert titles(read(drawn(*texts))) == [(1, "2 Operation"), (2, "2.1 Cleaning"), (3, "2.1.1 Agents")]


def test_a_heading_over_two_lines_is_one() -> None:
    parsed = read(["# What to do when the sensor does", "# not answer any more", "", FILLER, FILLER, FILLER])
    assert titles(parsed) == [(1, "What to do when the sensor does not answer any more")]


def test_the_outline_names_headings_only_on_the_page_to_which_it_leads() -> None:
    data = pdf(["Scope", FILLER], ["Scope", "", FILLER], outline=[("Scope", 2)])
    parsed = parse(Source(name="a.pdf", data=data))
    assert [heading.start for heading in parsed.headings] == [parsed.text.rindex("Scope")]
    assert parsed.headings[0].start >= parsed.pages[1].start


def test_a_running_header_that_changes_with_the_chapter_is_left_out_and_kept_as_metadata() -> None:
    def sheet(number: int) -> bytes:
        chapter = "Installation" if number <= 5 else "Maintenance"
        body = [f"{word} {'abcdefghijkl'[number]} {FILLER.lower()}" for word in ("First", "Then", "Next", "Last")]
        return drawn((50, 810, chapter), *column(50, body, top=760 - number), (300, 30, str(number + 12)))

    parsed = read(*map(sheet, range(1, 12)))
    assert "Installation" not in parsed.text
    assert "Maintenance" not in parsed.text
    assert "13" not in parsed.text
    assert parsed.metadata["header"] == "Installation · Maintenance"


def test_the_title_stays_where_the_header_repeats_it() -> None:
    def sheet(number: int) -> bytes:
        body = [f"{'abcdefghijkl'[number]} {word} {FILLER.lower()}" for word in ("First", "Then", "Next", "Last")]
        page = drawn(*column(50, body), (50, 30, f"Revision F, page {number + 1}"))
        return drawn((50, 800, "Sensor manual"), size=10 if number else 20) + page

    parsed = read(*map(sheet, range(6)))
    assert titles(parsed) == [(1, "Sensor manual")]
    assert parsed.text.count("Sensor manual") == 1
    assert parsed.metadata["header"] == "Sensor manual"
    assert parsed.metadata["footer"] == "Revision F"


def test_figures_that_end_each_page_are_not_page_numbers() -> None:
    totals = [420, 77, 1310, 56]
    parsed = read(*(drawn(*column(50, [FILLER] * 5), (50, 400, str(total))) for total in totals))
    assert all(str(total) in parsed.text for total in totals)


def test_a_word_divided_by_the_end_of_a_page_stands_whole_on_the_first() -> None:
    parsed = read([FILLER, "The gateway sends its measure-"], ["ments to the cloud.", FILLER])
    first, second = (parsed.text[page.start : page.end].strip() for page in parsed.pages)
    assert first.endswith("sends its measurements")
    assert second.startswith("to the cloud.")


def test_text_on_its_side_is_read_in_its_own_direction() -> None:
    turned = b"BT /F1 10 Tf 0 1 -1 0 100 100 Tm (%s) Tj ET\nBT /F1 10 Tf 0 1 -1 0 112 100 Tm (and goes on.) Tj ET\n"
    assert read(turned % FILLER.encode()).text == f"{FILLER} and goes on."
