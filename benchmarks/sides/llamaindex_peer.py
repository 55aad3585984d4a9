"""LlamaIndex and Chroma, as their tutorials have it: load, split, embed and store a folder.

python llamaindex_peer.py MODEL FOLDER STORE
"""

from __future__ import annotations

import json
import sys
import time

import chromadb
from llama_index.core import SimpleDirectoryReader, StorageContext, VectorStoreIndex
from llama_index.embeddings.huggingface import HuggingFaceEmbedding
from llama_index.vector_stores.chroma import ChromaVectorStore


def main() -> None:
    model, folder, store = sys.argv[1:]
    embedding = HuggingFaceEmbedding(model_name=model, device="cpu")
    embedding.get_text_embedding_batch(["warm"] * 8)
    started = time.perf_counter()
    documents = SimpleDirectoryReader(folder, recursive=True).load_data()
    collection = chromadb.PersistentClient(path=store).get_or_create_collection("peer")
    context = StorageContext.from_defaults(vector_store=ChromaVectorStore(chroma_collection=collection))
    index = VectorStoreIndex.from_documents(documents, storage_context=context, embed_model=embedding)
    found = index.as_retriever(similarity_top_k=1).retrieve("warm")
    seconds = time.perf_counter() - started
    assert found
    print(json.dumps({"seconds": seconds, "documents": len(documents), "chunks": collection.count()}))


if __name__ == "__main__":
    main()
