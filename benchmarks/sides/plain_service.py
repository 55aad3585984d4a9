"""A service as tutorials have it: FastAPI over a store of LangChain in Chroma, with the vectors that it is given.

python plain_service.py MODEL TEXTS.json VECTORS.npy FOLDER PORT
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import chromadb
import numpy as np
import uvicorn
from fastapi import FastAPI
from langchain_chroma import Chroma
from langchain_huggingface import HuggingFaceEmbeddings
from pydantic import BaseModel

BATCH = 5000


class Question(BaseModel):
    query: str
    k: int = 10


def main() -> None:
    model, texts, vectors, folder, port = sys.argv[1:]
    client = chromadb.PersistentClient(folder)
    store = Chroma(
        client=client,
        collection_name="plain",
        embedding_function=HuggingFaceEmbeddings(model_name=model, model_kwargs={"device": "cpu"}),
        collection_metadata={"hnsw:space": "cosine"},
    )
    passages, rows = json.loads(Path(texts).read_text("utf-8")), np.load(vectors)
    for start in range(0, len(passages), BATCH):
        part = slice(start, start + BATCH)
        ids = [str(number) for number in range(len(passages))[part]]
        client.get_collection("plain").add(ids=ids, embeddings=rows[part], documents=passages[part])
    app = FastAPI()

    @app.post("/v1/search")
    def search(question: Question) -> dict[str, object]:
        found = store.similarity_search_with_score(question.query, k=question.k)
        return {"hits": [{"text": document.page_content, "score": score} for document, score in found]}

    uvicorn.run(app, host="127.0.0.1", port=int(port), log_level="warning")


if __name__ == "__main__":
    main()
