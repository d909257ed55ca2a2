// The last chapter of the story: races with several seeds, what a layer costs, and the grid.
import { ask } from "./ask.js";
import { able, at, chart, make, onClick, put, table } from "./draw.js";
import { answering } from "./form.js";
import { predict } from "./predict.js";
import { Run } from "./run.js";
import { text } from "./text.js";
import { curves, spread, startRun, written } from "./train.js";

const run = new Run(draw);
let races = {}; // name: the question that starts it, and the axis of its losses
let guessed = null;

// Right answers of each contender at the moments that were kept, in percent.
function rightCurves() {
  return spread(run.trainings, (training) => training.moments.filter((m) => m.right !== undefined)
    .map((m) => [m.step, 100 * m.right]));
}

function draw() {
  able("race-start", !run.isBusy);
  able("race-stop", ["runs", "paused"].includes(run.state));
  put("race-state", text.runState(run));
  const isAsked = run.trainings.some((t) => t.chance);
  const x = [0, run.settings.steps ?? 1];
  const lines = isAsked ? { [text.chance]: 100 * run.trainings.find((t) => t.chance).chance } : {};
  const axes = isAsked ? { x, y: [0, 100], xLabel: text.step, yLabel: text.rightAxis }
    : { x, y: races[run.settings.task]?.axis ?? [0, 3.5], xLabel: text.step,
      yLabel: `${text.loss}, ${text.ofLast}` };
  put("race-curves", ...(run.trainings.some((t) => t.losses.length)
    ? chart("race-curves", isAsked ? rightCurves() : curves(run.trainings), lines, axes) : []));
  put("race-results", ...[...new Set(run.trainings.map((t) => t.mixer))].map(result));
  if (run.state === "ended" && guessed) at("race-told").textContent = text.raceAnswer(guessed, best());
}

// The contender that is ahead on what it has not seen, by its mean over the seeds; null if some
// training did not come to its end.
function best() {
  const isDone = run.trainings.every((t) => t.state === "done");
  const score = (t) => t.right ?? -t.held_out;
  const mean = (mixer) => {
    const mine = run.trainings.filter((t) => t.mixer === mixer);
    return mine.reduce((sum, t) => sum + score(t), 0) / mine.length;
  };
  return isDone ? run.trainings.map((t) => t.mixer).sort((a, b) => mean(b) - mean(a))[0] : null;
}

// What came of one contender with all seeds, and what it writes now.
function result(mixer) {
  const mine = run.trainings.filter((t) => t.mixer === mixer);
  const samples = mine.flatMap((t) => t.moments.at(-1).samples);
  return make("article", { class: "run" }, make("h3", {}, mixer),
    make("p", {}, text.raceResult(mine, samples)),
    make("ul", { class: "samples" }, ...samples.slice(0, 4).map(written)));
}

// A new race asks for a new prediction.
function newRace() {
  const { question } = races[at("race").value];
  guessed = null;
  put("race-asks", text.raceAsks[at("race").value]);
  predict("predict-verdict", text.verdictQuestion, question.mixers.map((name) => [name, name]), (value) => {
    guessed = value;
    return text.nowStart;
  });
}

const begin = answering(at("race-form"), (isLatest, question) => {
  at("race-told").textContent = "";
  return startRun(run, question, "race-others");
});

// ---- the grid: tasks down, layers across; a cell starts its race ----

function drawGrid(grid) {
  const whole = (share) => Math.round(100 * share);
  const cell = (row, layer) => {
    const found = row.cells[layer];
    const shares = Object.values(found.right);
    const right = `${whole(found.mean)} ± ${whole(found.half)}`;
    const label = text.cellLabel(text.tasks[row.task] ?? row.task, layer, right, whole(Math.min(...shares)),
      whole(Math.max(...shares)), found.rate);
    const button = make("button", { type: "button", "aria-label": label, title: label }, right);
    const above = Math.max(0, (found.mean - row.chance) / (1 - row.chance));
    button.style.setProperty("--share", `${Math.round(35 * above)}%`);
    button.addEventListener("click", async () => {
      guessed = null;
      at("race-state").scrollIntoView({ block: "center" });
      await begin({ task: row.task, mixers: [layer], seeds: [42, 1], rate: found.rate, steps: grid.steps,
        signs: grid.signs });
    });
    return make("td", {}, button);
  };
  put("grid", make("h3", {}, text.gridTitle), make("p", {}, text.gridStory(grid)),
    make("div", { class: "scroll" }, make("table", { class: "grid-table" },
      make("thead", {}, make("tr", {}, ...[text.task, text.chance, ...grid.layers]
        .map((name) => make("th", { scope: "col" }, name)))),
      make("tbody", {}, ...grid.tasks.map((row) => make("tr", {}, make("th", { scope: "row" },
        text.tasks[row.task] ?? row.task), make("td", {}, String(whole(row.chance))),
        ...grid.layers.map((layer) => cell(row, layer))))))));
}

// ---- what it costs ----

const drawCost = answering(at("race-form"), async (isLatest) => {
  const length = Number(at("length").value);
  at("length-out").textContent = length;
  const { rows } = await ask({ ask: "cost", length: Number(at("length").max) });
  if (!isLatest()) return;
  const series = rows.map((row, n) => ({ name: row.mixer, n,
    points: row.nodes.map((nodes, i) => [i + 1, nodes]) }));
  put("cost-chart", ...chart("cost-chart", series, {}, { x: [0, Number(at("length").max)], mark: length,
    y: [0, Math.max(...rows.flatMap((row) => row.nodes))], xLabel: `L, ${text.tokens}`,
    yLabel: text.nodes }));
  table("cost-table", [text.mixer, text.nodes, text.pairs], rows.map((row) => [row.mixer,
    row.nodes[length - 1].toLocaleString("en"), row.pairs[length - 1]?.toLocaleString("en") ?? "–"]));
});

export function prepare(start) {
  races = start.races;
  put("race", ...Object.keys(races).map((name) =>
    make("option", { value: name }, text.tasks[name] ?? name)));
  at("race").addEventListener("input", newRace);
  at("race-form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (at("race-start").getAttribute("aria-disabled") !== "true") begin(races[at("race").value].question);
  });
  onClick("race-stop", () => run.order("stop"));
  at("length").addEventListener("input", drawCost);
  addEventListener("pagehide", () => run.leave());
  newRace();
  draw();
  drawGrid(start.grid);
  return drawCost();
}
