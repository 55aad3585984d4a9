"""What stands around passages: their section, as far as it is near."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import Any

from sqlalchemy import Connection, Row, func, or_, select

from ragkit.index.rows import to_chunk
from ragkit.store.engine import Database
from ragkit.store.tables import chunks, versions
from ragkit.types import Section

__all__ = ["Surroundings"]

REACH = 8
"""Passages before and after one that are looked at; more than a prompt has room for."""


class Surroundings:
    """Over the catalog. Whoever may read a passage may read its section: rights belong to documents."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __call__(self, chunk_ids: Sequence[str]) -> dict[str, Section]:
        """The section of each passage; passages of one section share it. What is gone meanwhile has none."""
        place = select(chunks.c.id, chunks.c.version_id, chunks.c.ordinal).where(chunks.c.id.in_(chunk_ids))
        with self._database.read() as connection:
            places = connection.execute(place.order_by(chunks.c.version_id, chunks.c.ordinal)).all()
            sections = [
                section
                for version_id, found in groupby(places, key=lambda row: int(row.version_id))
                for section in _sections(connection, version_id, [row.ordinal for row in found])
            ]
        around = {one.chunk_id: section for section in sections for one in section.passages}
        return {key: around[key] for key in chunk_ids if key in around}


def _sections(connection: Connection, version_id: int, ordinals: Sequence[int]) -> list[Section]:
    """Of one version, around the passages with these numbers."""
    near = or_(*(chunks.c.ordinal.between(number - REACH, number + REACH) for number in ordinals))
    query = select(chunks).where(chunks.c.version_id == version_id, near).order_by(chunks.c.ordinal)
    runs = [run for run in _runs(connection.execute(query).all()) if any(row.ordinal in ordinals for row in run)]
    # Cut out by the database: a document may be long, and what is read of it is short.
    spans = [(run[0].start, max(row.end for row in run)) for run in runs]
    cuts = [func.substr(versions.c.text, start + 1, end - start) for start, end in spans]
    texts = connection.execute(select(*cuts).where(versions.c.id == version_id)).one()
    return [
        Section(passages=tuple(map(to_chunk, run)), start=start, text=text)
        for run, (start, _), text in zip(runs, spans, texts, strict=True)
    ]


def _runs(rows: Sequence[Row[Any]]) -> Iterator[list[Row[Any]]]:
    """Rows that follow each other under the same headings."""
    run: list[Row[Any]] = []
    for row in rows:
        if run and (row.ordinal != run[-1].ordinal + 1 or row.heading != run[-1].heading):
            yield run
            run = []
        run.append(row)
    if run:
        yield run
