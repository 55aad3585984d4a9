"""The numbers behind a chart in an Office file."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from xml.etree import ElementTree

__all__ = ["chart_rows", "charts_of"]

_CHART = "{http://schemas.openxmlformats.org/drawingml/2006/chart}"
_MAX_POINTS = 10_000


def charts_of(data: bytes, folder: str) -> Iterator[list[list[str]]]:
    """The charts stored in a folder of a package."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for name in archive.namelist():
            if name.startswith(f"{folder}/chart") and name.endswith(".xml"):
                yield chart_rows(archive.read(name))


def chart_rows(markup: bytes) -> list[list[str]]:
    """A row a category, a column a series, from the values that the chart caches; empty where it has none."""
    try:
        root = ElementTree.fromstring(markup)  # noqa: S314  # packages with entities were refused
    except ElementTree.ParseError:
        return []
    series = list(root.iter(f"{_CHART}ser"))
    if not series:
        return []
    names = ["".join(_points(one.find(f"{_CHART}tx")).values()) for one in series]
    values = [_points(one.find(f"{_CHART}val")) or _points(one.find(f"{_CHART}yVal")) for one in series]
    categories = _points(series[0].find(f"{_CHART}cat")) or _points(series[0].find(f"{_CHART}xVal"))
    indices = sorted({index for points in (categories, *values) for index in points})
    rows = [[categories.get(index, ""), *(points.get(index, "") for points in values)] for index in indices]
    return [["", *names], *rows] if rows else []


def _points(element: ElementTree.Element | None) -> dict[int, str]:
    """Cached values by their index."""
    if element is None:
        return {}
    found: dict[int, str] = {}
    for point in element.iter(f"{_CHART}pt"):
        value = point.find(f"{_CHART}v")
        if value is not None and len(found) < _MAX_POINTS:
            found[int(point.get("idx", "0"))] = _shown(value.text or "")
    return found


def _shown(value: str) -> str:
    try:
        return f"{float(value):.12g}"
    except ValueError:
        return value
