// Documents that are sent from the page, each with what becomes of it.

import { element } from "./element.js";
import { job, upload } from "./service.js";

const FIRST_MS = 700;
const LONGEST_MS = 5_000;
const OVER = new Set(["done", "failed", "cancelled", "paused"]);
const notices = document.getElementById("notices");
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** Send files one after the other and follow their jobs. */
export async function add(files, collection, onDone) {
  for (const file of files) {
    const bar = element("progress", { max: "1", value: "0", "aria-label": `Sending ${file.name}` });
    const said = element("span", {}, `Sending ${file.name}`);
    const line = element("p", { class: "upload" }, said, bar);
    notices.append(line);
    try {
      let state = await upload(file, collection, (share) => (bar.value = share));
      bar.removeAttribute("value");
      for (let wait = FIRST_MS; !OVER.has(state.state); wait = Math.min(LONGEST_MS, 1.5 * wait)) {
        said.textContent = `Reading ${file.name}`;
        await pause(wait);
        state = await looked(state);
      }
      said.textContent = outcome(file.name, state);
      onDone();
    } catch (problem) {
      said.textContent = `${file.name}: ${problem.message} ${problem.hint ?? ""}`;
      line.classList.add("problem");
    }
    bar.remove();
    const close = element("button", { class: "quiet", "aria-label": `Dismiss the notice about ${file.name}` }, "✕");
    close.addEventListener("click", () => line.remove());
    line.append(close);
  }
}

/** How far the job is; as before where the key may not ask again yet. */
async function looked(state) {
  try {
    return await job(state.id);
  } catch (problem) {
    if (problem.status !== 429) throw problem;
    await pause(1_000 * (problem.retry_s ?? 10));
    return state;
  }
}

function outcome(name, { state, report, error }) {
  if (state === "paused") return `${name}: its job is paused, and goes on when an operator lets it.`;
  if (state !== "done") return `${name}: ${error ?? state}`;
  const failed = report?.failed?.[0];
  if (failed) return `${name}: ${failed.detail}`;
  return report?.quarantined ? `${name} is held back: ragkit documents list --state quarantined` : `${name} can be asked about now.`;
}
