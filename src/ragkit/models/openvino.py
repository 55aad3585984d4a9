"""Embedding with OpenVINO: two to four times as fast as torch on a CPU, and loaded in a fraction of a second.

A folder that `convert` made holds all it takes; neither torch nor transformers is imported.
"""

from __future__ import annotations

import json
import sys
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ragkit.errors import ConfigError, InputError, MissingExtra
from ragkit.models.tokenizer import ModelTokenizer, located
from ragkit.protocols import EmbedderSpec, Tokenizer, TokenVectors
from ragkit.threads import Together

if TYPE_CHECKING:
    from openvino import CompiledModel, Core, InferRequest

    from ragkit.protocols import Matrix, Vector

__all__ = ["OpenVinoEmbedder", "compile_model", "open_core"]

_BATCH = 16
_WIDTH = 8
"""Questions are padded to a multiple of so many tokens: the processor computes on as many at a time. Only those of the
same width share a batch: padded to the longest of sixteen, they take as long as one by one."""
_COMPILING = Lock()
"""Of the process: the first inference initialises what all later ones share, and two first ones wait for each other."""


def open_core() -> Core:
    """OpenVINO's entry, with its telemetry kept out.

    Raises:
        MissingExtra: OpenVINO is not installed.
    """
    # Importing openvino tells its maker so over the network, through this package where that can be imported.
    sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]  # None: the import fails, by PEP 328
    try:
        from openvino import Core
    except ImportError as error:
        raise MissingExtra("The package 'openvino' is not installed.", hint="pip install 'ragkit[local]'") from error
    return Core()


def compile_model(
    core: Core, file: Path, *, precision: str, hint: str, threads: int | None = None, tokens: bool = True
) -> CompiledModel:
    """Make a model ready to run.

    Args:
        core: From `open_core`.
        file: The `.xml`; its `.bin` lies beside it.
        precision: `f32` or `bf16`.
        hint: `LATENCY` for one text at a time, `THROUGHPUT` for batches.
        threads: By default as many as OpenVINO sees fit.
        tokens: Whether the tokens' vectors come out too.

    Raises:
        ConfigError: The files are damaged.
    """
    options: dict[str, object] = {
        "INFERENCE_PRECISION_HINT": precision,
        "PERFORMANCE_HINT": hint,
        "ENABLE_CPU_PINNING": False,  # pinned, queries wait for the core that a batch in another process keeps busy
    }
    if threads is not None:
        options["INFERENCE_NUM_THREADS"] = threads
    try:
        with _COMPILING:
            model = core.read_model(file)
            if not tokens:
                for result in model.get_results()[1:]:
                    model.remove_result(result)
            compiled = core.compile_model(model, "CPU", options)
            compiled.create_infer_request().infer(pad([[0]], 0))
            return compiled
    except RuntimeError as error:
        raise ConfigError(
            f"The converted model {str(file)!r} cannot be loaded.",
            hint=f"Remove {str(file.parent)!r}: it is made again from the model's weights.",
        ) from error


class OpenVinoEmbedder:
    """An embedder over a converted folder; safe to share between threads.

    bfloat16 is used where the processor computes in it (AMX, AVX-512 BF16) and the conversion found it to agree.
    """

    def __init__(self, folder: Path) -> None:
        made = json.loads((folder / "embedder.json").read_text(encoding="utf-8"))
        self._spec = EmbedderSpec(**made["spec"])
        self._tokenizer = ModelTokenizer(folder / "tokenizer.json")
        self._file = folder / "openvino.xml"
        self._core = open_core()
        native = "BF16" in self._core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
        self._precision = "bf16" if native and "bf16" in made["precisions"] else "f32"
        self._loading = Lock()
        self._query = Together(self.embed_queries, most=_BATCH)
        self._asking = Lock()
        self._batches: dict[bool, CompiledModel] = {}
        self._single: CompiledModel | None = None
        self._request: InferRequest | None = None

    @property
    def spec(self) -> EmbedderSpec:
        return self._spec

    @property
    def tokenizer(self) -> Tokenizer:
        return self._tokenizer

    @property
    def precision(self) -> str:
        """`bf16` or `f32`."""
        return self._precision

    def embed_documents(self, texts: Sequence[str]) -> Matrix:
        """One row a text, in the order given.

        Raises:
            InputError: A text is longer than `spec.max_tokens`.
        """
        ids = self._tokenizer.ids([self._spec.document_prefix + text for text in texts])
        longest = max(map(len, ids), default=0) - self._tokenizer.specials
        if longest > self._spec.max_tokens:
            raise InputError(f"A text of {longest} tokens does not fit the embedder's {self._spec.max_tokens}.")
        vectors = np.empty((len(ids), self._spec.dimension), np.float32)

        def keep(request: InferRequest, rows: list[int]) -> None:
            vectors[rows] = request.get_output_tensor(0).data

        self._in_batches(ids, keep, tokens=False)
        return _unit(vectors)

    def embed_query(self, text: str) -> Vector:
        """The vector of a question; of a text longer than `spec.max_tokens`, that of its beginning.

        Questions of several threads are embedded together.
        """
        vector: Vector = self._query(text)
        return vector

    def embed_queries(self, texts: Sequence[str]) -> Matrix:
        """One row a question, in the order given; questions of like length are computed together."""
        limit = self._spec.max_tokens + self._tokenizer.specials
        ids = self._tokenizer.ids([self._spec.query_prefix + text for text in texts])
        alike: dict[int, list[int]] = {}
        for row, tokens in enumerate(ids):
            ids[row] = self._tokenizer.shortened(tokens, limit)
            alike.setdefault(-(-len(ids[row]) // _WIDTH), []).append(row)
        vectors = np.empty((len(ids), self._spec.dimension), np.float32)
        with self._asking:
            if self._request is None:
                self._request = self._asked().create_infer_request()
            for rows in alike.values():
                self._request.infer(pad([ids[row] for row in rows], self._tokenizer.pad_id, multiple=_WIDTH))
                vectors[rows] = self._request.get_output_tensor(0).data
        return _unit(vectors)

    def embed_tokens(self, texts: Sequence[str]) -> list[TokenVectors]:
        """The tokens of each text; of one longer than `spec.max_tokens`, those of its beginning."""
        prefix, limit = self._spec.document_prefix, self._spec.max_tokens + self._tokenizer.specials
        prefixed = [prefix + text for text in texts]
        ids = [self._tokenizer.shortened(text, limit) for text in self._tokenizer.ids(prefixed)]
        found: dict[int, TokenVectors] = {}

        def keep(request: InferRequest, rows: list[int]) -> None:
            states = request.get_output_tensor(1).data
            for place, row in enumerate(rows):
                placed = self._tokenizer.placed(prefixed[row], limit)
                found[row] = located(placed, states[place], prefix=len(prefix))

        if len(ids) > _BATCH:
            self._in_batches(ids, keep, tokens=True)
        elif ids:
            request = self._asked().create_infer_request()
            request.infer(self._padded(ids))
            keep(request, list(range(len(ids))))
        return [found[row] for row in range(len(texts))]

    def _in_batches(
        self, ids: Sequence[list[int]], keep: Callable[[InferRequest, list[int]], None], *, tokens: bool
    ) -> None:
        """Run all texts, some batches at the same time; `keep` is called with each batch and the rows that it is."""
        with self._loading:
            if tokens not in self._batches:
                self._batches[tokens] = compile_model(
                    self._core, self._file, precision=self._precision, hint="THROUGHPUT", tokens=tokens
                )
            model = self._batches[tokens]
        # Longest first: texts of like length share a batch, so little is padded, and a lack of memory shows at once.
        order = sorted(range(len(ids)), key=lambda row: -len(ids[row]))
        running: deque[tuple[InferRequest, list[int]]] = deque()
        parallel = int(model.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS"))
        free = [model.create_infer_request() for _ in range(parallel)]

        def collect() -> InferRequest:
            # OpenVINO's own queue calls back from its threads; one that does so while Python shuts down aborts it.
            request, rows = running.popleft()
            request.wait()
            keep(request, rows)
            return request

        for start in range(0, len(order), _BATCH):
            request = free.pop() if free else collect()
            rows = order[start : start + _BATCH]
            request.start_async(self._padded([ids[row] for row in rows]))
            running.append((request, rows))
        while running:
            collect()

    def _asked(self) -> CompiledModel:
        with self._loading:
            if self._single is None:
                # With a second thread a question waits for the slower of two cores, one of which a batch keeps busy.
                self._single = compile_model(
                    self._core, self._file, precision=self._precision, hint="LATENCY", threads=1
                )
            return self._single

    def _padded(self, ids: Sequence[list[int]]) -> dict[str, NDArray[np.int64]]:
        return pad(ids, self._tokenizer.pad_id)


def pad(ids: Sequence[Sequence[int]], pad_id: int, *, multiple: int = 1) -> dict[str, NDArray[np.int64]]:
    """The model's inputs, each of shape (texts, longest text), or as wide as the next multiple of some number."""
    width = -(-max(map(len, ids)) // multiple) * multiple
    tokens = np.full((len(ids), width), pad_id, np.int64)
    mask = np.zeros((len(ids), width), np.int64)
    for row, text in enumerate(ids):
        tokens[row, : len(text)] = text
        mask[row, : len(text)] = 1
    return {"input_ids": tokens, "attention_mask": mask}


def _unit(vectors: Matrix) -> Matrix:
    # Normalised inside the model too, but in its own precision.
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)
