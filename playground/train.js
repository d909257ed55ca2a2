// The form that starts a run, and what the run has told.
import { ask } from "./ask.js";
import { remember } from "./address.js";
import { able, at, chart, make, onClick, put } from "./draw.js";
import { answering } from "./form.js";
import { Run } from "./run.js";
import { text } from "./text.js";

export const run = new Run(draw);
const WINDOW = ["1", "2", "4", "8", "12", "16"];
const OFFSETS = [1, 2, 3, 4, 6, 8, 12, 16, 24, 32];
let longest = 0; // characters that the text box takes
let onChange = () => {}; // whom a change of the run concerns

// An empty field is no number: Python says what it should be.
export const number = (id) => at(id).value === "" ? null : Number(at(id).value);

export function chosenOffsets() {
  return [...at("offsets").children].filter((chip) => chip.getAttribute("aria-pressed") === "true")
    .map((chip) => Number(chip.textContent));
}

export function chooseOffsets(offsets) {
  for (const chip of at("offsets").children) {
    chip.setAttribute("aria-pressed", (offsets ?? WINDOW).includes(chip.textContent));
  }
}

// What a question says about the model and its documents.
export function settings() {
  const task = at("task").value;
  return { task, text: task === "text" ? at("text").value : "", steps: number("steps"),
    seed: number("seed"), r: number("r"), n_layer: number("n_layer"), window: chosenOffsets() };
}

const begin = answering(at("train-form"), async () => {
  const mixers = [at("first").value, at("second").value].filter((name) => name);
  await startRun(run, { ...settings(), mixers: [...new Set(mixers)] }, "others");
  remember({ run: run.id });
});

// Say what is known of the documents before anything learns from them.
export const describe = answering(at("train-form"), async (isLatest) => {
  at("text-box").hidden = at("task").value !== "text";
  if (at("task").value === "text" && !at("text").value.trim()) {
    put("documents", text.pasteFirst(longest));
    return;
  }
  const found = await ask({ ask: "documents", ...settings() });
  if (!isLatest()) return;
  put("documents", text.documents(found) + (at("task").value === "text"
    ? " " + text.room(at("text").value.length, longest) : ""));
});

async function readFile() {
  const content = await at("file").files[0].text();
  at("text").value = content.slice(0, longest);
  await describe();
  if (content.length > longest) put("documents", text.fileCut(content.length, longest));
}

// Start a run; if another one stands in its way, offer in the box to stop that.
export async function startRun(mine, question, box) {
  put(box);
  try {
    await mine.start(question);
  } catch (error) {
    if (error.field === "run") await showOthers(box);
    throw error;
  }
}

// Somebody else's run, in another tab: it can be stopped, or followed here in the last chapter.
export async function showOthers(box) {
  const { run: other } = await ask({ ask: "running" });
  if (!other || other === run.id) {
    put(box);
    return;
  }
  const follow = make("button", { type: "button" }, text.followOther);
  follow.addEventListener("click", () => {
    put(box);
    remember({ run: other });
    run.follow(other);
    at("state").scrollIntoView({ block: "center" });
  });
  const stop = make("button", { type: "button" }, text.stopOther);
  stop.addEventListener("click", async () => {
    await ask({ ask: "order", run: other, order: "stop" });
    put(box);
  });
  put(box, make("p", {}, text.other), follow, " ", stop);
}

// ---- what it has told ----

// The mean of up to twenty losses is a summary for the eye; the losses themselves come from Python.
export function smooth(losses) {
  const every = Math.max(1, Math.floor(losses.length / 300));
  const out = [];
  for (let i = 0; i < losses.length; i += i < 40 ? 1 : every) {
    const some = losses.slice(Math.max(0, i - 19), i + 1);
    out.push([i + 1, some.reduce((a, b) => a + b) / some.length]);
  }
  return out;
}

// One curve for each contender, of the points that each of its trainings has: the mean over the
// seeds, and the band from the lowest to the highest.
export function spread(trainings, pointsOf) {
  const mixers = [...new Set(trainings.map((training) => training.mixer))];
  return mixers.map((name, n) => {
    const of = trainings.filter((t) => t.mixer === name).map(pointsOf).filter((points) => points.length);
    const shortest = of.reduce((a, b) => a.length <= b.length ? a : b, of[0] ?? []);
    const column = (i) => of.map((points) => points[i][1]);
    const points = shortest.map(([x], i) => [x, column(i).reduce((a, b) => a + b) / of.length]);
    const band = shortest.map(([x], i) => [x, Math.min(...column(i)), Math.max(...column(i))]);
    return { name, n, points, band: of.length > 1 ? band : [] };
  });
}

export const curves = (trainings) => spread(trainings, (training) => smooth(training.losses));

// A text that a model wrote; what is wrong with it, from the first wrong bracket on, is marked.
export function written([line, wrong]) {
  const letters = [...line];
  if (wrong === null) return make("li", {}, line || text.empty);
  return make("li", {}, letters.slice(0, wrong).join(""), make("mark", {}, letters[wrong] ?? "…"),
    letters.slice(wrong + 1).join(""));
}

function draw() {
  const isOn = ["runs", "paused"].includes(run.state);
  able("start", run.state !== "starts");
  able("pause", isOn);
  able("stop", isOn);
  at("pause").textContent = run.state === "paused" ? text.goOn : text.pause;
  put("state", text.runState(run));
  const lines = Object.fromEntries(Object.entries(run.trainings[0]?.lines ?? {})
    .map(([name, loss]) => [text[name], loss]));
  const series = curves(run.trainings);
  const ys = [...series.flatMap((s) => s.points.map((p) => p[1])), ...Object.values(lines)];
  put("curves", ...(ys.length ? chart("curves", series, lines, { x: [0, run.settings.steps],
    y: [Math.floor(2 * Math.min(...ys)) / 2, Math.ceil(2 * Math.max(...ys)) / 2],
    xLabel: text.step, yLabel: `${text.loss}, ${text.ofLast}` }) : []));
  put("results", ...run.trainings.map(result));
  onChange();
}

function result(training) {
  const last = training.moments.at(-1);
  const box = make("div", { class: "run" }, make("h2", {}, training.mixer), make("p", {},
    text.trainingState(training, run.settings.steps)));
  if (training.right !== undefined) {
    box.append(make("p", {}, text.rightAnswers(training.right, training.chance)));
  }
  if (training.held_out) box.append(make("p", {}, `${text.unseen}: ${training.held_out.toFixed(4)}`));
  if (last.samples.length) {
    box.append(make("p", {}, text.writes(last.step)), make("ul", {}, ...last.samples.map(written)));
  }
  return box;
}

// ---- begin ----

export function prepare(start, changed) {
  onChange = changed;
  longest = start.longest_text;
  at("text").maxLength = longest;
  put("first", ...start.mixers.map((name) => make("option", { value: name }, name)));
  put("second", make("option", { value: "" }, text.none),
    ...start.mixers.map((name) => make("option", { value: name }, name)));
  put("task", ...start.tasks.map((name) => make("option", { value: name }, text.tasks[name] ?? name)));
  at("first").value = "attention";
  at("second").value = "Grassmann";
  for (const [name, [low, high]] of Object.entries(start.limits)) {
    at(name).min = low;
    at(name).max = high;
  }
  for (const offset of OFFSETS) {
    const chip = make("button", { type: "button", "aria-pressed": "false" }, String(offset));
    chip.addEventListener("click", () => {
      chip.setAttribute("aria-pressed", chip.getAttribute("aria-pressed") !== "true");
      remember({ offsets: chosenOffsets().join(" ") });
    });
    at("offsets").append(chip);
  }
  at("train-form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (at("start").getAttribute("aria-disabled") !== "true") begin();
  });
  at("train-form").addEventListener("input", () => describe());
  at("file").addEventListener("change", readFile);
  onClick("stop", () => run.order("stop"));
  onClick("pause", () => run.order(run.state === "paused" ? "go on" : "pause"));
  addEventListener("pagehide", () => run.leave());
  draw();
}
