"""A second process over the same home: reads a command a line, writes an answer a line."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np

from ragkit.index.vectors import ChromaVectors, connect

DIMENSION = 16


def main() -> None:
    connection = connect(Path(sys.argv[1]))
    vectors = ChromaVectors(connection, "shared", DIMENSION, lambda: iter(()))
    for line in sys.stdin:
        command = json.loads(line)
        answer: object = None
        if command["do"] == "upsert":
            vectors.upsert([command["id"]], np.asarray([command["vector"]], np.float32))
        elif command["do"] == "search":
            answer = vectors.search(np.asarray(command["vector"], np.float32), k=3)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


main()
