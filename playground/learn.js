// The fourth chapter: two models learn names before one's eyes, with three seeds each.
import { ask } from "./ask.js";
import { able, at, chart, make, onClick, put, shares } from "./draw.js";
import { answering } from "./form.js";
import { word } from "./guess.js";
import { predict } from "./predict.js";
import { Run } from "./run.js";
import { text } from "./text.js";
import { curves, startRun, written } from "./train.js";

export const SETTINGS = { mixers: ["attention", "Grassmann"], seeds: [42, 1, 2], steps: 300 };
const run = new Run(draw);
let guessed = null;

// Losses on unseen names, one for each seed, of each contender: {name: [loss, ...]}.
function verdict() {
  const out = {};
  for (const training of run.trainings) {
    if (training.held_out) (out[training.mixer] ??= []).push(training.held_out);
  }
  return out;
}

function draw() {
  able("learn-start", !run.isBusy);
  able("learn-stop", ["runs", "paused"].includes(run.state));
  put("learn-state", text.runState(run));
  const lines = run.trainings[0]?.lines.blind ? { [text.blind]: run.trainings[0].lines.blind } : {};
  put("learn-curves", ...(run.trainings.some((t) => t.losses.length) ? chart("learn-curves",
    curves(run.trainings), lines, { x: [0, SETTINGS.steps], y: [2, 3.5], xLabel: text.step,
      yLabel: `${text.loss}, ${text.ofLast}` }) : []));
  const losses = verdict();
  const isDone = run.state === "ended" && Object.values(losses).flat().length === run.trainings.length;
  at("learn-told").textContent = isDone && run.trainings.length ? text.learnAnswer(losses, guessed) : "";
  const moments = run.trainings[0]?.moments.length ?? 1;
  const wasLast = at("age").value === at("age").max;
  const isNew = Number(at("age").max) !== moments - 1;
  at("age").max = moments - 1;
  at("age").disabled = moments < 2;
  if (wasLast) at("age").value = moments - 1;
  if (isNew) drawAges(); // and not at each answer: the looks would never come to an end
}

// What the models of the first seed write at the chosen moment, and what comes next in the name.
const drawAges = answering(at("learn-form"), async (isLatest) => {
  const n = Number(at("age").value);
  const step = run.trainings[0]?.moments[n]?.step ?? 0;
  at("age-out").textContent = step ? text.afterSteps(step) : text.untrained;
  if (!run.trainings.length || run.state === "lost") return;
  const boxes = [];
  for (const k of [0, 1]) {
    const training = run.trainings[k];
    const seen = await ask({ ask: "look", run: run.id, training: k, moment: n, word: word(), flow: false });
    const odds = seen.odds.map((odd, i) => [seen.symbols[i] || text.end, odd])
      .sort((a, b) => b[1] - a[1]).slice(0, 6);
    boxes.push(make("article", { class: "run" }, make("h3", {}, training.mixer),
      make("p", { class: "small" }, text.whichNext(word(), word().length)), shares(odds),
      make("p", { class: "small" }, text.writes(training.moments[n]?.step ?? 0)),
      make("ul", {}, ...(training.moments[n]?.samples ?? []).map(written))));
  }
  if (isLatest()) put("ages", ...boxes);
});

export function prepare() {
  predict("predict-learn", text.learnQuestion, text.learnChoices, (value) => {
    guessed = value;
    return run.state === "none" ? text.nowStart : "";
  });
  at("learn-form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (at("learn-start").getAttribute("aria-disabled") !== "true") begin();
  });
  onClick("learn-stop", () => run.order("stop"));
  at("age").addEventListener("input", drawAges);
  addEventListener("pagehide", () => run.leave());
  draw();
  drawAges();
}

const begin = answering(at("learn-form"), () => startRun(run, SETTINGS, "learn-others"));
