// The page asks Python and draws the answers; it computes nothing of a model.
import { address, fill, remember } from "./address.js";
import { ask, Wrong } from "./ask.js";
import { at, chart, make, put, roving, table } from "./draw.js";
import { answering } from "./form.js";
import * as gradients from "./gradients.js";
import * as looking from "./look.js";
import * as plane from "./plane.js";
import { text } from "./text.js";
import * as training from "./train.js";

const FIELDS = ["first", "second", "task", "steps", "seed", "r", "n_layer", "word", "who", "beside",
  "layer", "expression", "values", "length"];
const tabs = [...document.querySelectorAll("[role=tab]")];

function fillText() {
  document.documentElement.lang = text.language;
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = text[node.dataset.text];
  for (const node of document.querySelectorAll("[data-label]")) {
    node.setAttribute("aria-label", text[node.dataset.label]);
  }
}

// ---- views ----

function choose(tab) {
  for (const other of tabs) {
    other.setAttribute("aria-selected", other === tab);
    at(other.getAttribute("aria-controls")).hidden = other !== tab;
  }
  const view = tab.getAttribute("aria-controls");
  return { look: looking.look, plane: plane.changed, grad: gradients.build, cost: drawCost }[view]?.();
}

// Take fields, view and run from the address: at the start, and after back and forward.
async function load() {
  const notes = fill(FIELDS);
  training.chooseOffsets(address().get("offsets")?.split(" "));
  const view = address().get("view");
  const tab = tabs.find((t) => t.getAttribute("aria-controls") === view);
  if (view && !tab) notes.push(text.badAddress("view", view, "train"));
  put("notes", ...notes.map((note) => make("li", {}, note)));
  const id = address().get("run");
  if (id && id !== training.run.id) training.run.follow(id);
  await training.describe();
  await choose(tab ?? tabs[0]);
}

// ---- what it costs ----

const drawCost = answering(at("cost"), async (isLatest) => {
  const length = Number(at("length").value);
  at("length-out").textContent = length;
  const { rows } = await ask({ ask: "cost", length: Number(at("length").max) });
  if (!isLatest()) return;
  const series = rows.map((row, n) => ({ name: row.mixer, n,
    points: row.nodes.map((nodes, i) => [i + 1, nodes]) }));
  put("cost-chart", ...chart("cost-chart", series, {}, { x: [0, Number(at("length").max)], mark: length,
    y: [0, Math.max(...rows.flatMap((row) => row.nodes))], xLabel: `L, ${text.tokens}`, yLabel: text.nodes }));
  table("cost-table", [text.mixer, text.nodes, text.pairs], rows.map((row) => [row.mixer,
    row.nodes[length - 1].toLocaleString("en"), row.pairs[length - 1]?.toLocaleString("en") ?? "–"]));
});

// ---- begin ----

function listen() {
  roving(at("tabs"), tabs);
  for (const tab of tabs) {
    const open = () => {
      if (tab.getAttribute("aria-selected") === "true") return;
      remember({ view: tab.getAttribute("aria-controls") }, true);
      choose(tab);
    };
    tab.addEventListener("click", open);
    tab.addEventListener("focus", () => { if (tab.matches(":focus-visible")) open(); });
  }
  for (const form of ["train-form", "grad-form"]) {
    at(form).addEventListener("input", ({ target }) => {
      if (FIELDS.includes(target.id)) remember({ [target.id]: target.value });
    });
  }
  at("length").addEventListener("input", () => { remember({ length: at("length").value }); drawCost(); });
  addEventListener("popstate", load);
}

// Python may not be there yet, or not any more: say so and try again.
async function firstAnswer() {
  for (;;) {
    try {
      return await ask({ ask: "start" });
    } catch (error) {
      if (!(error instanceof Wrong)) throw error;
      put("notes", make("li", { class: "wrong" }, error.message));
      await new Promise((go) => setTimeout(go, 2000));
    }
  }
}

fillText();
at("unstarted").remove();
const start = await firstAnswer();
put("notes");
training.prepare(start, looking.fitMoments);
looking.prepare(start);
plane.prepare();
gradients.prepare();
listen();
await load();
if (!training.run.id) await training.showOthers();
document.body.dataset.ready = "yes";
