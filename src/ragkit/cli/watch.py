"""`ragkit ingest --watch`: ingest, then follow the folders until Ctrl-C."""

from __future__ import annotations

import signal
import threading
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from ragkit.cli.connect import engine, settings
from ragkit.cli.ingest import How, print_report, progress, run_source
from ragkit.cli.output import console, say
from ragkit.errors import InputError, RagkitError

if TYPE_CHECKING:
    from ragkit.ingest.pipelines import Pipeline
    from ragkit.ingest.sources import Root

__all__ = ["watch_sources"]


def watch_sources(sources: Mapping[str, Sequence[Root] | Pipeline], how: How) -> None:
    """Follow every folder of the sources; those elsewhere are ingested once."""
    from ragkit.ingest.pipelines import Pipeline
    from ragkit.ingest.watch import folder_changes, follow

    roots: dict[str, list[Root]] = {}
    for name, source in sources.items():
        if not isinstance(source, Pipeline):
            roots[name] = list(source)
        elif source.source is not None:
            roots[name] = [source.root]
    if not roots:
        raise InputError("No pipeline has a folder to follow.", hint="Addresses and buckets have a `schedule` instead.")
    err, stop = console(stderr=True), threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: _stop(stop))
    given = settings()
    with progress() as show, engine(given, one_shot=False) as kit:

        def run(name: str) -> None:
            try:
                report = run_source(kit, sources[name], how, show)
            except RagkitError as error:
                say(error, of=name)
                return
            if report.found > report.unchanged or report.deleted:
                print_report(report)

        for name in sources.keys() - roots.keys():
            run(name)
        err.print(f"Following {', '.join(roots)}. Stop with Ctrl-C.", markup=False)
        follow(roots, run, changes=folder_changes(roots, stop), settle_s=given.settle_s)


def _stop(stop: threading.Event) -> None:
    """End after the run under way; the second time, at once."""
    if stop.is_set():
        raise KeyboardInterrupt
    stop.set()
