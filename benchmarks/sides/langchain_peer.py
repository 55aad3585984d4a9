"""LangChain and Chroma, as their tutorials have it: load, split, embed and store a folder.

python langchain_peer.py MODEL FOLDER STORE
"""

from __future__ import annotations

import json
import sys
import time

from langchain_chroma import Chroma
from langchain_community.document_loaders import BSHTMLLoader, DirectoryLoader, TextLoader
from langchain_huggingface import HuggingFaceEmbeddings
from langchain_text_splitters import RecursiveCharacterTextSplitter


def main() -> None:
    model, folder, store = sys.argv[1:]
    embeddings = HuggingFaceEmbeddings(model_name=model, model_kwargs={"device": "cpu"})
    embeddings.embed_documents(["warm"] * 8)
    started = time.perf_counter()
    documents = [
        *DirectoryLoader(folder, glob="**/*.html", loader_cls=BSHTMLLoader).load(),
        *DirectoryLoader(folder, glob="**/*.txt", loader_cls=TextLoader).load(),
    ]
    splits = RecursiveCharacterTextSplitter(chunk_size=1000, chunk_overlap=200).split_documents(documents)
    vectors = Chroma(collection_name="peer", embedding_function=embeddings, persist_directory=store)
    # Chroma takes no more at once; the tutorials' `add_documents(all)` fails beyond it.
    for start in range(0, len(splits), 5000):
        vectors.add_documents(splits[start : start + 5000])
    found = vectors.similarity_search("warm", k=1)
    seconds = time.perf_counter() - started
    assert found
    print(json.dumps({"seconds": seconds, "documents": len(documents), "chunks": len(splits)}))


if __name__ == "__main__":
    main()
