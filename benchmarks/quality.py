"""What the quality gate holds back, of real documents and of planted bad ones; languages, near-duplicates, speed.

python -m benchmarks.quality --data DIR

DIR holds folders of documents, and `xquad/LANGUAGE/{corpus,queries}.jsonl` with paragraphs and questions whose language
is known. Times are of the processor, of one thread.
"""

from __future__ import annotations

import argparse
import base64
import itertools
import json
import random
import statistics
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.harness import REPOSITORY, folder, record
from ragkit.errors import RagkitError
from ragkit.index.duplicates import NEAR_DUPLICATE, bands, signature, similarity
from ragkit.ingest.language import language
from ragkit.ingest.parsers import parse
from ragkit.ingest.quality import QualityPolicy, judge
from ragkit.parsed import Parsed
from ragkit.protocols import Source
from ragkit.text import words

FOLDERS = ("kb_docs", "ingest_docling", "ingest_unstructured", "chunking_eval")
SEED = 7
PLANTED = 200
"""Planted texts of each kind."""

Texts = Mapping[str, str]


def real(path: Path) -> Texts:
    """The text of every file that can be parsed, by its path."""
    found = {}
    for file in sorted(file for file in path.rglob("*") if file.is_file()):
        try:
            found[file.relative_to(path).as_posix()] = parse(Source(name=file.name, data=file.read_bytes())).text
        except RagkitError:
            continue
    return found


def failed(text: str, policy: QualityPolicy) -> list[str]:
    parsed = Parsed(text=text, title="", media_type="text/plain")
    return [verdict.filter for verdict in judge(parsed, policy) if not verdict.passed]


def held_back(texts: Texts, policy: QualityPolicy) -> dict[str, Any]:
    reasons = {name: found for name, text in texts.items() if (found := failed(text, policy))}
    return {
        "documents": len(texts),
        "held_back": len(reasons),
        "share": share(len(reasons), len(texts)),
        "which": reasons,
    }


def share(part: int, whole: int) -> float:
    return round(part / whole, 4) if whole else 0.0


def wrongly_decoded(encoding: str) -> Callable[[str, random.Random], str]:
    return lambda text, _: text.encode().decode(encoding, errors="replace")


BAD: Mapping[str, Callable[[str, random.Random], str]] = {
    "random bytes as latin-1": lambda _, dice: dice.randbytes(3_000).decode("latin-1"),
    "random bytes as utf-8": lambda _, dice: dice.randbytes(3_000).decode(errors="replace"),
    "base64": lambda _, dice: base64.encodebytes(dice.randbytes(3_000)).decode(),
    "one sentence said 50 times": lambda text, _: " ".join([text[:200]] * 50),
    "one line said 50 times": lambda text, _: "\n".join([" ".join(text[:100].split())] * 50),
    "one paragraph said 50 times": lambda text, _: "\n\n".join([" ".join(text[:400].split())] * 50),
    "menu": lambda text, dice: "\n".join(" ".join(_letters(text, dice)).title() for _ in range(40)),
    "letters spaced apart": lambda text, _: " ".join("".join(text[:2_000].split())),
    "signs": lambda _, dice: "".join(dice.choices("#*~^=+-_/\\<>[]{}|: a1", k=2_000)),
    "hardly any text": lambda text, _: text[:6],
}
"""From a real text, a bad one."""

WRONGLY_DECODED = {name: wrongly_decoded(name) for name in ("cp1252", "latin-1", "mac-roman", "cp1251", "cp437")}


def _letters(text: str, dice: random.Random) -> list[str]:
    plain = [word for word in text.split() if word.isalpha()] or ["home"]
    return dice.choices(plain, k=dice.randint(1, 3))


def detected(
    makers: Mapping[str, Callable[[str, random.Random], str]], texts: Sequence[str], policy: QualityPolicy
) -> dict[str, Any]:
    """The share of planted texts that some filter holds back, and how often each filter does."""
    found = {}
    for name, make in makers.items():
        dice = random.Random(SEED)
        verdicts = [failed(make(text, dice), policy) for text in texts]
        filters = sorted(set(itertools.chain.from_iterable(verdicts)))
        found[name] = {
            "planted": len(texts),
            "share": share(sum(map(bool, verdicts)), len(texts)),
            "by": {filter: sum(filter in verdict for verdict in verdicts) for filter in filters},
        }
    return found


def languages(path: Path) -> dict[str, Any]:
    """Share that is told right, of paragraphs and of single questions."""
    found: dict[str, Any] = {}
    for place in sorted(place for place in path.iterdir() if place.is_dir()):
        for kind, file in (("paragraphs", "corpus.jsonl"), ("questions", "queries.jsonl")):
            texts = xquad(place / file)
            right = sum(language(text) == place.name for text in texts)
            found[f"{place.name} {kind}"] = {"texts": len(texts), "right": share(right, len(texts))}
    return found


def xquad(file: Path) -> list[str]:
    return [json.loads(line)["text"] for line in file.read_text("utf-8").splitlines()]


def near_duplicates(texts: Texts) -> dict[str, Any]:
    """How many edited copies are found, by the share of words edited; which real documents are taken for each other."""
    long = {name: words(text) for name, text in texts.items() if len(words(text)) >= 100}
    vocabulary = sorted(set(itertools.chain.from_iterable(long.values())))
    dice = random.Random(SEED)
    sample = [long[name] for name in dice.sample(sorted(long), min(PLANTED, len(long)))]
    found = {}
    for rate in (0.01, 0.02, 0.03, 0.05, 0.1):
        pairs = [
            (" ".join(text), " ".join(dice.choice(vocabulary) if dice.random() < rate else word for word in text))
            for text in sample
        ]
        found[f"{rate:.0%} of the words edited"] = _pairs(pairs)
    signed = {name: signature(" ".join(text)) for name, text in long.items()}
    return {"edited": found, "documents": len(signed), "pairs": _real_pairs(signed)}


def _pairs(pairs: Iterable[tuple[str, str]]) -> dict[str, float]:
    signed = [(signature(first), signature(second)) for first, second in pairs]
    near = [similarity(first, second) >= NEAR_DUPLICATE for first, second in signed]
    banded = [bool(set(bands(first)) & set(bands(second))) for first, second in signed]
    return {
        "similarity": round(statistics.median(similarity(first, second) for first, second in signed), 3),
        "near": share(sum(near), len(near)),
        "near_that_share_a_band": share(sum(n and b for n, b in zip(near, banded, strict=True)), sum(near)),
    }


def _real_pairs(signed: Mapping[str, bytes]) -> list[tuple[str, str, float]]:
    """The pairs that share a band and are near, most alike first."""
    shared: dict[bytes, list[str]] = {}
    for name, value in signed.items():
        for band in bands(value):
            shared.setdefault(band, []).append(name)
    candidates = {pair for names in shared.values() for pair in itertools.combinations(sorted(names), 2)}
    scored = [(a, b, round(similarity(signed[a], signed[b]), 3)) for a, b in candidates]
    return sorted((pair for pair in scored if pair[2] >= NEAR_DUPLICATE), key=lambda pair: -pair[2])


def per_second(texts: Sequence[str], work: Callable[[str], object]) -> dict[str, float]:
    work(texts[0])  # what is loaded once is not counted
    started = time.process_time()
    for text in texts:
        work(text)
    seconds = time.process_time() - started
    return {"texts": round(len(texts) / seconds), "megabytes": round(sum(map(len, texts)) / seconds / 1e6, 1)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="a folder with folders of documents, and xquad/")
    data = parser.parse_args().data
    paths = {"corpus": REPOSITORY / "data" / "corpus"} | {name: data / name for name in FOLDERS}
    texts = {name: real(path) for name, path in paths.items()}
    policy, listed = QualityPolicy(), QualityPolicy(languages=("en", "de"))
    pages = list(texts["kb_docs"].values())
    good = [text for text in pages if len(text) > 1_000][:PLANTED]
    german = [text for text in xquad(data / "xquad" / "de" / "corpus.jsonl") if not text.isascii()][:PLANTED]
    spanish = xquad(data / "xquad" / "es" / "corpus.jsonl")
    results = {
        "real": {name: held_back(found, policy) for name, found in texts.items()},
        "real_english_and_german_only": {name: held_back(texts[name], listed) for name in ("corpus", "kb_docs")},
        "planted": detected(BAD, good, policy),
        "german_wrongly_decoded": detected(WRONGLY_DECODED, german, policy),
        "spanish_where_english_and_german_are_allowed": detected({"paragraphs": lambda text, _: text}, spanish, listed),
        "language": languages(data / "xquad"),
        "near_duplicates": {name: near_duplicates(texts[name]) for name in ("corpus", "kb_docs")},
        "per_second_of_processor_time": {
            "judge": per_second(pages, lambda text: failed(text, policy)),
            "judge_with_languages": per_second(pages, lambda text: failed(text, listed)),
            "signature": per_second(pages, signature),
            "mean_characters": round(statistics.mean(map(len, pages))),
        },
    }
    record("quality", parameters={name: folder(path) for name, path in paths.items()}, results=results)


if __name__ == "__main__":
    main()
