"""What a prompt holds of the excerpts that answer a question: passages as they were found, and as they grow.

python -m benchmarks.sources --data DIR [--home DIR]

DIR is a folder of chunking_evaluation. The first passages of the product's own search are packed into the same budget
of tokens; a share of it is kept for what stands around them, or none, or only what is left over is used for that.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import lru_cache
from pathlib import Path
from statistics import fmean
from typing import Any

from benchmarks.harness import opened, record
from ragkit.answer.sources import Source, assembled
from ragkit.evaluate.chunking import TokenText, read_excerpts
from ragkit.index.surroundings import Surroundings
from ragkit.store.engine import Database
from ragkit.tokens import count_tokens
from ragkit.types import Hit

FOUND = 12
"""As many passages as an answer is made from."""
BUDGETS = (1_500, 3_000)
SHARES = (None, 0.0, 0.25, 0.5)
"""None: passages do not grow."""
Tokens = set[tuple[str, int]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True, help="a folder with questions_df.csv and corpora/")
    parser.add_argument("--home", type=Path, help="a RAGKIT_HOME that stays, so that nothing is embedded twice")
    given = parser.parse_args()
    excerpts = read_excerpts(given.data)
    with tempfile.TemporaryDirectory() as scratch:
        home = given.home or Path(scratch)
        with opened(home) as kit:
            kit.ingest(given.data / "corpora", collection="sources")
            documents = kit.documents.list(collection="sources")
            names = {one.id: one.uri.rsplit("/", 1)[-1] for one in documents}
            texts = {names[key]: kit.documents.get(key).text for key in names}
            tokens = {name: TokenText(text, excerpts.corpora[name]) for name, text in texts.items()}
            found = [kit.search(question, collection="sources", k=FOUND).hits for question in excerpts.questions]
        wanted = [
            {(name, token) for name, start, end in places for token in tokens[name].find(start, end) or ()}
            for places in excerpts.excerpts
        ]

        def shown(sources: Sequence[Source]) -> Tokens:
            spans = [(names[one.hit.document_id], one.hit.start, one.hit.end) for one in sources]
            return {(name, token) for name, start, end in spans for token in tokens[name].tokens(start, end)}

        with closing(Database.open(f"sqlite:///{home / 'ragkit.db'}")) as database:
            results = measured(found, wanted, shown, Surroundings(database))
    parameters = {"questions": len(wanted), "found": FOUND, "dataset_sha256": excerpts.sha256}
    record("sources", parameters=parameters, results=results)


def measured(
    found: Sequence[Sequence[Hit]],
    wanted: Sequence[Tokens],
    shown: Callable[[Sequence[Source]], Tokens],
    surroundings: Surroundings,
) -> dict[str, Any]:
    """By budget and share: what is shown of the excerpts, and how many sources hold it."""
    count = lru_cache(maxsize=None)(count_tokens)
    sections = [surroundings([hit.chunk_id for hit in hits]) for hits in found]
    results: dict[str, Any] = {}
    for budget in BUDGETS:
        for share in SHARES:
            given = [around if share is not None else {} for around in sections]
            packed = [
                assembled(hits, around, budget=budget, count=count, growth=share or 0.0)
                for hits, around in zip(found, given, strict=True)
            ]
            seen = [shown(sources) for sources in packed]
            shares = [len(have & want) / len(want) for have, want in zip(seen, wanted, strict=True) if want]
            results[f"{budget}, {'passages as they are' if share is None else share}"] = {
                "excerpts": round(fmean(shares), 4),
                "whole": round(fmean(share == 1 for share in shares), 4),
                "tokens": round(fmean(map(len, seen)), 1),
                "sources": round(fmean(map(len, packed)), 2),
            }
    return results


if __name__ == "__main__":
    main()
