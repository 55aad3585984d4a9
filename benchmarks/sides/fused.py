"""Hybrid search as the tutorials of a framework have it, over a folder in BEIR's format.

python fused.py {langchain|llamaindex|haystack} MODEL FOLDER

Prints the ids of the first hundred documents of each query, as JSON: each ranks where its best passage does.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

DEEP = 200  # passages
Row = dict[str, str]
Search = Callable[[str], Iterable[str]]
"""The ids of the documents that passages are from, best first."""


def langchain(model: str, corpus: list[Row]) -> Search:
    """EnsembleRetriever over BM25Retriever and Chroma."""
    from langchain_chroma import Chroma
    from langchain_classic.retrievers import EnsembleRetriever
    from langchain_community.retrievers import BM25Retriever
    from langchain_core.documents import Document
    from langchain_huggingface import HuggingFaceEmbeddings
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    documents = [Document(page_content=_text(row), metadata={"source": row["_id"]}) for row in corpus]
    splits = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200).split_documents(documents)
    embeddings = HuggingFaceEmbeddings(model_name=model, model_kwargs={"device": "cpu"})
    vectors = Chroma(collection_name="peer", embedding_function=embeddings)
    for start in range(0, len(splits), 5000):
        vectors.add_documents(splits[start : start + 5000])
    keywords = BM25Retriever.from_documents(splits, k=DEEP)
    dense = vectors.as_retriever(search_kwargs={"k": DEEP})
    fused = EnsembleRetriever(retrievers=[keywords, dense], weights=[0.5, 0.5])
    return lambda query: (hit.metadata["source"] for hit in fused.invoke(query))


def llamaindex(model: str, corpus: list[Row]) -> Search:
    """QueryFusionRetriever over VectorStoreIndex and BM25Retriever, by reciprocal rank."""
    from llama_index.core import Document, VectorStoreIndex
    from llama_index.core.llms import MockLLM
    from llama_index.core.retrievers import QueryFusionRetriever
    from llama_index.core.retrievers.fusion_retriever import FUSION_MODES
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding
    from llama_index.retrievers.bm25 import BM25Retriever

    documents = [Document(text=_text(row), id_=row["_id"]) for row in corpus]
    embedding = HuggingFaceEmbedding(model_name=model, device="cpu")
    index = VectorStoreIndex.from_documents(documents, embed_model=embedding)
    nodes = list(index.docstore.docs.values())
    fused = QueryFusionRetriever(
        [
            index.as_retriever(similarity_top_k=min(DEEP, len(nodes))),
            BM25Retriever.from_defaults(nodes=nodes, similarity_top_k=min(DEEP, len(nodes))),
        ],
        llm=MockLLM(),
        similarity_top_k=DEEP,
        num_queries=1,  # the question as it is: writing others takes a language model
        mode=FUSION_MODES.RECIPROCAL_RANK,
        use_async=False,
    )
    return lambda query: (str(hit.node.ref_doc_id) for hit in fused.retrieve(query))


def haystack(model: str, corpus: list[Row]) -> Search:
    """DocumentJoiner by reciprocal rank over both in-memory retrievers."""
    from haystack import Pipeline
    from haystack.components.joiners import DocumentJoiner
    from haystack.components.preprocessors import DocumentSplitter
    from haystack.components.retrievers.in_memory import InMemoryBM25Retriever, InMemoryEmbeddingRetriever
    from haystack.dataclasses import Document
    from haystack.document_stores.in_memory import InMemoryDocumentStore
    from haystack.utils import ComponentDevice
    from haystack_integrations.components.embedders.sentence_transformers import (
        SentenceTransformersDocumentEmbedder,
        SentenceTransformersTextEmbedder,
    )

    options: dict[str, Any] = {
        "model": model, "device": ComponentDevice.from_str("cpu"), "progress_bar": False,
    }  # fmt: skip
    documents = [Document(content=_text(row), meta={"source": row["_id"]}) for row in corpus]
    splits = DocumentSplitter(split_by="word", split_length=150, split_overlap=50)
    splits.warm_up()
    embedder = SentenceTransformersDocumentEmbedder(**options)
    embedder.warm_up()
    store = InMemoryDocumentStore(embedding_similarity_function="cosine")
    store.write_documents(embedder.run(documents=splits.run(documents=documents)["documents"])["documents"])
    fused = Pipeline()
    fused.add_component("embedder", SentenceTransformersTextEmbedder(**options))
    fused.add_component("dense", InMemoryEmbeddingRetriever(store, top_k=DEEP))
    fused.add_component("keywords", InMemoryBM25Retriever(store, top_k=DEEP))
    fused.add_component("joiner", DocumentJoiner(join_mode="reciprocal_rank_fusion", top_k=DEEP))
    fused.connect("embedder.embedding", "dense.query_embedding")
    fused.connect("dense", "joiner")
    fused.connect("keywords", "joiner")

    def search(query: str) -> Iterable[str]:
        found = fused.run({"embedder": {"text": query}, "keywords": {"query": query}})
        return (hit.meta["source"] for hit in found["joiner"]["documents"])

    return search


def _text(row: Row) -> str:
    # As BEIR has it. Behind a line break of its own the title becomes a passage of LangChain's, and what is there many
    # times counts that often in its fusion: that costs it half of its measure, and is not what it is measured for.
    return f"{row['title']} {row['text']}" if row.get("title") else row["text"]


def _rows(file: Path) -> list[Row]:
    return [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines() if line.strip()]


def main() -> None:
    framework, model, folder = sys.argv[1:]
    search = {"langchain": langchain, "llamaindex": llamaindex, "haystack": haystack}[framework](
        model, _rows(Path(folder) / "corpus.jsonl")
    )
    found = {
        row["_id"]: list(dict.fromkeys(search(row["text"])))[:100] for row in _rows(Path(folder) / "queries.jsonl")
    }
    sys.stdout.write("\n" + json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
