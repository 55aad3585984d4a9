"""What the benchmarks ingest: generated files, the same on every machine, and samples of real folders."""

from __future__ import annotations

import random
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

__all__ = [
    "change_a_sentence",
    "change_reports",
    "sample",
    "scifact",
    "sentences",
    "write_documents",
    "write_reports",
]

_WHO = (
    "the committee|the night shift|a new tenant|the harbour office|our supplier|the museum|the head nurse|the choir|"
    "every apprentice|the council|the ferry crew|a visiting engineer|the archive|the kitchen|the survey team|the bakery"
).split("|")
_DID = (
    "approved|measured|returned|repaired|counted|postponed|described|sold|inspected|borrowed|cleaned|painted|translated|"
    "replaced|photographed|delivered"
).split("|")
_WHAT = (
    "the copper valves|a set of maps|twelve oak doors|the winter timetable|the broken lift|an old ledger|three pumps|"
    "the garden wall|the payroll report|a crate of lamps|the eastern stairs|two violins|the water meter|the spare keys|"
    "a draft contract|the signal mast"
).split("|")
_WHERE = (
    "in the cellar|near the north gate|at the depot|behind the chapel|on the second floor|beside the river|"
    "in the reading room|at platform nine|under the bridge|in the workshop|at the border|on the island"
).split("|")
_WHEN = (
    "before dawn|on the last Friday of May|during the storm|after the audit|in the spring of 1987|within two days|"
    "at the end of the season|while the road was closed|on market day|once the invoice was paid"
).split("|")
_SENTENCE_END = re.compile(r"(?<=\w{3})\.(?=\s|</p>)")


def sentences(rng: random.Random) -> Iterator[str]:
    """English sentences without end; one in a million comes twice."""
    while True:
        words = [rng.choice(part) for part in (_WHO, _DID, _WHAT, _WHERE, _WHEN)]
        text = f"{' '.join(words)}, under reference {rng.randrange(10**6)}."
        yield text[0].upper() + text[1:]


def write_documents(folder: Path, count: int, *, length: int, seed: int) -> None:
    """Plain text files of `length` sentences each, at most a thousand in a folder."""
    rng = random.Random(seed)
    text = sentences(rng)
    for number in range(count):
        file = folder / f"{number // 1000:03}" / f"{number:06}.txt"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(" ".join(next(text) for _ in range(length)) + "\n", encoding="utf-8")


def sample(folder: Path, target: Path, *, limit: int | None, seed: int) -> Path:
    """Copy `limit` files of a folder, drawn with a seed, or all of them; paths below it are kept."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    if limit is not None and limit < len(files):
        files = sorted(random.Random(seed).sample(files, limit))
    for file in files:
        copy = target / file.relative_to(folder)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy)
    return target


def change_a_sentence(file: Path) -> bool:
    """Add three words to a sentence in the middle of the file; whether it has one."""
    text = file.read_text(encoding="utf-8", errors="surrogateescape")
    ends = [match.start() for match in _SENTENCE_END.finditer(text)]
    if not ends:
        return False
    middle = ends[len(ends) // 2]
    changed = f"{text[:middle]}, as amended since{text[middle:]}"
    file.write_text(changed, encoding="utf-8", errors="surrogateescape")
    return True


def scifact(rows: Sequence[dict[str, str]], folder: Path) -> Path:
    """One text file an abstract: its title, a blank line, its text."""
    folder.mkdir(parents=True)
    for row in rows:
        (folder / f"{row['_id']}.txt").write_text(f"{row['title']}\n\n{row['text']}\n", encoding="utf-8")
    return folder


def write_reports(folder: Path, seed: int) -> None:
    """Nine short documents and three of some pages, so that each state lasts for a while."""
    folder.mkdir()
    text = sentences(random.Random(seed))
    for number in range(12):
        length = 150 if number % 4 == 0 else 12
        paragraphs = [" ".join(next(text) for _ in range(4)) for _ in range(length // 4)]
        (folder / f"{number:02}.md").write_text(f"# Report {number}\n\n" + "\n\n".join(paragraphs) + "\n")


def change_reports(folder: Path, seed: int) -> None:
    """Three documents edited, one rewritten, one moved, one removed, two new."""
    text = sentences(random.Random(seed + 1))
    for number in (0, 1, 5):
        file = folder / f"{number:02}.md"
        file.write_text(file.read_text() + f"\n{next(text)}\n")
    (folder / "04.md").write_text("# Report 4\n\n" + " ".join(next(text) for _ in range(100)) + "\n")
    (folder / "moved").mkdir()
    (folder / "02.md").rename(folder / "moved" / "report.md")
    (folder / "03.md").unlink()
    for number, length in ((12, 10), (13, 120)):
        (folder / f"{number}.md").write_text(f"# Report {number}\n\n" + " ".join(next(text) for _ in range(length)))
