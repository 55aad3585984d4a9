"""What the parsers make of real files: words, order and headings against a ground truth, and how every file ends.

python -m benchmarks.formats --data DIR

DIR holds `ingest_docling` (`pairs.tsv`: source and the Markdown that it should give) and any of `ingest_unstructured`,
`ingest_markitdown` and `ingest_hostile`, whose `probe.jsonl`, where there is one, knows the number of pages.
"""

from __future__ import annotations

import argparse
import csv
import html
import json
import re
import statistics
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from rapidfuzz.distance import LCSseq

from benchmarks.harness import folder, record
from ragkit.errors import RagkitError, UnsupportedFormat
from ragkit.ingest.isolation import ParsedFile, ParserPool
from ragkit.parsed import Parsed

GROUND_TRUTH = "ingest_docling"
COLLECTED = ("ingest_unstructured", "ingest_markitdown", "ingest_hostile")
NOT_DATA = {"MANIFEST.md", "probe.jsonl", "labels.tsv"}
TIMEOUT_S = 60.0
NO_OPTIONS: dict[str, str] = {}

_WORDS = re.compile(r"\w+")
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)
_FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^#{1,6} +(.+?)[ #]*$", re.MULTILINE)


def main() -> None:
    """Measure and record."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="the folder of the sets")
    parser.add_argument("--only", default="", help="print those with this ending, such as .pdf, and record nothing")
    arguments = parser.parse_args()
    data = arguments.data.resolve()
    pool = ParserPool(workers=2, timeout_s=TIMEOUT_S)
    try:
        compared = list(_compared(data / GROUND_TRUTH, arguments.only, pool))
        outcomes = {name: _outcomes(data / name, arguments.only, pool) for name in COLLECTED if (data / name).exists()}
    finally:
        pool.close()
    results = {"ground truth by format": _by_format(compared), "ground truth": compared, "outcomes": outcomes}
    if arguments.only:
        print(json.dumps(results, indent=2))
    else:
        record(
            "formats", parameters={"data": [folder(data / name) for name in (GROUND_TRUTH, *outcomes)]}, results=results
        )


def _compared(root: Path, only: str, pool: ParserPool) -> Iterator[dict[str, Any]]:
    """Each pair of source and ground truth; a source that no parser reads is left out, one that fails scores 0."""
    with (root / "pairs.tsv").open(encoding="utf-8") as file:
        pairs = [(row["source"], row["groundtruth_markdown"]) for row in csv.DictReader(file, delimiter="\t")]
    files = ((pair, root / pair[0], Path(pair[0]).name, NO_OPTIONS) for pair in pairs if pair[0].endswith(only))
    for (source, truth), result in pool.parse_all(files):
        if isinstance(result, UnsupportedFormat):
            continue
        row: dict[str, Any] = {"source": source}
        if isinstance(result, RagkitError):
            yield row | {"f1": 0.0, "failed": result.detail}
        else:
            yield row | _scores(result.parsed, (root / truth).read_text(encoding="utf-8"))


def _scores(parsed: Parsed, truth: str) -> dict[str, float | None]:
    """Token-multiset F1; of the words in common, the part in the same order; precision and recall of headings."""
    truth = html.unescape(_COMMENT.sub("", truth))
    found, wanted = _words(parsed.text), _words(truth)
    common = (Counter(found) & Counter(wanted)).total()
    titles = Counter(_title(heading.title) for heading in parsed.headings)
    wanted_titles = Counter(_title(title) for title in _HEADING.findall(_FENCED.sub("", truth)))
    right = (titles & wanted_titles).total()
    return {
        "f1": round(2 * common / (len(found) + len(wanted)), 4),
        "order": round(LCSseq.similarity(found, wanted) / common, 4) if common else None,
        "headings_precision": round(right / titles.total(), 4) if titles else None,
        "headings_recall": round(right / wanted_titles.total(), 4) if wanted_titles else None,
    }


def _words(text: str) -> list[str]:
    return _WORDS.findall(text.casefold().replace("_", " "))


def _title(text: str) -> str:
    return " ".join(_words(text))


def _by_format(compared: Sequence[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    formats: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in compared:
        formats[Path(row["source"]).suffix].append(row)
    return {
        suffix: {"files": len(rows)}
        | {key: _mean(rows, key) for key in ("f1", "order", "headings_precision", "headings_recall")}
        for suffix, rows in sorted(formats.items())
    }


def _mean(rows: Sequence[dict[str, Any]], key: str) -> float | None:
    """Over the files that have such a score: no precision where no heading was found, no recall where none is."""
    values = [row[key] for row in rows if row.get(key) is not None]
    return round(statistics.mean(values), 4) if values else None


def _outcomes(root: Path, only: str, pool: ParserPool) -> dict[str, Any]:
    """How every file ended; those that ended badly by name."""
    pages = _known_pages(root / "probe.jsonl")
    paths = [path for path in sorted(root.rglob(f"*{only}")) if path.is_file() and path.name not in NOT_DATA]
    counted: Counter[str] = Counter()
    named: defaultdict[str, list[str]] = defaultdict(list)
    for path, result in pool.parse_all((path, path, path.name, NO_OPTIONS) for path in paths):
        uri = path.relative_to(root).as_posix()
        outcome = _outcome(result)
        counted[outcome] += 1
        if isinstance(result, RagkitError):
            named[outcome].append(f"{uri}: {result.detail}")
        elif outcome != "read":
            named[outcome].append(uri)
        elif (known := pages.get(uri)) is not None:
            right = len(result.parsed.pages) == known
            counted["page count equal" if right else "page count differs"] += 1
            if not right:
                named["page count differs"].append(f"{uri}: {len(result.parsed.pages)}, not {known}")
    return {"files": len(paths), **dict(sorted(counted.items())), "named": dict(sorted(named.items()))}


def _outcome(result: ParsedFile | RagkitError) -> str:
    if isinstance(result, ParsedFile):
        return "read" if _words(result.parsed.text) or result.parsed.attachments else "empty success"
    if "crashed its parser" in result.detail or "ended its parser" in result.detail:
        return "crash"
    return "hang" if "was given up after" in result.detail else result.code


def _known_pages(probe: Path) -> dict[str, int]:
    if not probe.exists():
        return {}
    rows = [json.loads(line) for line in probe.read_text(encoding="utf-8").splitlines()]
    return {row["path"]: row["pages"] for row in rows if "pages" in row}


if __name__ == "__main__":
    main()
