// One question with its answer. Nothing that comes from documents or models is ever read as HTML.

import { element } from "./element.js";
import { thumbs } from "./feedback.js";

const MARKER = /\[(\d+)\]/g;
const SAID = { supported: "supported", partly: "partly supported", unsupported: "not supported", contradicted: "contradicted" };
const REASONS = {
  no_evidence: "Not in the documents",
  off_topic: "The documents are about something else",
  conflicting_sources: "The sources disagree",
  underspecified: "The question leaves open what is meant",
  unsupported: "The sources do not say it",
};

/** An entry of the log. `onCite(citation, chip)` is called when a citation is opened. */
export class Entry {
  constructor(question, onCite) {
    this.onCite = onCite;
    this.citations = new Map();
    this.doubts = [];
    this.text = "";
    this.waiting = element("p", { class: "waiting" }, "Searching");
    this.body = element("div", { class: "text" });
    this.foot = element("footer");
    this.root = element(
      "article",
      {},
      element("h2", { class: "question" }, question),
      element("div", { class: "answer" }, this.waiting, this.body, this.foot),
    );
  }

  /** Take in an event of the stream. */
  take({ event, data }) {
    this[event]?.(data);
  }

  retrieved({ hits }) {
    this.waiting.textContent = hits.length ? `Reading ${hits.length} passages` : "Nothing found";
  }

  token({ text }) {
    this.text += text;
    this.draw();
  }

  citation(citation) {
    this.add(citation);
    this.draw();
  }

  /** One source can be cited more than once, each time for another sentence of it. */
  add(citation) {
    this.citations.set(citation.marker, [...(this.citations.get(citation.marker) ?? []), citation]);
  }

  verdict({ sentence, verdict }) {
    if (verdict === "unsupported" || verdict === "contradicted") this.doubts.push({ sentence, verdict });
  }

  /** `given` is what the reader has said of it before. */
  done(answer, given = []) {
    this.text = answer.answer;
    this.citations.clear();
    answer.citations.forEach((citation, place) => {
      const about = { answer_id: answer.trace_id, citation: place };
      this.add({ ...citation, about, given: given.find((one) => one.citation === place) ?? null });
    });
    this.draw();
    this.close(answer, given.find((one) => one.citation === null));
  }

  error(problem) {
    this.fail(problem.detail, problem.hint);
  }

  fail(detail, hint) {
    this.waiting.remove();
    this.foot.append(element("p", { class: "problem", role: "alert" }, [detail, hint].filter(Boolean).join(" ")));
  }

  stopped() {
    this.waiting.remove();
    this.foot.append(element("p", { class: "note" }, "Stopped. Nothing of this answer was kept."));
  }

  /** Write on: what is there already stays, and with it the focus of who is reading. */
  draw() {
    this.waiting.remove();
    const old = [...this.body.childNodes];
    const parts = this.parts().map((part, place) => (typeof part === "string" ? written(part, old[place]) : this.chip(part, old[place])));
    parts.forEach((part, place) => {
      if (part === old[place]) return;
      if (old[place]) old[place].replaceWith(part);
      else this.body.append(part);
    });
    old.slice(parts.length).forEach((part) => part.remove());
  }

  /** Text and citations, by turns. */
  parts() {
    const parts = [];
    const seen = new Map();
    let end = 0;
    for (const found of this.text.matchAll(MARKER)) {
      const marker = Number(found[1]);
      const before = seen.get(marker) ?? 0;
      seen.set(marker, before + 1);
      const cited = this.citations.get(marker);
      if (!cited) continue;
      parts.push(this.text.slice(end, found.index), cited[before] ?? cited.at(-1));
      end = found.index + found[0].length;
    }
    return [...parts, this.text.slice(end)];
  }

  chip(citation, old) {
    const { marker } = citation;
    const where = [citation.title, citation.page && `page ${citation.page}`, citation.heading].filter(Boolean).join(", ");
    const chip = old instanceof HTMLButtonElement ? old : element("button");
    chip.className = `chip ${citation.verdict}`;
    chip.title = `${where}: ${SAID[citation.verdict]}`;
    chip.setAttribute("aria-label", `Source ${marker}, ${where}, ${SAID[citation.verdict]}`);
    chip.textContent = String(marker);
    chip.onclick = () => this.onCite(citation, chip);
    return chip;
  }

  /** Questions to go on with; `onAsk(question)` is called for the one that is chosen. */
  suggest(questions, onAsk) {
    const buttons = questions.map((question) => {
      const button = element("button", { class: "quiet" }, question);
      button.addEventListener("click", () => onAsk(question));
      return button;
    });
    if (buttons.length) this.foot.append(element("div", { class: "suggested" }, element("span", { class: "note" }, "Go on with"), ...buttons));
  }

  close(answer, given) {
    this.root.classList.toggle("abstained", answer.abstained);
    if (answer.reason) this.body.before(element("p", { class: "reason" }, REASONS[answer.reason] ?? answer.reason));
    const held = answer.citations.filter((citation) => citation.supported).length;
    if (answer.citations.length) {
      this.foot.append(element("p", { class: "note" }, `${held} of ${answer.citations.length} citations are supported by the text that they point at.`));
    }
    for (const { sentence, verdict } of this.doubts) {
      this.foot.append(element("p", { class: `doubt ${verdict}` }, element("strong", {}, `Check this, it is ${SAID[verdict]}: `), sentence));
    }
    this.foot.append(thumbs({ answer_id: answer.trace_id }, "answer", given));
    this.foot.append(element("p", { class: "about" }, [answer.model, `${Math.round(answer.took_ms)} ms`].join(" · ")));
  }
}

function written(text, old) {
  if (!(old instanceof Text)) return document.createTextNode(text);
  if (text.startsWith(old.data)) old.appendData(text.slice(old.data.length));
  else old.data = text;
  return old;
}
