"""Stand-ins for the ports that load no model and write no file, for ragkit's own tests and for yours.

Each passes the same contract suite as the real thing.
"""

from __future__ import annotations

from ragkit.testing.chat import ScriptedChat
from ragkit.testing.embed import HashedEmbedder, TextEmbedder
from ragkit.testing.stores import MemoryKeywords, MemoryVectors

__all__ = ["HashedEmbedder", "MemoryKeywords", "MemoryVectors", "ScriptedChat", "TextEmbedder"]
