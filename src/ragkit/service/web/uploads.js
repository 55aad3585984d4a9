// Documents that are sent from the page, each with what becomes of it.

import { element } from "./element.js";
import { job, upload } from "./service.js";

const EVERY_MS = 700;
const OVER = new Set(["done", "failed", "cancelled"]);
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
      while (!OVER.has(state.state)) {
        said.textContent = `Reading ${file.name}`;
        await pause(EVERY_MS);
        state = await job(state.id);
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

function outcome(name, { state, report, error }) {
  if (state !== "done") return `${name}: ${error ?? state}`;
  const failed = report?.failed?.[0];
  if (failed) return `${name}: ${failed.detail}`;
  return report?.quarantined ? `${name} is held back: ragkit documents list --state quarantined` : `${name} can be asked about now.`;
}
