// The page asks Python and draws the answers; it computes nothing of a model.
import { ask, leave } from "./ask.js";
import { bars, chart, make, put, table } from "./draw.js";
import { text } from "./text.js";

const at = (id) => document.getElementById(id);
const number = (id) => at(id).value === "" ? null : Number(at(id).value);
let start = null;
let runs = []; // [{training, mixer, told}]
const POLL = 300;

// Do something; what goes wrong is said in one line.
async function attempt(action) {
  try {
    at("message").textContent = "";
    await action();
  } catch (error) {
    at("message").textContent = error.message;
  }
}

// Only the last of several calls in a row draws.
function latest(action) {
  let last = 0;
  return () => {
    const mine = ++last;
    return attempt(() => action(() => mine === last));
  };
}

// ---- text, tabs, and the state in the address ----

function fillText() {
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = text[node.dataset.text];
  for (const node of document.querySelectorAll("[data-label]")) {
    node.setAttribute("aria-label", text[node.dataset.label]);
  }
}

const tabs = [...document.querySelectorAll("[role=tab]")];
const STATE = ["first", "second", "task", "steps", "seed", "r", "n_layer", "word", "layer",
  "expression", "values", "length"];

function choose(tab, focus) {
  for (const other of tabs) {
    const isIt = other === tab;
    other.setAttribute("aria-selected", isIt);
    other.tabIndex = isIt ? 0 : -1;
    at(other.getAttribute("aria-controls")).hidden = !isIt;
  }
  if (focus) tab.focus();
  saveState();
  const view = tab.getAttribute("aria-controls");
  return { look, plane: drawPlane, grad: build, cost: drawCost }[view]?.();
}

function saveState() {
  const state = new URLSearchParams();
  state.set("view", tabs.find((t) => t.tabIndex === 0)?.getAttribute("aria-controls") ?? "train");
  for (const id of STATE) state.set(id, at(id).value);
  state.set("offsets", chosenOffsets().join(" "));
  state.set("position", position ?? "");
  state.set("who", at("who").selectedIndex);
  state.set("vectors", [...vectors.u, ...vectors.v].join(" "));
  history.replaceState(null, "", "#" + state);
}

function loadState() {
  const state = new URLSearchParams(location.hash.slice(1));
  for (const id of STATE) if (state.has(id)) at(id).value = state.get(id);
  if (state.get("position")) position = Number(state.get("position"));
  if (state.get("who")) at("who").selectedIndex = Math.min(Number(state.get("who")), 1);
  const six = (state.get("vectors") ?? "").split(" ").map(Number);
  if (six.length === 6 && six.every(Number.isFinite)) vectors = { u: six.slice(0, 3), v: six.slice(3) };
  const offsets = state.has("offsets") ? state.get("offsets").split(" ") : ["1", "2", "4", "8", "12", "16"];
  for (const chip of at("offsets").children) {
    chip.setAttribute("aria-pressed", offsets.includes(chip.textContent));
  }
  return tabs.find((t) => t.getAttribute("aria-controls") === state.get("view")) ?? tabs[0];
}

// ---- 1. train and compare ----

function chosenOffsets() {
  return [...at("offsets").children].filter((chip) => chip.getAttribute("aria-pressed") === "true")
    .map((chip) => Number(chip.textContent));
}

function makeOffsets() {
  for (const offset of [1, 2, 3, 4, 6, 8, 12, 16, 24, 32]) {
    const chip = make("button", { type: "button", "aria-pressed": "false" }, String(offset));
    chip.addEventListener("click", () => {
      chip.setAttribute("aria-pressed", chip.getAttribute("aria-pressed") !== "true");
      saveState();
      look();
    });
    at("offsets").append(chip);
  }
}

function settings(mixer) {
  return { mixer, task: at("task").value, text: at("task").value === "text" ? at("text").value : "",
    steps: number("steps"), seed: number("seed"), r: number("r"), n_layer: number("n_layer"),
    window: chosenOffsets() };
}

const isActive = (run) => !run.told.state || ["runs", "paused"].includes(run.told.state);

async function stopAll() {
  for (const run of runs.filter(isActive)) await ask({ ask: "order", training: run.training, order: "stop" });
}

async function startTraining() {
  await stopAll();
  runs = [];
  for (const mixer of [at("first").value, at("second").value].filter((name) => name)) {
    const { training } = await ask({ ask: "train", ...settings(mixer) });
    runs.push({ training, mixer, told: { losses: [], samples: [], lines: {} } });
  }
  at("after").checked = true;
  fillWho();
}

async function poll() {
  for (const run of runs.filter(isActive)) {
    const told = await ask({ ask: "progress", training: run.training, since: run.told.losses.length });
    told.losses = run.told.losses.concat(told.losses);
    run.told = told;
    if (told.error) at("message").textContent = told.error;
  }
  drawRuns();
}

// The mean of twenty losses is a summary for the eye; the losses themselves come from Python.
function smooth(losses) {
  const out = [];
  const every = Math.max(1, Math.floor(losses.length / 300));
  for (let i = 19; i < losses.length; i += every) {
    out.push([i + 1, losses.slice(i - 19, i + 1).reduce((a, b) => a + b) / 20]);
  }
  return out;
}

function marked(sample) {
  const [line, wrong] = sample;
  const letters = [...line];
  if (wrong === null) return make("li", {}, line || "·");
  return make("li", {}, letters.slice(0, wrong).join(""), make("mark", {}, letters[wrong] ?? " "),
    letters.slice(wrong + 1).join(""));
}

function drawRuns() {
  const states = runs.map((run) => run.told.state);
  at("pause").disabled = at("stop").disabled = !runs.some(isActive);
  at("pause").textContent = states.includes("paused") && !states.includes("runs") ? text.goOn : text.pause;
  const lines = {};
  for (const [name, loss] of Object.entries(runs[0]?.told.lines ?? {})) lines[text[name]] = loss;
  const series = runs.map((run) => ({ name: run.mixer, points: smooth(run.told.losses) }));
  put("curves", ...(runs.length ? [chart(series, lines, text.step, `${text.loss}, ${text.ofLast}`)] : []));
  put("runs", ...runs.map((run) => {
    const told = run.told;
    const box = make("div", { class: "run" }, make("h2", {}, run.mixer),
      make("p", {}, `${text[told.state] ?? "…"}, ${text.step} ${told.losses.length}` +
        (told.parameters ? `, ${told.parameters.toLocaleString("en")} ${text.parameters}` : "")));
    if (told.held_out) box.append(make("p", {}, `${text.unseen}: ${told.held_out.toFixed(4)}`));
    if (told.samples.length) {
      box.append(make("p", {}, `${text.writes} (${text.step} ${told.step}):`),
        make("ul", {}, ...told.samples.map(marked)));
    }
    return box;
  }));
}

// ---- 2. look inside ----

let position = null;

function fillWho() {
  const before = at("who").selectedIndex;
  put("who", ...start.seen.map((name) => make("option", { value: name }, name)));
  at("who").selectedIndex = Math.max(before, 0);
}

const look = latest(async (isLatest) => {
  if (at("look").hidden) return;
  const mixer = at("who").value;
  const run = runs.find((r) => r.mixer === mixer && r.told.step);
  const question = { ask: "look", ...settings(mixer), word: at("word").value, layer: number("layer") };
  if (run) Object.assign(question, { training: run.training, after: at("after").checked });
  if (position !== null) question.position = Math.min(position, [...at("word").value].length);
  const seen = await ask(question);
  if (!isLatest()) return;
  drawArcs(seen);
  put("odds", ...seen.odds.map((odd, k) => [odd, seen.symbols[k]]).sort((a, b) => b[0] - a[0])
    .slice(0, 30).map(([odd, symbol]) => make("div", { class: "odd" }, make("span", {}, symbol),
      make("meter", { value: odd, max: 1, "aria-label": symbol }),
      make("span", {}, (100 * odd).toFixed(1) + " %"))));
  at("formula").textContent = text.point;
  put("vectors", ...seen.rows.map((row) => bars(row, row.sub ? `${row.name}, ${row.sub}` : row.name, show)));
  show(seen.rows[0], (seen.trained ? text.after : text.untrained) + ". " + text.point);
});

function show(row, formula) {
  at("formula").textContent = formula;
  at("source").querySelector("pre").textContent =
    `${row.source.file}, ${row.source.line}\n\n${row.source.text}`;
}

function drawArcs(seen) {
  const place = (i) => 24 + 52 * i;
  const svg = make("svg", { width: 52 * seen.letters.length, height: 90, role: "img",
    "aria-label": seen.arcs.map((a) => `${text.looksAt} ${a.s}: ${a.weight.toFixed(3)}`).join(", ") });
  for (const arc of seen.arcs) {
    const [a, b] = [place(arc.s), place(seen.position)];
    const d = arc.s === seen.position ? `M${a - 8} 88 C${a - 22} 52 ${a + 22} 52 ${a + 8} 88`
      : `M${a} 88 Q${(a + b) / 2} ${80 - Math.min(150, 22 + 22 * (seen.position - arc.s))} ${b} 88`;
    svg.append(make("path", { d, class: "arc", "stroke-width": (0.5 + 7 * arc.share).toFixed(2) },
      make("title", {}, `${seen.letters[arc.s]}: ${arc.weight.toFixed(4)}`)));
  }
  const hadFocus = at("arcs").contains(document.activeElement);
  const letters = seen.letters.map((letter, i) => {
    const button = make("button", { type: "button", "aria-pressed": i === seen.position }, letter);
    button.addEventListener("click", () => { position = i; saveState(); look(); });
    return button;
  });
  put("arcs", svg, make("div", { class: "letters" }, ...letters));
  if (hadFocus) letters[seen.position].focus();
}

// ---- 3. a plane by hand ----

let vectors = { u: [2, 0.5, 0], v: [0.5, 2, 1] };

// Where a point of space stands on the picture, and back for the floor.
const screen = ([x, y, z]) => [170 + 52 * x - 34 * y, 190 + 11 * x + 29 * y - 52 * z];

function makeCoordinates() {
  for (const name of ["u", "v"]) {
    const row = make("div");
    for (let i = 0; i < 3; i++) {
      const input = make("input", { type: "number", step: 0.1, id: `${name}${i}` });
      input.addEventListener("input", () => {
        if (input.value !== "") vectors[name][i] = Number(input.value);
        drawPlane(input);
      });
      row.append(make("label", {}, `${name}[${i}]`, input));
    }
    at("coordinates").append(row);
  }
}

const drawPlane = latest(async (isLatest) => {
  const { u, v } = vectors;
  for (const name of ["u", "v"]) {
    vectors[name].forEach((x, i) => {
      if (document.activeElement !== at(name + i)) at(name + i).value = Math.round(x * 100) / 100;
    });
  }
  drawSpace(u, v);
  saveState();
  const found = await ask({ ask: "plane", u, v });
  if (!isLatest()) return;
  table("plucker", [text.coordinate, text.plane, text.unit, text.how],
    ["01", "02", "12"].map((ij, n) => [`p${ij}`, found.plane[n].toFixed(3), found.unit[n].toFixed(3),
      found.formulas[n]]).concat([[text.size, found.length.toFixed(3), "", ""]]));
});

function drawSpace(u, v) {
  const sum = u.map((x, i) => x + v[i]);
  const flat = (hidden) => [[0, 0, 0], u, sum, v].map((p) => p.map((x, i) => i === hidden ? 0 : x));
  const polygon = (points, kind) =>
    make("polygon", { points: points.map((p) => screen(p).join(",")).join(" "), class: kind });
  const svg = make("svg", { viewBox: "0 0 400 340", role: "img", "aria-label": text.planeIntro });
  const [ox, oy] = screen([0, 0, 0]);
  [[3.2, 0, 0], [0, 3.2, 0], [0, 0, 3.2]].forEach((tip, i) => {
    const [x, y] = screen(tip);
    svg.append(make("line", { x1: ox, y1: oy, x2: x, y2: y, class: "axis" }),
      make("text", { x: x + 4, y }, String(i)));
  });
  for (const hidden of [0, 1, 2]) svg.append(polygon(flat(hidden), "shadow"));
  svg.append(polygon([[0, 0, 0], u, sum, v], "area"));
  [["u", u], ["v", v]].forEach(([name, vector], n) => {
    const [x, y] = screen(vector);
    const tip = make("circle", { cx: x, cy: y, r: 9, class: `tip f${n}` });
    tip.addEventListener("pointerdown", (event) => drag(event, name));
    svg.append(make("line", { x1: ox, y1: oy, x2: x, y2: y, class: `vec${n}` }), tip,
      make("text", { x: x + 12, y: y - 6, class: `f${n}` }, name));
  });
  put("space", svg);
}

function drag(event, name) {
  event.preventDefault();
  const width = at("space").querySelector("svg").getBoundingClientRect().width;
  let last = [event.clientX, event.clientY];
  const move = (e) => {
    const dx = (e.clientX - last[0]) * 400 / width;
    const dy = (e.clientY - last[1]) * 400 / width;
    last = [e.clientX, e.clientY];
    const vector = [...vectors[name]];
    if (e.shiftKey) {
      vector[2] -= dy / 52;
    } else {
      vector[0] += (29 * dx + 34 * dy) / 1882;
      vector[1] += (52 * dy - 11 * dx) / 1882;
    }
    vectors[name] = vector;
    drawPlane();
  };
  const end = () => removeEventListener("pointermove", move);
  addEventListener("pointermove", move);
  addEventListener("pointerup", end, { once: true });
  addEventListener("pointercancel", end, { once: true });
}

// ---- 4. gradients by hand ----

let graph = null;
let done = 0;

const build = latest(async (isLatest) => {
  const values = {};
  for (const [, name, value] of at("values").value.matchAll(/([a-z_]\w*)\s*=\s*(\S+)/gi)) {
    values[name] = Number(value);
  }
  saveState();
  const found = await ask({ ask: "gradients", expression: at("expression").value, values });
  if (!isLatest()) return;
  graph = found;
  done = 0;
  drawGraph();
});

function drawGraph() {
  if (!graph) return;
  const { nodes, steps, root } = graph;
  const grads = nodes.map((node, i) => i === root ? 1 : 0);
  for (const step of steps.slice(0, done)) grads[step.child] = step.becomes;
  const now = steps[done - 1];
  const levels = Math.max(...nodes.map((node) => node.level)) + 1;
  const filled = Array(levels).fill(0);
  const places = nodes.map((node) => [60 + 130 * node.level, 40 + 74 * filled[node.level]++]);
  const height = 74 * Math.max(...filled) + 16;
  const svg = make("svg", { width: 130 * levels, height, role: "img", "aria-label": text.graph });
  nodes.forEach((node, i) => node.children.forEach((child) => {
    const isNow = now && now.node === i && now.child === child;
    svg.append(make("line", { x1: places[child][0] + 50, y1: places[child][1], x2: places[i][0] - 50,
      y2: places[i][1], class: isNow ? "now" : "edge" }));
  }));
  nodes.forEach((node, i) => {
    const [x, y] = places[i];
    const kind = now && now.node === i ? "node now" : now && now.child === i ? "node next" : "node";
    svg.append(make("rect", { x: x - 50, y: y - 30, width: 100, height: 60, rx: 6, class: kind }),
      make("text", { x, y: y - 13, class: "middle" }, node.label),
      make("text", { x, y: y + 4, class: "middle" }, `= ${short(node.data)}`),
      make("text", { x, y: y + 21, class: "middle f0" }, `grad ${short(grads[i])}`));
  });
  put("graph", svg);
  at("back").disabled = done === 0;
  at("forth").disabled = done === steps.length;
  at("step").textContent = now ? `${done} / ${steps.length}: ${nodes[now.node].label} ${text.hands} ` +
    `${nodes[now.child].label}: ${short(now.local)} · ${short(grads[now.node])}; ` +
    `${text.gradient} ${short(now.becomes)}` : text.startHere;
}

const short = (x) => String(Number(x.toPrecision(4)));

// ---- 5. what it costs ----

const drawCost = latest(async (isLatest) => {
  const length = number("length");
  at("length-out").textContent = length;
  saveState();
  const { rows } = await ask({ ask: "cost", length });
  if (!isLatest()) return;
  put("cost-chart", chart(rows.map((row) => ({ name: row.mixer,
    points: row.nodes.map((nodes, i) => [i + 1, nodes]) })), {}, `L, ${text.tokens}`, text.nodes));
  table("cost-table", [text.mixer, text.nodes, text.pairs], rows.map((row) => [row.mixer,
    row.nodes[length - 1].toLocaleString("en"), row.pairs[length - 1]?.toLocaleString("en") ?? "–"]));
});

// ---- begin ----

function listen() {
  at("tabs").addEventListener("keydown", (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (step) choose(tabs[(tabs.indexOf(event.target) + step + tabs.length) % tabs.length], true);
  });
  for (const tab of tabs) tab.addEventListener("click", () => choose(tab));
  const submit = (id, action) => at(id).addEventListener("submit", (event) => {
    event.preventDefault();
    saveState();
    action();
  });
  submit("train-form", () => attempt(async () => { await startTraining(); await poll(); }));
  submit("look-form", look);
  submit("grad-form", build);
  at("look-form").addEventListener("input", () => { saveState(); look(); });
  at("word").addEventListener("input", () => { position = null; });
  at("task").addEventListener("change", () => { at("text-label").hidden = at("task").value !== "text"; });
  at("file").addEventListener("change", async () => { at("text").value = await at("file").files[0].text(); });
  at("stop").addEventListener("click", () => attempt(async () => { await stopAll(); await poll(); }));
  at("pause").addEventListener("click", () => attempt(async () => {
    const order = at("pause").textContent === text.goOn ? "go on" : "pause";
    for (const run of runs.filter(isActive)) await ask({ ask: "order", training: run.training, order });
    await poll();
  }));
  at("swap").addEventListener("click", () => { vectors = { u: vectors.v, v: vectors.u }; drawPlane(); });
  at("parallel").addEventListener("click", () => { vectors.v = vectors.u.map((x) => x / 2); drawPlane(); });
  at("stretch").addEventListener("click", () => { vectors.u = vectors.u.map((x) => 2 * x); drawPlane(); });
  at("back").addEventListener("click", () => { done--; drawGraph(); });
  at("forth").addEventListener("click", () => { done++; drawGraph(); });
  at("length").addEventListener("input", drawCost);
  addEventListener("pagehide", () => {
    for (const run of runs.filter(isActive)) {
      leave({ ask: "order", training: run.training, order: "stop" });
    }
  });
}

fillText();
makeOffsets();
makeCoordinates();
listen();
attempt(async () => {
  start = await ask({ ask: "start" });
  put("first", ...start.mixers.map((name) => make("option", { value: name }, name)));
  put("second", make("option", { value: "" }, text.none),
    ...start.mixers.map((name) => make("option", { value: name }, name)));
  at("first").value = "attention";
  at("second").value = "Grassmann";
  fillWho();
  at("who").value = "Grassmann";
  for (const [name, [low, high]] of Object.entries(start.limits)) {
    at(name).min = low;
    at(name).max = high;
  }
  choose(loadState());
  at("text-label").hidden = at("task").value !== "text";
  document.body.dataset.ready = "yes";
  setInterval(() => { if (runs.some(isActive)) attempt(poll); }, POLL);
});
