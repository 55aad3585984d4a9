"""Conversion of a sentence-transformers folder for OpenVINO: once, in a process of its own.

The process keeps torch (6 s to import, 600 MB) out of the one that asks. What comes out lies in
`home/models/<name>-<SHA-256>`: the model with pooling and normalisation inside and the vector of each token as a second
output, its tokenizer, and `embedder.json`.
It is put there in one step, after it was held against torch in fp32.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ragkit.errors import ConfigError, MissingExtra
from ragkit.models.folder import ModelFolder, slug
from ragkit.models.openvino import compile_model, open_core, pad
from ragkit.models.tokenizer import ModelTokenizer
from ragkit.store.locks import locked

if TYPE_CHECKING:
    import openvino
    from sentence_transformers import SentenceTransformer

__all__ = ["converted", "convertible", "kept"]

_FORMAT = 2
_AGREEMENT = 0.999
_WAIT_S = 600.0
_SENTENCES = (
    "What is the notice period?",
    "Refunds are paid within 14 days of the return; gift cards are never refunded.",
    "SELECT pid, state FROM pg_stat_activity WHERE state <> 'idle';  -- E-4012, v1.2.3",
    "Die Größe des Straßenbelags beträgt 3,5 m² und wird jährlich geprüft.",
    "東京の天気は晴れです。",
    "0.9 % sodium chloride reduced the adjusted odds ratio (OR 0.71, 95% CI 0.58-0.87, p<0.001).",
    "",
    " ".join(f"Section {number}: the committee approved item {number * 7}." for number in range(14)),
)

_log = logging.getLogger(__name__)


def convertible(folder: ModelFolder) -> bool:
    """Whether this file knows the model's shape: a transformer, mean or first-token pooling, nothing else after."""
    return (
        folder.modules in (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"])
        and folder.pooling in {"mean", "cls"}
        and (folder.path / "tokenizer.json").is_file()
    )


def kept(name: str, *, home: Path, folder: ModelFolder | None = None) -> Path | None:
    """A conversion that was made before: of these weights, or of any by this name where the weights are not here."""
    for path, made in _conversions(name, home):
        if folder is None or made["stamp"] == folder.stamp:
            return path
    return None


def converted(folder: ModelFolder, *, home: Path) -> Path:
    """The converted folder, made on the first call.

    Raises:
        ConfigError: The weights are damaged, cannot be converted, or the result does not agree with torch.
        MissingExtra: torch or sentence-transformers is not installed.
    """
    if path := kept(folder.name, home=home, folder=folder):
        return path
    models = home / "models"
    models.mkdir(parents=True, exist_ok=True)
    with locked(models / ".lock", wait_s=_WAIT_S, what=f"the converted models in {str(models)!r}"):
        return kept(folder.name, home=home, folder=folder) or _convert(folder, models)


def _conversions(name: str, home: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    for file in sorted((home / "models").glob(f"{slug(name)}-*/embedder.json")):
        made = json.loads(file.read_text(encoding="utf-8"))
        if made["format"] == _FORMAT and made["name"] == name:
            yield file.parent, made


def _convert(folder: ModelFolder, models: Path) -> Path:
    _log.warning("Preparing the embedding model %r for this machine, once; this takes some seconds.", folder.name)
    sha256 = folder.sha256()
    target = models / f"{slug(folder.name)}-{sha256[:12]}"
    with tempfile.TemporaryDirectory(dir=models, prefix=".converting-") as name:
        beside = Path(name) / "model"
        beside.mkdir()
        shutil.copyfile(folder.path / "tokenizer.json", beside / "tokenizer.json")
        agreement = _run(folder, beside)
        tokenizer = ModelTokenizer(beside / "tokenizer.json")
        precisions = [precision for precision, least in agreement.items() if least >= _AGREEMENT]
        made = {
            "format": _FORMAT,
            "name": folder.name,
            "stamp": folder.stamp,
            "sha256": sha256,
            "spec": asdict(folder.spec(sha256=sha256, specials=tokenizer.specials)),
            "precisions": precisions,
            "agreement": agreement,
        }
        if "f32" not in precisions:
            raise ConfigError(
                f"The embedding model {folder.name!r} does not give the same vectors with OpenVINO "
                f"(cosine {agreement['f32']:.4f}).",
                hint="Set RAGKIT_EMBEDDER_BACKEND=torch.",
            )
        (beside / "embedder.json").write_text(json.dumps(made, indent=1), encoding="utf-8")
        if target.exists():  # of the same weights, by another format or with another time stamp
            target.rename(Path(name) / "older")
        beside.rename(target)
    return target


def _run(folder: ModelFolder, target: Path) -> dict[str, float]:
    """Convert in a child process; for each precision, the least cosine between its vectors and torch's."""
    command = [sys.executable, "-P", "-m", "ragkit.models.convert", str(folder.path), str(target)]
    environment = {**os.environ, "HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    lines = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
    if done.returncode == 0:
        result: dict[str, float] = json.loads(done.stdout.strip().splitlines()[-1])
        return result
    if "ModuleNotFoundError" in lines[-1]:
        raise MissingExtra(
            f"Preparing the embedding model {folder.name!r} failed: {lines[-1]}.", hint="pip install 'ragkit[local]'"
        )
    raise ConfigError(
        f"The embedding model {folder.name!r} could not be converted for OpenVINO: {lines[-1]}.",
        hint="Set RAGKIT_EMBEDDER_BACKEND=torch.",
    )


def _child(folder: ModelFolder, target: Path) -> dict[str, float]:
    import warnings

    core = open_core()  # before torch, whose helpers import openvino too
    import openvino
    from sentence_transformers import SentenceTransformer

    warnings.simplefilter("ignore")  # tracing warns of shapes; the vectors are compared below
    model = SentenceTransformer(str(folder.path), device="cpu", local_files_only=True).float().eval()
    openvino.save_model(_traced(model, folder.pooling), target / "openvino.xml", compress_to_fp16=True)
    tokenizer = ModelTokenizer(target / "tokenizer.json")
    ids = [tokenizer.shortened(text, folder.max_sequence) for text in tokenizer.ids(_SENTENCES)]
    reference = np.asarray(model.encode(list(_SENTENCES), prompt="", normalize_embeddings=True))
    capabilities = core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    agreement = {}
    for precision in ["f32", *(["bf16"] if "BF16" in capabilities else [])]:
        compiled = compile_model(core, target / "openvino.xml", precision=precision, hint="LATENCY")
        vectors = compiled(pad(ids, tokenizer.pad_id))[0]
        agreement[precision] = float((vectors * reference).sum(axis=1).min())
    return agreement


def _traced(model: SentenceTransformer, pooling: str) -> openvino.Model:
    import openvino
    import torch

    class Pooled(torch.nn.Module):
        def __init__(self, transformer: torch.nn.Module) -> None:
            super().__init__()
            self.transformer = transformer

        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            states = self.transformer(input_ids=input_ids, attention_mask=attention_mask)[0]
            unit = torch.nn.functional.normalize
            if pooling == "cls":
                return unit(states[:, 0], dim=1), unit(states, dim=2)
            mask = attention_mask.unsqueeze(-1).to(states.dtype)
            return unit((states * mask).sum(1) / mask.sum(1), dim=1), unit(states, dim=2)

    transformer = model[0].auto_model
    assert isinstance(transformer, torch.nn.Module)
    example = {name: torch.ones(2, 8, dtype=torch.long) for name in ("input_ids", "attention_mask")}
    return openvino.convert_model(
        Pooled(transformer),
        example_input=example,
        input=[(name, [-1, -1], openvino.Type.i64) for name in example],
    )


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_child(ModelFolder(name=sys.argv[1], path=Path(sys.argv[1])), Path(sys.argv[2]))))
