"""BM25 over the chunks of one collection, in a tantivy index on disk.

Folder of an index: `current`, a link to the subfolder that is read, so that a rebuilt index takes its place at once;
`.lock`, held by whoever writes, since tantivy refuses a second writer. A reader looks at `current/meta.json` before
each search and reloads when another process has committed. A subfolder is named after the version of the schema that it
was built by, and may hold a mark, which says what of the catalog is in it (`ragkit.index.following`).
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from ragkit.errors import StorageError
from ragkit.index.keyword_damage import damaged, guarded
from ragkit.index.keyword_query import Weights, query_of, terms_of
from ragkit.index.keyword_terms import document, register, schema
from ragkit.protocols import KeywordEntry
from ragkit.store.locks import locked

if TYPE_CHECKING:
    import tantivy

__all__ = ["ANY", "LOCK_WAIT_S", "TantivyIndex"]

ANY = "any"
"""For a mark, whatever it is."""
_MARK = "ragkit.mark"
_SCHEMA_VERSION = 2
"""Of the fields and of how text becomes terms (`ragkit.index.keyword_terms`)."""
_SPOKEN = 0.01
"""Share of the passages that a language needs to be searched by its own rules: the detector errs on a few."""
LOCK_WAIT_S = 60.0
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
        weights: What each kind of term counts.

    Raises:
        StorageError: From any method but `mark`, `rebuild` and `drop`: the files are damaged, or of another version.
        Busy: From `update` and `rebuild`: another process kept writing for a minute.
    """

    def __init__(self, path: Path, *, weights: Weights = Weights()) -> None:  # noqa: B008
        self._path = path
        self._weights = weights
        self._opened: _Opened | None = None
        self._opening = Lock()

    def update(self, *, add: Sequence[KeywordEntry], delete: Sequence[str]) -> None:
        """Add entries, each in place of an older one of its chunk id, and remove chunk ids, in one commit."""
        if not add and not delete:
            return
        with self._writing():
            self._check_version()
            if self._stamp() is None:
                if not add:
                    return
                self._switch_to(self._build(()))
            self._change(add, delete)

    def mark(self) -> str | None:
        """What was said when it was built or advanced last; none where there is no index of this version."""
        with suppress(FileNotFoundError):
            return (self._path / "current" / _MARK).read_text() if self._is_current() else None
        return None

    def advance(
        self,
        before: str | None,
        after: str,
        *,
        add: Sequence[KeywordEntry],
        delete: Sequence[str],
        wait_s: float = LOCK_WAIT_S,
    ) -> None:
        """Update, and mark it; not where somebody has marked it since `before`.

        Raises:
            Busy: Somebody kept writing to it for `wait_s` seconds.
        """
        with self._writing(wait_s):
            if self.mark() != before or self._stamp() is None:
                return
            if add or delete:
                self._change(add, delete)
            with guarded(self._path):
                _note((self._path / "current").resolve(), after)

    def _change(self, add: Sequence[KeywordEntry], delete: Sequence[str]) -> None:
        opened = self._load()
        assert opened is not None
        with guarded(self._path):
            _write(opened.index, add, {*delete, *(entry.chunk_id for entry in add)})

    def search(self, query: str, *, k: int, document_ids: Sequence[str] = ()) -> list[tuple[str, float]]:
        opened = self._open()
        if opened is None or k <= 0:
            return []
        with guarded(self._path):
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
        with guarded(self._path):
            return terms_of(query, searcher=opened.index.searcher(), languages=opened.languages)

    def ids(self, document_ids: Sequence[str] | None = None) -> set[str]:
        """The chunk ids that can be found, of some documents or of all."""
        from tantivy import Query

        opened = self._open()
        if opened is None:
            return set()
        with guarded(self._path):
            searcher = opened.index.searcher()
            if not searcher.num_docs:
                return set()
            wanted = Query.all_query()
            if document_ids is not None:
                wanted = Query.term_set_query(opened.schema, "document_id", list(document_ids))
            hits = searcher.search(wanted, limit=searcher.num_docs, count=False).hits
            return {str(searcher.doc(address).get_first("chunk_id")) for _, address in hits}

    def rebuild(self, entries: Iterable[KeywordEntry], *, mark: str | None = None, before: str | None = ANY) -> None:
        """Build the index anew beside the old one and put it in its place; searches go on meanwhile.

        Args:
            entries: What it is to hold.
            mark: What it is marked with.
            before: Nothing is done where somebody has marked it since; by default it is built in any case.
        """
        with self._writing():
            if before in (ANY, self.mark()):
                self._switch_to(self._build(entries, mark))

    def drop(self) -> None:
        """Remove it from disk, all but the lock, which another process may be waiting for."""
        with self._opening:
            self._opened = None
        with self._writing():
            (self._path / "current").unlink(missing_ok=True)
            self._remove_folders(keep="")

    @contextmanager
    def _writing(self, wait_s: float = LOCK_WAIT_S) -> Iterator[None]:
        with ExitStack() as held:
            with guarded(self._path):
                self._path.mkdir(parents=True, exist_ok=True)
                what = f"the keyword index {str(self._path)!r}"
                held.enter_context(locked(self._path / ".lock", wait_s=wait_s, what=what))
            yield

    def _build(self, entries: Iterable[KeywordEntry], mark: str | None = None) -> Path:
        import tantivy

        folder = self._path / f"{_SCHEMA_VERSION}-{uuid.uuid4().hex}"
        try:
            with guarded(self._path):
                folder.mkdir()
                index = tantivy.Index(schema(), path=str(folder))
                register(index)
                _write(index, entries, ())
                if mark is not None:
                    _note(folder, mark)
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return folder

    def _switch_to(self, folder: Path) -> None:
        link = self._path / f"{folder.name}.link"
        with guarded(self._path):
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
                raise damaged(self._path) from None
            return None
        return stat.st_ino, stat.st_mtime_ns, stat.st_size

    def _open(self) -> _Opened | None:
        self._check_version()
        return self._load()

    def _is_current(self) -> bool:
        try:
            target = (self._path / "current").readlink()
        except FileNotFoundError:
            return True
        return target.name.startswith(f"{_SCHEMA_VERSION}-")

    def _check_version(self) -> None:
        if not self._is_current():
            raise StorageError(
                f"The keyword index {str(self._path)!r} was built by another version of ragkit.",
                hint="`ragkit verify --repair` rebuilds it from the catalog.",
            )

    def _load(self) -> _Opened | None:
        stamp = self._stamp()
        opened = self._opened
        if stamp is None or (opened is not None and opened.stamp == stamp):
            return opened if stamp is not None else None
        with self._opening, guarded(self._path):
            for _ in range(3):  # a rebuild may remove the folder while it is being opened
                folder = (self._path / "current").resolve()
                try:
                    self._opened = _opened(folder, stamp, self._opened)
                except ValueError:
                    if folder == (self._path / "current").resolve():
                        raise
                else:
                    return self._opened
        raise damaged(self._path)


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


def _note(folder: Path, mark: str) -> None:
    beside = folder / f"{_MARK}.new"
    beside.write_text(mark)
    beside.replace(folder / _MARK)
