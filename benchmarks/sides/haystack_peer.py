"""Haystack and Chroma, as their tutorials have it: convert, clean, split, embed and write a folder.

python haystack_peer.py MODEL FOLDER STORE
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from haystack import Pipeline
from haystack.components.converters import HTMLToDocument, TextFileToDocument
from haystack.components.joiners import DocumentJoiner
from haystack.components.preprocessors import DocumentCleaner, DocumentSplitter
from haystack.components.routers import FileTypeRouter
from haystack.components.writers import DocumentWriter
from haystack.dataclasses import Document
from haystack.utils import ComponentDevice
from haystack_integrations.components.embedders.sentence_transformers import SentenceTransformersDocumentEmbedder
from haystack_integrations.document_stores.chroma import ChromaDocumentStore


def main() -> None:
    model, folder, path = sys.argv[1:]
    embedder = SentenceTransformersDocumentEmbedder(
        model=model, device=ComponentDevice.from_str("cpu"), progress_bar=False
    )
    embedder.warm_up()
    embedder.run(documents=[Document(content="warm")] * 8)
    started = time.perf_counter()
    store = ChromaDocumentStore(collection_name="peer", persist_path=path)
    indexing = Pipeline()
    indexing.add_component("router", FileTypeRouter(mime_types=["text/html", "text/plain"]))
    indexing.add_component("html", HTMLToDocument())
    indexing.add_component("text", TextFileToDocument())
    indexing.add_component("joiner", DocumentJoiner())
    indexing.add_component("cleaner", DocumentCleaner())
    indexing.add_component("splitter", DocumentSplitter(split_by="word", split_length=150, split_overlap=50))
    indexing.add_component("embedder", embedder)
    indexing.add_component("writer", DocumentWriter(document_store=store))
    indexing.connect("router.text/html", "html.sources")
    indexing.connect("router.text/plain", "text.sources")
    indexing.connect("html", "joiner")
    indexing.connect("text", "joiner")
    for first, second in (
        ("joiner", "cleaner"),
        ("cleaner", "splitter"),
        ("splitter", "embedder"),
        ("embedder", "writer"),
    ):
        indexing.connect(first, second)
    files = sorted(file for file in Path(folder).rglob("*") if file.is_file())
    indexing.run({"router": {"sources": files}})
    chunks = store.count_documents()
    seconds = time.perf_counter() - started
    assert chunks
    print(json.dumps({"seconds": seconds, "documents": len(files), "chunks": chunks}))


if __name__ == "__main__":
    main()
