"""Tables whose cells span rows and columns, as plain rows."""

from __future__ import annotations

__all__ = ["Grid"]

_MAX_SPAN = 50


class Grid:
    """Rows of text, filled cell by cell as the cells of an HTML table come."""

    def __init__(self) -> None:
        self.rows: list[list[str]] = []
        self._below: dict[int, tuple[int, str]] = {}
        """Column to (rows still to fill, text), for cells that span rows."""

    def row(self) -> None:
        """Begin a row."""
        self.rows.append([])
        self._fill_from_above()

    def cell(self, text: str, *, columns: int = 1, rows: int = 1) -> None:
        """Add a cell; what it says stands in its first column, and again in every row that it spans.

        Repeated downwards, because a passage may begin below the row in which the cell begins.
        """
        if not self.rows:
            self.row()
        current = self.rows[-1]
        for _ in range(min(max(columns, 1), _MAX_SPAN)):
            if rows > 1:
                self._below[len(current)] = (min(rows, 1000) - 1, text)
            current.append(text)
            text = ""
        self._fill_from_above()

    def _fill_from_above(self) -> None:
        current = self.rows[-1]
        while len(current) in self._below:
            left, text = self._below.pop(len(current))
            if left > 1:
                self._below[len(current)] = (left - 1, text)
            current.append(text)
