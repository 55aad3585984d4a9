"""Object stores (S3 and the like) through fsspec: the listing tells what has changed, so nothing else is fetched."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import fsspec
from fsspec.core import url_to_fs

from ragkit.errors import InputError, MissingExtra, RagkitError, UpstreamError
from ragkit.ingest.fetching import Memory, Seen, ahead, save_stream, too_large
from ragkit.ingest.patterns import HIDDEN, Patterns
from ragkit.ingest.sidecar import SUFFIX, alone, describes, read_sidecar
from ragkit.ingest.sources import Item, failing

__all__ = ["Bucket"]

PART = 1 << 20
PACKAGES = {"s3": "'ragkit[s3]'", "s3a": "'ragkit[s3]'", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A bucket or a folder of one.

    Attributes:
        url: As fsspec spells it.
        storage: Options of its file system.
        prefix: What every uri begins with.
        patterns: Which objects below it are wanted.
        sidecars: Whether `NAME.meta.json` holds the metadata of `NAME`, and is no document.
        scratch: A folder for what is fetched; it must stay until the run is over.
        memory: The file that remembers what is unchanged.
        max_bytes: Larger ones fail.
        options: For the parser.
        access: For each document.
    """

    url: str
    storage: Mapping[str, Any] = field(default_factory=dict)
    prefix: str
    patterns: Patterns = field(default_factory=Patterns)
    sidecars: bool = True
    scratch: Path
    memory: Path
    max_bytes: int
    options: Mapping[str, str] = field(default_factory=dict)
    access: tuple[str, ...] = ()

    def items(self) -> Iterator[Item]:
        """Every object, fetched where it has changed; one that cannot be fetched is an item that says why.

        Raises:
            MissingExtra: The package for this kind of store is not installed.
            InputError: There is nothing: a wrong name must not look like an empty bucket.
            UpstreamError: The store refuses to list it.
        """
        store, listing = self._list()
        memory = Memory(self.memory)
        names = listing.keys() if self.sidecars else set()
        wanted = (key for key in listing if self._wants(key) and not describes(key, names))
        yield from ahead(
            partial(self._item, store, memory, number, key, listing, sidecar=key + SUFFIX in names)
            for number, key in enumerate(wanted)
        )
        memory.save()

    def _list(self) -> tuple[fsspec.AbstractFileSystem, dict[str, dict[str, Any]]]:
        """The file system, and what it says of each object by its key below the folder, in order."""
        protocol = self.url.partition("://")[0]
        try:
            store, path = url_to_fs(self.url, use_listings_cache=False, **self.storage)
            found = store.find(path, detail=True)
        except ImportError as error:
            raise MissingExtra(
                f"Buckets of {protocol}:// need a package that is not installed.",
                hint=f"pip install {PACKAGES.get(protocol, 'the fsspec file system for it')}",
            ) from error
        except Exception as error:  # whatever the store's own library raises
            raise UpstreamError(f"The bucket {self.url!r} cannot be listed: {error}.") from error
        if not found:
            raise InputError(f"There is nothing in the bucket {self.url!r}.", hint="Check its name and your rights.")
        root = path.rstrip("/") + "/"
        below = {key.removeprefix(root) if key.startswith(root) else key.rpartition("/")[2]: key for key in found}
        return store, {name: {**found[key], "name": key} for name, key in sorted(below.items())}

    def _wants(self, key: str) -> bool:
        return not any(part.startswith(HIDDEN) for part in key.split("/")) and self.patterns.admits(key)

    def _item(
        self,
        store: fsspec.AbstractFileSystem,
        memory: Memory,
        number: int,
        key: str,
        listing: Mapping[str, Mapping[str, Any]],
        *,
        sidecar: bool,
    ) -> Item:
        uri, info = self.prefix + key, listing[key]
        item = Item(
            uri=uri,
            path=self.scratch / f"{number}",
            name=key.rpartition("/")[2],
            options=self.options,
            access=self.access,
        )
        if self.sidecars and key.endswith(SUFFIX):
            return replace(item, fetch=failing(alone(item.name)))
        stamp, known = _stamp(info), memory.recall(uri)
        try:
            if sidecar:
                item = replace(item, metadata=self._sidecar(store, listing[key + SUFFIX]))
            if known and stamp and known.etag == stamp:
                memory.keep(uri, known)
                return replace(item, sha256=known.sha256, fetch=partial(self._get, store, item, info))
            digest = self._get(store, item, info)
        except RagkitError as error:
            return replace(item, fetch=failing(error))
        memory.keep(uri, Seen(etag=stamp, sha256=digest, name=item.name))
        return item

    def _get(self, store: fsspec.AbstractFileSystem, item: Item, info: Mapping[str, Any]) -> str:
        if (info.get("size") or 0) > self.max_bytes:
            raise too_large(item.name, self.max_bytes)
        try:
            with store.open(info["name"], "rb") as file:
                parts = iter(partial(file.read, PART), b"")
                return save_stream(parts, item.path, name=item.name, max_bytes=self.max_bytes)
        except RagkitError:
            raise
        except Exception as error:  # whatever the store's own library raises
            raise UpstreamError(f"{item.uri!r} cannot be fetched: {error}.") from error

    def _sidecar(self, store: fsspec.AbstractFileSystem, info: Mapping[str, Any]) -> Mapping[str, str]:
        name = str(info["name"]).rpartition("/")[2]
        try:
            data = bytes(store.cat_file(info["name"]))
        except Exception as error:  # whatever the store's own library raises
            raise UpstreamError(f"The sidecar {name!r} cannot be fetched: {error}.") from error
        return read_sidecar(name, data)


def _stamp(info: Mapping[str, Any]) -> str:
    """What changes when the object does; empty, where the store says nothing of the kind."""
    for name in ("ETag", "etag", "md5Hash", "mtime", "LastModified", "last_modified", "updated", "created"):
        if info.get(name):
            return f"{info[name]} {info.get('size')}"
    return ""
