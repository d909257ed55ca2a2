// The last chapter of the story: races with several seeds, what a layer costs, and the grid.
import { ask } from "./ask.js";
import { able, at, chart, make, onClick, put, table } from "./draw.js";
import { answering } from "./form.js";
import { predict } from "./predict.js";
import { Run } from "./run.js";
import { text } from "./text.js";
import { curves, written } from "./train.js";

const run = new Run(draw);
let races = {}; // name: the question that starts it, and its axes
let guessed = null;

const race = () => races[at("race").value];

function draw() {
  able("race-start", !run.isBusy);
  able("race-stop", ["runs", "paused"].includes(run.state));
  put("race-state", text.runState(run));
  const { axes, question } = races[run.settings.task] ?? race();
  put("race-curves", ...(run.trainings.some((t) => t.losses.length) ? chart("race-curves",
    curves(run.trainings), {}, { x: [0, run.settings.steps ?? question.steps], y: axes, xLabel: text.step,
      yLabel: `${text.loss}, ${text.ofLast}` }) : []));
  const mixers = [...new Set(run.trainings.map((t) => t.mixer))];
  put("race-results", ...mixers.map(result));
}

// What came of one contender with all seeds: its unseen losses, and what it writes now.
function result(mixer) {
  const mine = run.trainings.filter((t) => t.mixer === mixer);
  const losses = mine.filter((t) => t.held_out).map((t) => t.held_out);
  const samples = mine.flatMap((t) => t.moments.at(-1).samples);
  const right = samples.filter(([, wrong]) => wrong === null).length;
  return make("article", { class: "run" }, make("h3", {}, mixer), make("p", {},
    text.raceResult(losses, right, samples.length, mine.map((t) => t.state))),
    make("ul", { class: "samples" }, ...samples.slice(0, 4).map(written)));
}

const begin = answering(at("race-form"), () => run.start(race().question));

// ---- what it costs ----

const drawCost = answering(at("race-form"), async (isLatest) => {
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

export function prepare(start) {
  races = start.races;
  put("race", ...Object.keys(races).map((name) => make("option", { value: name }, text.tasks[name] ?? name)));
  predict("predict-verdict", text.verdictQuestion, races[at("race").value].question.mixers
    .map((name) => [name, name]), (value) => { guessed = value; return text.nowStart; });
  at("race-form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (at("race-start").getAttribute("aria-disabled") !== "true") begin();
  });
  onClick("race-stop", () => run.order("stop"));
  at("length").addEventListener("input", drawCost);
  addEventListener("pagehide", () => run.leave());
  draw();
  return drawCost();
}
