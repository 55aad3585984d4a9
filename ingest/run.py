"""Runs every pipeline of this folder, or what is named: `python ingest/run.py [PATH…]` is `ragkit ingest [PATH…]`."""

import os
import sys
from pathlib import Path

from ragkit.cli import main

if __name__ == "__main__":
    os.environ.setdefault("RAGKIT_PIPELINES", str(Path(__file__).parent / "pipelines"))
    sys.argv[1:1] = ["ingest"]
    main()
