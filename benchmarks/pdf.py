"""What a PDF costs: pages a second on one core, and the memory that a process takes for a long one.

python -m benchmarks.pdf --data DIR

The long document is made of the pages of the PDFs below DIR that have text, over and over.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import tempfile
from pathlib import Path

import pypdfium2

from benchmarks.harness import environment, measure, record

PAGES = 500
PARSE = """
import sys, time
from pathlib import Path
from ragkit.ingest.parsers import parse
from ragkit.protocols import Source
path = Path(sys.argv[1])
data = path.read_bytes()
started = time.process_time()
parsed = parse(Source(name=path.name, data=data, options={"ocr_languages": ""}))
print(time.process_time() - started, len(parsed.pages))
"""


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder with PDFs below it")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        used = _assemble(arguments.data, scratch / "long.pdf", PAGES)
        measured = measure([sys.executable, "-c", PARSE, scratch / "long.pdf"], env=environment(scratch))
        size = (scratch / "long.pdf").stat().st_size
    seconds, pages = map(float, measured.stdout.split())
    record(
        "pdf",
        parameters={"data": arguments.data.name, "files": used, "pages": PAGES, "bytes": size},
        results={
            "pages_per_s": round(pages / seconds, 1),
            "peak_mb": measured.peak_mb,
        },
    )


def _assemble(folder: Path, target: Path, pages: int) -> int:
    """Write a document of so many pages; how many files they come from."""
    sources = []
    for path in sorted(folder.rglob("*.pdf")):
        try:
            document = pypdfium2.PdfDocument(path)
        except pypdfium2.PdfiumError:
            continue  # encrypted or damaged
        if any(page.get_textpage().count_chars() for page in document):
            sources.append(document)
    with pypdfium2.PdfDocument.new() as made:
        for source in itertools.cycle(sources):
            made.import_pages(source, list(range(min(len(source), pages - len(made)))))
            if len(made) == pages:
                break
        made.save(target)
    return len(sources)


if __name__ == "__main__":
    main()
