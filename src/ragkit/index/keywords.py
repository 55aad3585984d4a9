"""BM25 over the chunks of one collection, in a tantivy index on disk.

Folder of an index: `current`, a link to the subfolder that is read, so that a rebuilt index takes its place at once;
`.lock`, held by whoever writes, since tantivy refuses a second writer. A reader looks at `current/meta.json` before
each search and reloads when another process has committed. A subfolder is named after the version of the schema that it
was built by; whoever finds an index of another version first builds it anew.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from ragkit.errors import StorageError
from ragkit.index.keyword_query import Weights, query_of, terms_of
from ragkit.index.keyword_terms import document, register, schema
from ragkit.protocols import KeywordEntry
from ragkit.store.locks import locked

if TYPE_CHECKING:
    import tantivy

__all__ = ["TantivyIndex"]

_log = logging.getLogger(__name__)

_SCHEMA_VERSION = 2
"""Of the fields and of how text becomes terms (`ragkit.index.keyword_terms`)."""
_SPOKEN = 0.01
"""Share of the passages that a language needs to be searched by its own rules: the detector errs on a few."""
_DISK = (errno.EACCES, errno.ENOSPC, errno.EROFS, errno.EDQUOT)
_LOCK_WAIT_S = 60.0
_HEAP = 64_000_000  # bytes that a writer gathers before it writes a segment; tantivy asks for 15 MB at least


@dataclass(frozen=True, slots=True)
class _Opened:
    folder: Path
    stamp: tuple[int, int, int]
    index: tantivy.Index
    schema: tantivy.Schema
    languages: tuple[str, ...]
    """Of the passages, the most frequent first."""


class TantivyIndex:
    """A keyword index at `path`; nothing is created before the first update.

    Args:
        path: Its folder.
        entries: All that it must hold, for building it anew when another version of ragkit has built it.
        weights: What each kind of term counts.

    Raises:
        StorageError: From any method but `rebuild` and `drop`: the files are damaged.
        Busy: From `update` and `rebuild`: another process kept writing for a minute.
    """

    def __init__(
        self,
        path: Path,
        entries: Callable[[], Iterable[KeywordEntry]] | None = None,
        *,
        weights: Weights = Weights(),  # noqa: B008
    ) -> None:
        self._path = path
        self._entries = entries
        self._weights = weights
        self._opened: _Opened | None = None
        self._opening = Lock()

    def update(self, *, add: Sequence[KeywordEntry], delete: Sequence[str]) -> None:
        """Add entries, each in place of an older one of its chunk id, and remove chunk ids, in one commit."""
        if not add and not delete:
            return
        with self._writing():
            self._renew()
            if self._stamp() is None:
                if not add:
                    return
                self._switch_to(self._build(()))
            opened = self._load()
            assert opened is not None
            with _guarded(self._path):
                _write(opened.index, add, {*delete, *(entry.chunk_id for entry in add)})

    def search(self, query: str, *, k: int, document_ids: Sequence[str] = ()) -> list[tuple[str, float]]:
        opened = self._open()
        if opened is None or k <= 0:
            return []
        with _guarded(self._path):
            searcher = opened.index.searcher()
            wanted = query_of(
                query,
                searcher=searcher,
                schema=opened.schema,
                languages=opened.languages,
                weights=self._weights,
                document_ids=document_ids,
            )
            if wanted is None:
                return []
            hits = searcher.search(wanted, limit=k, count=False).hits
            return [(str(searcher.doc(address).get_first("chunk_id")), float(score)) for score, address in hits]

    def terms(self, query: str) -> dict[str, int]:
        opened = self._open()
        if opened is None:
            return {}
        with _guarded(self._path):
            return terms_of(query, searcher=opened.index.searcher(), languages=opened.languages)

    def ids(self) -> set[str]:
        """Every chunk id that can be found."""
        import tantivy

        opened = self._open()
        if opened is None:
            return set()
        with _guarded(self._path):
            searcher = opened.index.searcher()
            if not searcher.num_docs:
                return set()
            hits = searcher.search(tantivy.Query.all_query(), limit=searcher.num_docs, count=False).hits
            return {str(searcher.doc(address).get_first("chunk_id")) for _, address in hits}

    def rebuild(self, entries: Iterable[KeywordEntry]) -> None:
        """Build the index anew beside the old one and put it in its place; searches go on meanwhile."""
        with self._writing():
            self._switch_to(self._build(entries))

    def drop(self) -> None:
        """Remove it from disk, all but the lock, which another process may be waiting for."""
        with self._opening:
            self._opened = None
        with self._writing():
            (self._path / "current").unlink(missing_ok=True)
            self._remove_folders(keep="")

    @contextmanager
    def _writing(self) -> Iterator[None]:
        with contextlib.ExitStack() as held:
            with _guarded(self._path):
                self._path.mkdir(parents=True, exist_ok=True)
                what = f"the keyword index {str(self._path)!r}"
                held.enter_context(locked(self._path / ".lock", wait_s=_LOCK_WAIT_S, what=what))
            yield

    def _build(self, entries: Iterable[KeywordEntry]) -> Path:
        import tantivy

        folder = self._path / f"{_SCHEMA_VERSION}-{uuid.uuid4().hex}"
        try:
            with _guarded(self._path):
                folder.mkdir()
                index = tantivy.Index(schema(), path=str(folder))
                register(index)
                _write(index, entries, ())
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return folder

    def _switch_to(self, folder: Path) -> None:
        link = self._path / f"{folder.name}.link"
        with _guarded(self._path):
            link.symlink_to(folder.name)
            link.replace(self._path / "current")
        self._remove_folders(keep=folder.name)

    def _remove_folders(self, *, keep: str) -> None:
        for folder in self._path.iterdir():
            if folder.is_dir() and not folder.is_symlink() and folder.name != keep:
                shutil.rmtree(folder, ignore_errors=True)  # readers keep what they have mapped

    def _stamp(self) -> tuple[int, int, int] | None:
        """Changes with every commit and rebuild; none when there is no index."""
        try:
            stat = (self._path / "current" / "meta.json").stat()
        except FileNotFoundError:
            if (self._path / "current").exists():
                raise _damaged(self._path) from None
            return None
        return stat.st_ino, stat.st_mtime_ns, stat.st_size

    def _open(self) -> _Opened | None:
        if self._outdated():
            with self._writing():
                self._renew()
        return self._load()

    def _outdated(self) -> bool:
        try:
            target = (self._path / "current").readlink()
        except FileNotFoundError:
            return False
        return not target.name.startswith(f"{_SCHEMA_VERSION}-")

    def _renew(self) -> None:
        """Build an index of another version anew; for whoever holds the lock, which another process may have held."""
        if not self._outdated():
            return
        if self._entries is None:
            raise StorageError(
                f"The keyword index {str(self._path)!r} was built by another version of ragkit.",
                hint="`ragkit verify --repair` rebuilds it from the catalog.",
            )
        _log.warning("Another version of ragkit built the keyword index %s; building it anew.", self._path)
        self._switch_to(self._build(self._entries()))

    def _load(self) -> _Opened | None:
        stamp = self._stamp()
        opened = self._opened
        if stamp is None or (opened is not None and opened.stamp == stamp):
            return opened if stamp is not None else None
        with self._opening, _guarded(self._path):
            for _ in range(3):  # a rebuild may remove the folder while it is being opened
                folder = (self._path / "current").resolve()
                try:
                    self._opened = _opened(folder, stamp, self._opened)
                except ValueError:
                    if folder == (self._path / "current").resolve():
                        raise
                else:
                    return self._opened
        raise _damaged(self._path)


def _opened(folder: Path, stamp: tuple[int, int, int], before: _Opened | None) -> _Opened:
    import tantivy

    if before is not None and before.folder == folder:
        index, fields = before.index, before.schema
    else:
        fields = schema()
        index = tantivy.Index(fields, path=str(folder), reuse=True)
        register(index)
        index.config_reader("manual")
    index.reload()
    return _Opened(folder, stamp, index, fields, _languages(index.searcher()))


def _languages(searcher: tantivy.Searcher) -> tuple[str, ...]:
    counted = sorted(((count, name) for name, count in searcher.terms_with_prefix("language", "")), reverse=True)
    least = _SPOKEN * searcher.num_docs
    return tuple(name for count, name in counted if count >= least)


def _write(index: tantivy.Index, add: Iterable[KeywordEntry], delete: Iterable[str]) -> None:
    writer = index.writer(heap_size=_HEAP, num_threads=1)
    try:
        for chunk_id in delete:
            writer.delete_documents_by_term("chunk_id", chunk_id)
        for entry in add:
            writer.add_document(document(entry))
        writer.commit()
    finally:
        writer.wait_merging_threads()  # this also gives up tantivy's own lock


@contextmanager
def _guarded(path: Path) -> Iterator[None]:
    """Turn what tantivy raises into a `StorageError`."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise _failed(path, error) from error
    except BaseException as error:
        # A panic in the Rust library derives from BaseException, so that `except Exception` lets it pass.
        if type(error).__name__ != "PanicException":
            raise
        raise _failed(path, error) from error


def _failed(path: Path, error: BaseException) -> StorageError:
    """A full or read-only disk is told from damage: making the index again would not help."""
    if getattr(error, "errno", None) in _DISK or any(f"os error {number})" in str(error) for number in _DISK):
        return StorageError(
            f"The keyword index {str(path)!r} cannot be written: {error}.",
            hint="Free some disk space, and check that RAGKIT_HOME is writable for this user.",
        )
    return _damaged(path)


def _damaged(path: Path) -> StorageError:
    return StorageError(
        f"The keyword index {str(path)!r} is damaged.", hint="`ragkit verify --repair` rebuilds it from the catalog."
    )
