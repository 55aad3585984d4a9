from __future__ import annotations

import re
from pathlib import Path

import pytest

from ragkit.errors import ConfigError
from ragkit.ingest.pipelines import load_pipeline, load_pipelines
from ragkit.ingest.sources import discover


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
    assert pipeline.root.patterns.exclude == ("*.tmp",)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('collection = "c"', "line 1: the pipeline needs exactly one of source, urls and bucket, and has none."),
        ('source = "."\nbucket = "s3://b"', "has source and bucket."),
        ('source = "."\n\nprun = true', "line 3: 'prun' is not a key; 'prune' is."),
        ('source = "."\nprune = "maybe"', "line 2: 'prune' cannot be 'maybe': "),
        ('source = "."\nname = "mine"', "line 2: 'name' is not a key"),
        (
            'source = "."\nwatch = true\nschedule = "61 * * * *"',
            "line 3: 'schedule' is not a cron expression: bad minute.",
        ),
        ('source = "."\npii = "mask"', "line 2: 'pii' cannot be 'mask'"),
        ('source = "."\naccess = ["staff", "two words"]', "line 2: 'access.1' must be of"),
        ('urls = [\n  "https://a.example",\n  "ftp://b.example",\n]', "line 3: 'urls.1' must begin with http"),
        ('urls = ["https://a.example"]\nwatch = true', "watch = true, which only goes with source"),
        ('source = "."\n[storage]\nanon = true', "[storage], which only goes with bucket"),
        ('bucket = "/srv/files"', "line 1: 'bucket' must be a URL"),
        ('source = "."\n[parser]\npasword = "x"', "line 3: 'parser.pasword' is not a key; 'password' is."),
        ('source = "."\n[chunks]\ntokens = 8', "line 3: 'chunks.tokens' cannot be 8: "),
        ('source = "."\n[chunks]\ntokens = 100\noverlap = 60', "line 2: 'chunks' has an overlap of 60"),
        ('source = "."\n[filters]\nmax_symbols = 2', "line 3: 'filters.max_symbols' cannot be 2: "),
        ('source = "."\n[filters]\nmax_symbol = 1', "line 3: 'filters.max_symbol' is not a key; 'max_symbols' is."),
        ('source = "."\n[retrieval]\nweight = 0', "line 3: 'retrieval.weight' cannot be 0: "),
        ('source = "."\n[retrieval]\nhalf_life = "6m"', "line 3: 'retrieval.half_life' must be days, weeks or years"),
        ('source = "."\n[retrieval]\nhalf_life = 180', "line 3: 'retrieval.half_life' must be days, weeks or years"),
        ('source = "."\n[retrieval]\nhalflife = "2y"', "line 3: 'retrieval.halflife' is not a key; 'half_life' is."),
        ('source = "."\ninclude = [', "not valid TOML"),
        ("source = \n", "at line 1"),
    ],
)
def test_a_mistake_names_the_file_the_line_and_the_key(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_pipeline(_write(tmp_path, text))
    assert said in caught.value.detail
    assert str(tmp_path / "policies.toml") in caught.value.detail


def test_all_mistakes_of_all_files_are_told_at_once_from_top_to_bottom(tmp_path: Path) -> None:
    _write(tmp_path, 'source = "."\nprune = 3\nnonsense = 1\n[chunks]\nstrategy = "magic"', "a.toml")
    _write(tmp_path, 'source = "."', "b.toml")
    _write(tmp_path, "collection = 1", "c.toml")
    with pytest.raises(ConfigError) as caught:
        load_pipelines(tmp_path)
    places = re.findall(r"(\w)\.toml', line (\d)", caught.value.detail)
    assert places == [("a", "2"), ("a", "3"), ("a", "5"), ("c", "1")]


def test_a_pipeline_hands_its_options_and_tags_to_each_file(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.md").write_text("a")
    text = 'source = "docs"\naccess = ["staff", "hr"]\n[parser]\npassword = "s3cret"\nocr_languages = "deu+eng"\n'
    (item,) = discover([load_pipeline(_write(tmp_path, text)).root])
    assert (item.uri, item.access) == ("policies/a.md", ("staff", "hr"))
    assert item.options == {"password": "s3cret", "ocr_languages": "deu+eng"}


@pytest.mark.parametrize(("written", "days"), [("180d", 180), ("26w", 182), ("2y", 730)])
def test_a_half_life_is_a_number_of_days(tmp_path: Path, written: str, days: float) -> None:
    pipeline = load_pipeline(_write(tmp_path, f'source = "."\n[retrieval]\nweight = 1.2\nhalf_life = "{written}"'))
    assert (pipeline.retrieval.weight, pipeline.retrieval.half_life) == (1.2, days)


def test_a_glob_has_uris_from_its_fixed_part_on(tmp_path: Path) -> None:
    for path in ("2025/report.md", "2026/report.md", "2026/deep/report.md", "2026/notes.txt", "drafts/report.md"):
        (tmp_path / "docs" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "docs" / path).write_text("x")

    def found(source: str, more: str = "") -> list[str]:
        pipeline = load_pipeline(_write(tmp_path, f'source = "{source}"\n{more}'))
        return [item.uri.removeprefix("policies/") for item in discover([pipeline.root])]

    assert found("docs/20*/*.md") == ["2025/report.md", "2026/report.md"]
    assert found("docs/2026/**/*.md") == ["report.md", "deep/report.md"]
    assert found("docs/*/*", 'exclude = ["drafts/"]') == ["2025/report.md", "2026/notes.txt", "2026/report.md"]
    assert found("docs/*/*", 'include = ["*.txt"]') == ["2026/notes.txt"]


def test_a_folder_whose_name_looks_like_a_glob_is_a_folder(tmp_path: Path) -> None:
    (tmp_path / "docs [old]").mkdir()
    (tmp_path / "docs [old]" / "a.md").write_text("a")
    pipeline = load_pipeline(_write(tmp_path, 'source = "docs [old]"'))
    assert [item.uri for item in discover([pipeline.root])] == ["policies/a.md"]


def test_a_file_of_addresses_lies_beside_the_pipeline(tmp_path: Path) -> None:
    assert load_pipeline(_write(tmp_path, 'urls = "pages.txt"')).urls == tmp_path.resolve() / "pages.txt"


def test_a_folder_without_pipelines_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no pipeline file") as caught:
        load_pipelines(tmp_path)
    assert "ragkit ingest PATH" in (caught.value.hint or "")


def test_the_pipelines_of_the_repository_are_valid(repository: Path) -> None:
    pipelines = load_pipelines(repository / "ingest" / "pipelines")
    assert [pipeline.name for pipeline in pipelines] == ["inbox", "sample"]
    assert all(pipeline.root.path.is_dir() for pipeline in pipelines)
