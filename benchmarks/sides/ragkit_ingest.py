"""ragkit from the folder to searchable documents, in a process that is already warm.

python -m benchmarks.sides.ragkit_ingest HOME FOLDER [TEXTS]: TEXTS gets what was embedded, each distinct text once.
"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import asdict
from pathlib import Path

from ragkit import Ragkit
from ragkit.ingest.chunking import embedded_input
from ragkit.ingest.parsers.builder import clean_stem
from ragkit.settings import load

WARM = "warm-up"


def main() -> None:
    home, folder, *target = map(Path, sys.argv[1:])
    first = home / "first.md"
    first.write_text("# Opening hours\n\nThe museum opens at ten in the morning.\n", encoding="utf-8")
    with Ragkit.open(load(home=home)) as kit:
        kit.ingest(first, collection=WARM)
        started = time.perf_counter()
        report = kit.ingest(folder)
        seconds = time.perf_counter() - started
        if target:
            target[0].write_text(json.dumps(embedded_texts(kit)), encoding="utf-8")
    print(json.dumps({"seconds": seconds, "report": asdict(report)}))


def embedded_texts(kit: Ragkit) -> list[str]:
    """The input of each stored vector of the default collection."""
    texts: dict[str, None] = {}
    for document in kit.documents.list(collection="default"):
        name = document.uri.rsplit("/", 1)[-1]
        title = "" if document.title == clean_stem(name) else document.title  # made of the file name: not embedded
        for chunk in kit.documents.get(document.id, chunks=True).chunks:
            texts[embedded_input(title=title, heading=chunk.heading, text=chunk.text)] = None
    return list(texts)


if __name__ == "__main__":
    main()
