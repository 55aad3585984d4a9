"""LangChain's recursive splitter over texts: where each of its chunks stands.

python langchain_split.py TEXTS SIZE OVERLAP     (characters; TEXTS is a JSON object of texts by name)
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from langchain_text_splitters import RecursiveCharacterTextSplitter


def main() -> None:
    source, size, overlap = sys.argv[1:]
    splitter = RecursiveCharacterTextSplitter(chunk_size=int(size), chunk_overlap=int(overlap), add_start_index=True)
    places = []
    for name, text in json.loads(Path(source).read_text(encoding="utf-8")).items():
        for chunk in splitter.create_documents([text]):
            start = chunk.metadata["start_index"]
            assert text[start : start + len(chunk.page_content)] == chunk.page_content
            places.append((name, start, start + len(chunk.page_content)))
    print(json.dumps(places))


if __name__ == "__main__":
    main()
