"""BM25 over the chunks of one collection, in a tantivy index on disk.

Folder of an index: `current`, a link to the subfolder that is read, so that a rebuilt index takes its place at once;
`.lock`, held by whoever writes, since tantivy refuses a second writer. A reader looks at `current/meta.json` before
each search and reloads when another process has committed.
"""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from ragkit.errors import StorageError
from ragkit.protocols import KeywordEntry
from ragkit.store.locks import locked
from ragkit.text import STOPWORDS

if TYPE_CHECKING:
    import tantivy

__all__ = ["TantivyIndex"]

_LOCK_WAIT_S = 60.0
_MAX_TERMS = 64
_MAX_QUERY_CHARS = 20_000
_HEAP = 64_000_000  # bytes that a writer gathers before it writes a segment; tantivy asks for 15 MB at least

# Scripts without spaces between words give a token a character; all else is a word with its inner punctuation, so that
# `pg_stat_activity`, `E-4012`, `v1.2.3` and `a.b@example.org` are found whole.
_SPACELESS = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_WORD = rf"[\p{{L}}\p{{M}}\p{{N}}_--[{_SPACELESS}]]+"
_WORDS = rf"[{_SPACELESS}]|{_WORD}(?:[.\-/@:'’]{_WORD})*"  # noqa: RUF001
_BOOSTS = {"body": 1.0, "exact": 0.5, "heading": 0.2, "title": 0.2}


@dataclass(frozen=True, slots=True)
class _Opened:
    folder: Path
    stamp: tuple[int, int, int]
    index: tantivy.Index
    schema: tantivy.Schema


class TantivyIndex:
    """A keyword index at `path`; nothing is created before the first update.

    Raises:
        StorageError: From any method but `rebuild` and `drop`: the files are damaged.
        Busy: From `update` and `rebuild`: another process kept writing for a minute.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._opened: _Opened | None = None
        self._opening = Lock()

    def update(self, *, add: Sequence[KeywordEntry], delete: Sequence[str]) -> None:
        """Add entries, each in place of an older one of its chunk id, and remove chunk ids, in one commit."""
        if not add and not delete:
            return
        with self._writing():
            if self._stamp() is None:
                if not add:
                    return
                self._switch_to(self._build(()))
            opened = self._open()
            assert opened is not None
            with _guarded(self._path):
                _write(opened.index, add, {*delete, *(entry.chunk_id for entry in add)})

    def search(self, query: str, *, k: int, document_ids: Sequence[str] = ()) -> list[tuple[str, float]]:
        opened = self._open()
        if opened is None or k <= 0:
            return []
        with _guarded(self._path):
            parsed = _query(opened.schema, query, document_ids)
            if parsed is None:
                return []
            searcher = opened.index.searcher()
            hits = searcher.search(parsed, limit=k, count=False).hits
            return [(str(searcher.doc(address).get_first("chunk_id")), float(score)) for score, address in hits]

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
        self._path.mkdir(parents=True, exist_ok=True)
        with locked(self._path / ".lock", wait_s=_LOCK_WAIT_S, what=f"the keyword index {str(self._path)!r}"):
            yield

    def _build(self, entries: Iterable[KeywordEntry]) -> Path:
        import tantivy

        folder = self._path / uuid.uuid4().hex
        folder.mkdir()
        try:
            with _guarded(self._path):
                index = tantivy.Index(_schema(), path=str(folder))
                _register(index)
                _write(index, entries, ())
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        return folder

    def _switch_to(self, folder: Path) -> None:
        link = self._path / f"{folder.name}.link"
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
        stamp = self._stamp()
        opened = self._opened
        if stamp is None or (opened is not None and opened.stamp == stamp):
            return opened if stamp is not None else None
        with self._opening, _guarded(self._path):
            for _ in range(3):  # a rebuild may remove the folder while it is being opened
                folder = (self._path / "current").resolve()
                try:
                    self._opened = _load(folder, stamp, self._opened)
                except ValueError:
                    if folder == (self._path / "current").resolve():
                        raise
                else:
                    return self._opened
        raise _damaged(self._path)


def _load(folder: Path, stamp: tuple[int, int, int], before: _Opened | None) -> _Opened:
    import tantivy

    if before is not None and before.folder == folder:
        before.index.reload()
        return _Opened(folder, stamp, before.index, before.schema)
    schema = _schema()
    index = tantivy.Index(schema, path=str(folder), reuse=True)
    _register(index)
    index.config_reader("manual")
    index.reload()
    return _Opened(folder, stamp, index, schema)


def _schema() -> tantivy.Schema:
    import tantivy

    builder = tantivy.SchemaBuilder()
    builder.add_text_field("chunk_id", stored=True, tokenizer_name="raw", index_option="basic")
    builder.add_text_field("document_id", tokenizer_name="raw", index_option="basic")
    for field in ("title", "heading", "body"):
        builder.add_text_field(field, tokenizer_name="en_stem", index_option="freq")
    builder.add_text_field("exact", tokenizer_name="words", index_option="freq")
    return builder.build()


def _register(index: tantivy.Index) -> None:
    index.register_tokenizer("words", _words())


def _words(leave_out: frozenset[str] = frozenset()) -> tantivy.TextAnalyzer:
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

    builder = TextAnalyzerBuilder(Tokenizer.regex(_WORDS)).filter(Filter.remove_long(120)).filter(Filter.lowercase())
    return builder.filter(Filter.custom_stopword(list(leave_out))).filter(Filter.ascii_fold()).build()


def _stems(leave_out: frozenset[str]) -> tantivy.TextAnalyzer:
    """The same steps as the tokenizer that tantivy calls `en_stem`, which only an index can use by its name."""
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer

    builder = TextAnalyzerBuilder(Tokenizer.simple()).filter(Filter.remove_long(40)).filter(Filter.lowercase())
    return builder.filter(Filter.custom_stopword(list(leave_out))).filter(Filter.stemmer("english")).build()


def _write(index: tantivy.Index, add: Iterable[KeywordEntry], delete: Iterable[str]) -> None:
    import tantivy

    writer = index.writer(heap_size=_HEAP, num_threads=1)
    try:
        for chunk_id in delete:
            writer.delete_documents_by_term("chunk_id", chunk_id)
        for entry in add:
            text = _encodable(entry.text)
            writer.add_document(
                tantivy.Document(
                    chunk_id=entry.chunk_id,
                    document_id=entry.document_id,
                    title=_encodable(entry.title),
                    heading=_encodable(entry.heading),
                    body=text,
                    exact=text,
                )
            )
        writer.commit()
    finally:
        writer.wait_merging_threads()  # this also gives up tantivy's own lock


def _query(schema: tantivy.Schema, text: str, document_ids: Sequence[str]) -> tantivy.Query | None:
    """Any of the words of `text`, as terms: nothing in it is syntax. None when it has no word."""
    from tantivy import Occur, Query

    text = _encodable(text[:_MAX_QUERY_CHARS])
    # A question is half stop words: without them nDCG@10 is .002 (SciFact) to .05 (Python manual) higher.
    terms = _terms(text, STOPWORDS) or _terms(text, frozenset())
    if not terms:
        return None
    wanted = Query.boolean_query(
        [
            (Occur.Should, Query.boost_query(Query.term_query(schema, field, term, "freq"), _BOOSTS[field]))
            for field, term in terms
        ]
    )
    if not document_ids:
        return wanted
    allowed = Query.const_score_query(Query.term_set_query(schema, "document_id", list(document_ids)), 0.0)
    return Query.boolean_query([(Occur.Must, wanted), (Occur.Must, allowed)])


def _terms(text: str, leave_out: frozenset[str]) -> list[tuple[str, str]]:
    """(field, term) pairs to look for."""
    stems = dict.fromkeys(_stems(leave_out).analyze(text))
    exact = dict.fromkeys(_words(leave_out).analyze(text))
    terms = [(field, term) for term in list(stems)[:_MAX_TERMS] for field in ("body", "heading", "title")]
    return terms + [("exact", term) for term in list(exact)[:_MAX_TERMS]]


def _encodable(text: str) -> str:
    """Text that tantivy takes: lone surrogates, which no UTF-8 can hold, become question marks."""
    return text.encode("utf-8", "replace").decode()


@contextmanager
def _guarded(path: Path) -> Iterator[None]:
    """Turn what tantivy raises into a `StorageError`."""
    try:
        yield
    except (ValueError, OSError) as error:
        raise _damaged(path) from error
    except BaseException as error:
        # A panic in the Rust library derives from BaseException, so that `except Exception` lets it pass.
        if type(error).__name__ != "PanicException":
            raise
        raise _damaged(path) from error


def _damaged(path: Path) -> StorageError:
    return StorageError(
        f"The keyword index {str(path)!r} is damaged.", hint="`ragkit verify --repair` rebuilds it from the catalog."
    )
