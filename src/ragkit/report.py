"""An answer on one page: what was asked, found, said and checked, for somebody who was not there.

The page is whole in itself and fetches nothing. All that is put into it is escaped: documents, questions and models
write what they like.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from html import escape

from ragkit.recorded import Shown, Trace
from ragkit.text import sha256
from ragkit.types import Citation

__all__ = ["page", "texts_of"]

STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; --quiet: light-dark(#666, #a3a3a3);
  --good: light-dark(#15803d, #4ade80); --fair: light-dark(#a16207, #facc15); --bad: light-dark(#b91c1c, #f87171); }
* { box-sizing: border-box; }
body { font: 16px/1.55 system-ui, sans-serif; max-width: 62rem; margin: 0 auto; padding: 2rem 1.25rem 4rem; }
h1 { font-size: 1.5rem; line-height: 1.3; margin: 0 0 .3rem; overflow-wrap: anywhere; }
h2 { font-size: 1.05rem; margin: 2.2rem 0 .6rem; padding-top: .9rem; border-top: 1px solid var(--line); }
p.about, summary { color: var(--quiet); font-size: .86rem; margin: 0; overflow-wrap: anywhere; }
a { color: inherit; text-decoration-color: var(--line); text-underline-offset: .2em; }
.answer { font-size: 1.08rem; padding: .9rem 1.1rem; background: var(--soft); border-radius: .5rem;
  white-space: pre-wrap; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; font-size: .92rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .9rem .3rem 0; border-bottom: 1px solid var(--line);
  overflow-wrap: anywhere; }
th { font-weight: 600; white-space: nowrap; }
.number { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.verdict { display: inline-block; padding: 0 .5rem; border-radius: 1rem; font-size: .82rem; white-space: nowrap;
  border: 1px solid currentColor; }
.supported { color: var(--good); } .partly { color: var(--fair); } .unsupported { color: var(--bad); }
.contradicted { color: var(--bad); font-weight: 700; }
.bar { display: block; height: .6rem; margin-top: .45rem; background: #2563eb; border-radius: .2rem; min-width: 1px; }
.wide { width: 45%; }
section.source { margin: 1rem 0; padding: .7rem 1.1rem .9rem; border: 1px solid var(--line); border-radius: .5rem; }
section.source:target { border-color: currentColor; }
section.source pre { white-space: pre-wrap; overflow-wrap: anywhere; font-family: inherit; font-size: .92rem;
  margin: .5rem 0 0; }
details.source { margin: 1rem 0; } summary { cursor: pointer; }
@media (max-width: 40rem) { body { padding: 1rem .8rem 3rem; } th, td { padding-right: .5rem; }
  .wide { display: none; } }
mark { background: #fde68a; padding: .05rem 0; } mark[class] { color: #111; }
strong { overflow-wrap: normal; }
mark.unsupported, mark.contradicted { background: #fecaca; } mark.partly { background: #fef3c7; }
"""

_MARKER = re.compile(r"\[(\d{1,3})\]")
_MARKED = "supported partly unsupported contradicted".split()


def page(trace: Trace, texts: Mapping[int, str] | None = None) -> str:
    """The page, as HTML.

    Args:
        trace: The record of the answer.
        texts: The text of each source by its number, from `texts_of`; where it is missing, quotes stand alone.
    """
    texts = texts or {}
    answer = trace.answer
    title = trace.question or "(its text was not kept)"
    body = [
        f"<h1>{escape(title)}</h1>",
        _about(trace),
        _head("Answer" if not answer.abstained else f"Refused: {answer.reason}"),
        f'<div class="answer">{_linked(trace, answer.answer or "(its text was not kept)")}</div>',
        *_checked(trace),
        *_sources(trace, texts),
        *_stages(trace),
        *_found(trace),
        *_made(trace),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        # Nothing may be fetched or run, whatever should slip through.
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title[:80])}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(body)
        + "\n</body>\n</html>\n"
    )


def texts_of(trace: Trace, documents: Mapping[str, str]) -> dict[int, str]:
    """The text of each source as the model saw it, by number; not of documents that have changed since.

    Args:
        trace: The record of the answer.
        documents: Text by document id.
    """
    found = {}
    for source in trace.sources:
        text = documents.get(source.document_id, "")[source.start : source.end]
        if sha256(text) == source.sha256:
            found[source.number] = text
    return found


def _about(trace: Trace) -> str:
    said = [f"{trace.created_at:%Y-%m-%d %H:%M:%S} UTC", f"collection {trace.collection}", f"answer {trace.id}"]
    if trace.replay_of:
        said.append(f"replay of {trace.replay_of}")
    lines = [" · ".join(said)]
    if trace.standalone_question and trace.standalone_question != trace.question:
        lines.append(f"understood as: {trace.standalone_question}")
    return "".join(f'<p class="about">{escape(line)}</p>' for line in lines)


def _checked(trace: Trace) -> Iterable[str]:
    if trace.verdicts:
        rows = [
            [
                escape(one.sentence or "(not kept)"),
                _linked(trace, " ".join(f"[{marker}]" for marker in one.markers)),
                _verdict(one.verdict),
                f"{one.score:.2f}",
            ]
            for one in trace.verdicts
        ]
        yield _head("Each sentence, held against what it cites")
        yield _table(["sentence", "cites", "verdict", "score"], rows, numbers={3})


def _sources(trace: Trace, texts: Mapping[int, str]) -> Iterable[str]:
    cited = {one.marker for one in trace.answer.citations}
    if trace.sources or cited:
        yield _head("Sources, with what was quoted of them")
    yield from (_source(trace, one, texts) for one in trace.sources if one.number in cited)
    if others := [one for one in trace.sources if one.number not in cited]:
        whole = "".join(_source(trace, one, texts) for one in others)
        yield f'<details class="source"><summary>Seen and not cited: {len(others)}</summary>{whole}</details>'


def _source(trace: Trace, source: Shown, texts: Mapping[int, str]) -> str:
    quoted = [one for one in trace.answer.citations if one.marker == source.number]
    where = " · ".join(filter(None, (source.heading, f"page {source.page}" if source.page else "")))
    return (
        f'<section class="source" id="source-{source.number}"><strong>[{source.number}] '
        f"{escape(source.title or source.uri)}</strong> {' '.join(_verdict(one.verdict) for one in quoted)}"
        f'<p class="about">{escape(where)}</p>'
        f'<p class="about">{escape(source.uri)}, characters {source.start}–{source.end}</p>'  # noqa: RUF001
        f"{_quoted(source, texts.get(source.number), quoted)}</section>"
    )


def _linked(trace: Trace, text: str) -> str:
    """With its markers leading to their sources."""
    there = {one.number for one in trace.sources}

    def link(match: re.Match[str]) -> str:
        number = int(match[1])
        return f'<a href="#source-{number}">{match[0]}</a>' if number in there else match[0]

    return _MARKER.sub(link, escape(text))


def _quoted(source: Shown, text: str | None, citations: Sequence[Citation]) -> str:
    if text is None:
        quotes = "\n\n".join(_mark(one.quote, one) for one in citations if one.quote)
        gone = "<p class=about>The document has changed since, or is gone.</p>"
        return f"{gone}<pre>{quotes}</pre>" if quotes else gone
    shown, at = "", 0
    for one in sorted(citations, key=lambda citation: (citation.start, -citation.end)):
        start, end = max(one.start - source.start, at), one.end - source.start
        if start < end:
            shown += escape(text[at:start]) + _mark(text[start:end], one)
            at = end
    return f"<pre>{shown}{escape(text[at:])}</pre>"


def _mark(text: str, citation: Citation) -> str:
    return f'<mark class="{citation.verdict}" title="{citation.verdict}, {citation.score:.2f}">{escape(text)}</mark>'


def _stages(trace: Trace) -> Iterable[str]:
    if trace.stages_ms:
        longest = max(trace.stages_ms.values()) or 1.0
        rows = [
            [escape(name), f"{took:,.1f} ms", f'<span class="bar" style="width:{100 * took / longest:.1f}%"></span>']
            for name, took in trace.stages_ms.items()
        ]
        yield _head("Stages")
        rows.append(["whole answer", f"{trace.answer.took_ms:,.1f} ms", ""])
        yield _table(["stage", "took", ""], rows, numbers={1}, wide=2)


def _found(trace: Trace) -> Iterable[str]:
    shown = {key: source.number for source in trace.sources for key in (source.chunk_id, *source.passages)}
    rows = [
        [str(rank), escape(key), f"{score:.4f}", f"source [{shown[key]}]" if key in shown else ""]
        for rank, (key, score) in enumerate(trace.hits, start=1)
    ]
    yield _head("What was found")
    yield _table(["rank", "passage", "score", ""], rows, numbers={0, 2}) if rows else "<p>Nothing.</p>"


def _made(trace: Trace) -> Iterable[str]:
    answer, usage = trace.answer, trace.answer.usage
    cost = "not known" if usage.cost_usd is None else f"{usage.cost_usd:.6f} USD"
    rows = {
        "model": answer.model,
        "prompt": str(answer.prompt),
        "prompt sha256": trace.prompt_sha256 or "",
        "rendered prompt sha256": trace.rendered_sha256 or "no model was asked",
        "parameters": ", ".join(f"{name}={value}" for name, value in trace.parameters.items()),
        "generation": str(trace.generation),
        "tokens": f"{usage.input_tokens} in, {usage.output_tokens} out",
        "cost": cost,
        "conversation": answer.conversation_id,
    }
    yield _head("How it was made")
    yield _table(["", ""], [[f"<strong>{name}</strong>", escape(value)] for name, value in rows.items() if value])


def _head(text: str) -> str:
    return f"<h2>{escape(text)}</h2>"


def _verdict(verdict: str) -> str:
    return f'<span class="verdict {verdict if verdict in _MARKED else ""}">{escape(verdict)}</span>'


def _table(
    columns: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Collection[int] = (), wide: int | None = None
) -> str:
    """Cells are HTML already; a wide column is left out where there is no room."""
    kinds = dict.fromkeys(numbers, ' class="number"') | ({wide: ' class="wide"'} if wide is not None else {})

    def row(tag: str, cells: Sequence[str]) -> str:
        return "".join(f"<{tag}{kinds.get(at, '')}>{cell}</{tag}>" for at, cell in enumerate(cells))

    head = row("th", [escape(column) for column in columns]) if any(columns) else ""
    lines = [f"<tr>{row('td', cells)}</tr>" for cells in rows]
    return f"<table><tr>{head}</tr>{''.join(lines)}</table>" if head else f"<table>{''.join(lines)}</table>"
