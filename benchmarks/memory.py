"""Peak memory of a run (PSS of ragkit's processes, Chroma's server apart): few and many documents, and one long PDF.

The documents are a short sentence each, so that many of them take minutes; they are embedded by the real model.

python -m benchmarks.memory [--files 2000 20000] [--pages 500]
"""

from __future__ import annotations

import argparse
import json
import random
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.corpora import sentences, write_documents
from benchmarks.harness import BIN, environment, measure, new_home, record
from tests.documents import pdf

LINES = 45  # on a page


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--files", type=int, nargs=2, default=[2_000, 20_000])
    parser.add_argument("--pages", type=int, default=500, help="of the PDF; it is compared with one of a single page")
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        few, many = (_documents(scratch / str(count), count, given.seed) for count in given.files)
        short, long = (_pdf(scratch / f"{pages} pages", pages, given.seed) for pages in (1, given.pages))
    peaks = {key: run["peak_without_chroma_mb"] for key, run in (("few", few), ("many", many))}
    results = {
        "documents": {str(count): run for count, run in zip(given.files, (few, many), strict=True)},
        "many_over_few": round(peaks["many"] / peaks["few"], 3),
        "pdf": {"1": short, str(given.pages): long},
        "the_long_pdf_adds_mb": round(long["peak_without_chroma_mb"] - short["peak_without_chroma_mb"], 1),
    }
    record("memory", parameters={"files": given.files, "pages": given.pages, "seed": given.seed}, results=results)


def _documents(scratch: Path, count: int, seed: int) -> dict[str, Any]:
    write_documents(scratch / "files", count, length=2, seed=seed)
    return _ingest(scratch, scratch / "files")


def _pdf(scratch: Path, pages: int, seed: int) -> dict[str, Any]:
    scratch.mkdir()
    text = sentences(random.Random(seed))
    lines = [[next(text) for _ in range(LINES)] for _ in range(pages)]
    (scratch / "report.pdf").write_bytes(pdf(*lines, title="Annual report"))
    return _ingest(scratch, scratch / "report.pdf")


def _ingest(scratch: Path, path: Path) -> dict[str, Any]:
    home = new_home(scratch / "home")
    measured = measure([BIN / "ragkit", "ingest", path, "--json"], env=environment(home))
    report = json.loads(measured.stdout)
    return {
        "peak_mb": measured.peak_mb,
        "peak_without_chroma_mb": measured.peak_without_chroma_mb,
        "seconds": round(measured.seconds, 1),
        **{key: report[key] for key in ("added", "quarantined", "chunks", "embedded")},
    }


if __name__ == "__main__":
    main()
