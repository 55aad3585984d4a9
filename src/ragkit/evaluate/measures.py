"""Measures of ranked documents, by trec_eval through ir-measures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ragkit.errors import MissingExtra

__all__ = ["DEPTH", "MEASURES", "ranking_measures"]

MEASURES = ("nDCG@10", "recall@10", "recall@100", "MRR@10", "map")
DEPTH = 100
"""Documents that a ranking is read to. `map` is of these, as in BEIR's own tables it is of 1,000."""

PerQuery = dict[str, dict[str, float]]
"""By measure, by query."""


def ranking_measures(
    qrels: Mapping[str, Mapping[str, int]], rankings: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, float]]:
    """Each measure of each query, from 0 to 1.

    Args:
        qrels: How relevant each judged document is, by query.
        rankings: Documents, best first; a query without a ranking has found nothing.

    Returns:
        By measure, by query, both in the order given.
    """
    try:
        import ir_measures
        from ir_measures import AP, RR, R, nDCG
    except ModuleNotFoundError as error:
        raise MissingExtra(
            f"To evaluate, the package {error.name!r} is needed.", hint="pip install 'ragkit[evaluate]'"
        ) from error
    named = dict(zip(MEASURES, (nDCG @ 10, R @ 10, R @ 100, RR @ 10, AP @ DEPTH), strict=True))
    # Scores that fall with the rank: trec_eval orders equal scores by id.
    run = {query: {document: float(-rank) for rank, document in enumerate(rankings.get(query, ()))} for query in qrels}
    found = {
        (str(metric.measure), metric.query_id): metric.value
        for metric in ir_measures.iter_calc(list(named.values()), {q: dict(d) for q, d in qrels.items()}, run)
    }
    return {name: {query: float(found[str(measure), query]) for query in qrels} for name, measure in named.items()}
