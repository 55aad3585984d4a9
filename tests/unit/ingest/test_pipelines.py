from __future__ import annotations

from pathlib import Path

import pytest

from ragkit.errors import ConfigError
from ragkit.ingest.pipelines import load_pipeline, load_pipelines


def _write(folder: Path, text: str, name: str = "policies.toml") -> Path:
    file = folder / name
    file.write_text(text)
    return file


def test_a_pipeline_is_named_after_its_file_and_its_source_is_relative_to_it(tmp_path: Path) -> None:
    pipeline = load_pipeline(_write(tmp_path, 'source = "../docs"\ncollection = "c"\nexclude = ["*.tmp"]\n'))
    assert pipeline.name == "policies"
    assert pipeline.collection == "c"
    assert pipeline.root.path == (tmp_path.parent / "docs")
    assert pipeline.root.prefix == "policies/"
    assert pipeline.root.exclude == ("*.tmp",)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('collection = "c"', "source"),
        ('source = "."\nnonsense = 1', "nonsense"),
        ('source = "."\nprune = "maybe"', "prune"),
        ("source = ", "not valid TOML"),
    ],
)
def test_a_mistake_names_the_file_and_the_key(tmp_path: Path, text: str, named: str) -> None:
    with pytest.raises(ConfigError, match=named) as caught:
        load_pipeline(_write(tmp_path, text))
    assert "policies.toml" in caught.value.detail


def test_a_folder_without_pipelines_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no pipeline file") as caught:
        load_pipelines(tmp_path)
    assert "ragkit ingest PATH" in (caught.value.hint or "")


def test_the_pipelines_of_the_repository_are_valid(repository: Path) -> None:
    pipelines = load_pipelines(repository / "ingest" / "pipelines")
    assert [pipeline.name for pipeline in pipelines] == ["inbox", "sample"]
    assert all(pipeline.source.is_dir() for pipeline in pipelines)
