"""Embeds a list of texts with one backend, as fast as that backend is known to be.

python embed.py {torch|openvino|onnx} {f32|bf16} MODEL TEXTS [VECTORS]
"""

from __future__ import annotations

import json
import sys
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

MAX_TOKENS = 256  # what this model reads
BATCH = 16
Encode = Callable[[Sequence[str]], Any]


def torch(model: Path, precision: str) -> Encode:
    """Plain `SentenceTransformer.encode`."""
    import torch
    from sentence_transformers import SentenceTransformer

    dtype = {"f32": torch.float32, "bf16": torch.bfloat16}[precision]
    loaded = SentenceTransformer(str(model), device="cpu", model_kwargs={"dtype": dtype})
    return lambda texts: loaded.encode(
        list(texts), batch_size=32, normalize_embeddings=True, show_progress_bar=False, convert_to_tensor=True
    ).float()


def openvino(model: Path, precision: str) -> Encode:
    """All texts tokenized first, sorted by length, and given to asynchronous requests in batches."""
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]
    import openvino as ov

    tokenize = _tokenizer(model)
    options = {"INFERENCE_PRECISION_HINT": precision, "PERFORMANCE_HINT": "THROUGHPUT"}
    compiled = ov.Core().compile_model(model / "openvino.xml", "CPU", options)
    parallel = int(compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))

    def finished(running: deque[tuple[Any, list[int]]], vectors: Any) -> Any:
        request, rows = running.popleft()
        request.wait()
        vectors[rows] = request.get_output_tensor(0).data
        return request

    def encode(texts: Sequence[str]) -> Any:
        ids = tokenize(texts)
        order = sorted(range(len(ids)), key=lambda row: -len(ids[row]))
        vectors = np.empty((len(ids), 384), np.float32)
        running: deque[tuple[Any, list[int]]] = deque()
        # AsyncInferQueue calls back into Python from its threads, and was seen to wait for itself for ever.
        free = [compiled.create_infer_request() for _ in range(parallel)]
        for start in range(0, len(order), BATCH):
            request = free.pop() if free else finished(running, vectors)
            rows = order[start : start + BATCH]
            request.start_async(_padded([ids[row] for row in rows]))
            running.append((request, rows))
        while running:
            finished(running, vectors)
        return vectors

    return encode


def onnx(model: Path, precision: str) -> Encode:
    """onnxruntime on the exported graph, sorted by length; it has no bfloat16 kernels for a processor."""
    import onnxruntime

    if precision != "f32":
        raise SystemExit(f"onnxruntime has no {precision} on a CPU.")
    tokenize = _tokenizer(model)
    session = onnxruntime.InferenceSession(str(model / "model.onnx"), providers=["CPUExecutionProvider"])

    def encode(texts: Sequence[str]) -> Any:
        ids = tokenize(texts)
        order = sorted(range(len(ids)), key=lambda row: -len(ids[row]))
        vectors = np.empty((len(ids), 384), np.float32)
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            vectors[rows] = session.run(None, _padded([ids[row] for row in rows]))[0]
        return vectors

    return encode


def _tokenizer(model: Path) -> Callable[[Sequence[str]], list[list[int]]]:
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(model / "tokenizer.json"))
    tokenizer.enable_truncation(MAX_TOKENS)
    tokenizer.no_padding()
    return lambda texts: [encoding.ids for encoding in tokenizer.encode_batch_fast(list(texts))]


def _padded(ids: list[list[int]]) -> dict[str, Any]:
    width = max(map(len, ids))
    tokens = np.zeros((len(ids), width), np.int64)
    mask = np.zeros((len(ids), width), np.int64)
    for row, text in enumerate(ids):
        tokens[row, : len(text)] = text
        mask[row, : len(text)] = 1
    return {"input_ids": tokens, "attention_mask": mask}


def main() -> None:
    backend, precision, model, source, *target = sys.argv[1:]
    texts = json.loads(Path(source).read_text(encoding="utf-8"))
    encode = {"torch": torch, "openvino": openvino, "onnx": onnx}[backend](Path(model), precision)
    encode(texts[:64])
    started = time.perf_counter()
    vectors = encode(texts)
    seconds = time.perf_counter() - started
    if target:
        np.save(target[0], np.asarray(vectors, np.float32))
    print(json.dumps({"seconds": seconds, "texts": len(texts)}))


if __name__ == "__main__":
    main()
