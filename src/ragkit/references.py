"""What a reference to a numbered source looks like, in a reply and in the text of a document."""

from __future__ import annotations

__all__ = ["REFERENCE"]

_NUMBERS = r"\d{1,3}(?:\s*(?:[,;&–-]|and|und)\s*(?:sources?\s*)?\d{1,3})*"  # noqa: RUF001
_PLACE = r"[,:]\s*(?:(?:pp?|pages?|s|seiten?|sec|sections?|abs)\b\.?|§)\s*[\w.–-]{1,9}|(?::\d{1,3})?†[^\]】\[\n]{0,12}"  # noqa: RUF001
REFERENCE = rf"[\[【]\^?(?:(?:sources?|quellen?)\s*)?#?(?P<numbers>{_NUMBERS})(?!\d)\s*(?:{_PLACE})?\s*[\]】]"
"""`[1]`, `[1, 2]`, `[1-3]`, `[^1]`, `[Source 1]`, `[1, p. 5]`, `【1†source】`; to be matched in any case. A
number of four digits is a year, and `[30 days]` a quantity."""
