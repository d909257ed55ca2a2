// One plane to turn in the hand: u, the present letter's vector, and its partners, in space. What
// a plane is, Python says (p, the unit plane, the mean); here it is only turned and drawn.
import { ask } from "./ask.js";
import { able, at, make, onClick, put, table } from "./draw.js";
import { answering } from "./form.js";
import { predict } from "./predict.js";
import { text } from "./text.js";

const [WIDTH, HEIGHT] = [460, 420];
const RADIUS = 105; // pixels of the disc, the unit plane: it has one size only
const WALL = 0.6; // how far from the middle a wall stands, in lengths of the longest vector
const PAIRS = [[0, 1], [0, 2], [1, 2]]; // the coordinates of p, in Python's order

let home = { names: ["u", "v"], vectors: [[2, 0.5, 0.3], [0.5, 2, 1]] };
let state = null; // vectors: u, then its partners; chosen: the partner whose plane is drawn; long: u's
// length in percent of its own
let found = null; // what Python said of `asked`
let held = null; // the tip or the view that is being dragged

const copy = (plane) => ({ names: [...plane.names], vectors: plane.vectors.map((v) => [...v]),
  chosen: 1, yaw: 0.6, pitch: 0.5, long: 100 });

// ---- from space to the picture ----

function turned([x, y, z], { yaw, pitch }) {
  const [a, b] = [x * Math.cos(yaw) - y * Math.sin(yaw), x * Math.sin(yaw) + y * Math.cos(yaw)];
  return [a, b * Math.sin(pitch) - z * Math.cos(pitch), -b * Math.cos(pitch) - z * Math.sin(pitch)];
}

// Back from a movement on the picture to one in space, at the same depth.
function unturned([dx, dy], { yaw, pitch }) {
  const b = dy * Math.sin(pitch);
  return [dx * Math.cos(yaw) + b * Math.sin(yaw), b * Math.cos(yaw) - dx * Math.sin(yaw),
    -dy * Math.cos(pitch)];
}

const length = (v) => Math.hypot(...v);
const times = (v, s) => v.map((x) => x * s);
const cross = (a, b) =>
  [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const plus = (u, v) => u.map((x, i) => x + v[i]);

// The arrow that stands upright on the plane with Plücker coordinates p01, p02, p12.
const normal = ([p01, p02, p12]) => [p12, -p02, p01];

// How far the longest of the vectors and of the parallelogram's corner reaches.
function reach() {
  const [u, ...partners] = state.vectors;
  return Math.max(...state.vectors.map(length), length(plus(u, partners[state.chosen - 1])), 1e-9);
}

// Everything fits, the shadows on their walls too.
const scale = () => (HEIGHT / 2 - 30) / (reach() * Math.hypot(1, WALL));

// Where the three walls stand that catch the shadows: behind everything, as seen from here.
function walls() {
  const { yaw, pitch } = state;
  const nearer = [Math.sin(yaw), Math.cos(yaw), Math.tan(pitch)];
  return nearer.map((x) => -Math.sign(x || 1) * WALL * reach());
}

function point(v, size) {
  const [x, y] = turned(v, state);
  return [WIDTH / 2 + x * size, HEIGHT / 2 + y * size];
}

const joined = (points) => points.map((p) => p.map((x) => x.toFixed(1)).join(",")).join(" ");

// ---- the picture ----

function line(from, to, kind) {
  return make("line", { x1: from[0], y1: from[1], x2: to[0], y2: to[1], class: kind });
}

// A place for a word: moved up until no other word stands there.
function free(taken, x, y) {
  while (taken.some(([a, b]) => Math.abs(a - x) < 90 && Math.abs(b - y) < 15)) y -= 15;
  taken.push([x, y]);
  return { x, y };
}

function draw() {
  const size = scale();
  const [u, ...partners] = state.vectors;
  const v = partners[state.chosen - 1];
  const zero = point([0, 0, 0], 1);
  const corners = [[0, 0, 0], u, plus(u, v), v];
  const taken = [];
  const svg = make("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "group", tabindex: "0",
    "aria-label": text.spaceLabel, "data-tip": "view" });
  const corner = walls();
  [0, 1, 2].forEach((i) => {
    const tip = point(corner.map((x, k) => k === i ? -x : x), size);
    svg.append(line(point(corner, size), tip, "axis"),
      make("text", free(taken, tip[0] + 4, tip[1]), String(i)));
  });
  if (found) drawShadows(svg, corners, size, corner, taken);
  svg.append(make("polygon", { points: joined(corners.map((c) => point(c, size))), class: "area" }));
  if (found) drawDisc(svg);
  state.vectors.forEach((vector, n) => {
    const tip = point(vector, size);
    const isLeft = tip[0] < WIDTH / 2;
    const circle = make("circle", { cx: tip[0], cy: tip[1], r: 11, class: `tip f${n}`, tabindex: "0",
      role: "button", "data-tip": n, "aria-label": text.tip(state.names[n], vector) });
    const place = free(taken, tip[0] + (isLeft ? -15 : 15), tip[1] + 4);
    svg.append(line(zero, tip, `vec s${n}`), circle,
      make("text", { ...place, class: `f${n}${isLeft ? " right" : ""}` }, state.names[n]));
  });
  svg.append(...svg.querySelectorAll("text")); // on top of all lines
  const focus = document.activeElement?.dataset?.tip;
  put("space", svg);
  if (focus === undefined) return;
  svg.parentNode.querySelector(`[data-tip="${focus}"]`)?.focus({ preventScroll: true });
}

// The three shadows of the parallelogram on the walls: their areas, with signs, are p.
function drawShadows(svg, corners, size, corner, taken) {
  const { p } = found.planes[state.chosen - 1];
  PAIRS.forEach(([i, j], n) => {
    const flat = corners.map((c) => c.map((x, k) => k === i || k === j ? x : corner[k]));
    const [x, y] = point(times(plus(flat[0], flat[2]), 0.5), size);
    svg.append(make("polygon", { points: joined(flat.map((c) => point(c, size))),
      class: p[n] < 0 ? "shadow minus" : "shadow plus" }),
      make("text", { ...free(taken, x, y), class: "middle small" }, `p${i}${j} ${p[n].toFixed(2)}`));
  });
}

// The unit plane as a disc with its upright arrow; the other partners' arrows, and their mean.
function drawDisc(svg) {
  const units = found.planes.map((plane) => normal(plane.unit));
  const n = units[state.chosen - 1];
  if (length(n) > 1e-9) {
    const flat = Math.abs(n[0]) < 0.9 * length(n) ? [1, 0, 0] : [0, 1, 0];
    const a = cross(n, flat);
    const one = times(a, 1 / length(a));
    const b = cross(n, one);
    const other = times(b, 1 / length(b));
    const rim = Array.from({ length: 48 }, (_, k) => plus(times(one, Math.cos(k * Math.PI / 24)),
      times(other, Math.sin(k * Math.PI / 24))));
    svg.append(make("polygon", { points: joined(rim.map((c) => point(c, RADIUS))), class: "disc" }));
  }
  const zero = point([0, 0, 0], 1);
  units.forEach((unit, k) => {
    svg.append(line(zero, point(unit, RADIUS), `normal s${k + 1}`));
  });
  if (units.length > 1) svg.append(line(zero, point(normal(found.mean), RADIUS), "normal mean"));
}

function tell() {
  const several = found.planes.length > 1;
  const plane = found.planes[state.chosen - 1];
  table("plucker", [text.coordinate, text.plane, text.unit, ...(several ? [text.mean] : [])],
    PAIRS.map(([i, j], n) => [`p${i}${j}`, plane.p[n].toFixed(3), plane.unit[n].toFixed(3),
      ...(several ? [found.mean[n].toFixed(3)] : [])])
      .concat([[text.size, plane.length.toFixed(3), Math.hypot(...plane.unit).toFixed(3),
        ...(several ? [found.length.toFixed(3)] : [])]]));
}

function drawPartners() {
  put("partners", ...state.names.slice(1).map((name, k) => {
    const button = make("button", { type: "button", "aria-pressed": k + 1 === state.chosen }, name);
    button.addEventListener("click", () => {
      state.chosen = k + 1;
      changed();
      at("partners").children[k].focus();
    });
    return button;
  }));
  able("swap", state.vectors.length > 2);
  at("stretch").value = state.long;
  at("stretch-out").textContent = `${state.long} %`;
  const several = state.vectors.length > 2;
  put("plane-legend", ...text.planeLegend(state.names[0], state.names[state.chosen], several)
    .map(([kind, words]) => make("li", {}, make("svg", { width: 34, height: 14, "aria-hidden": "true" },
      kind === "area" || kind === "disc" ? make("rect", { x: 4, y: 1, width: 26, height: 12, class: kind })
        : make("line", { x1: 2, x2: 32, y1: 7, y2: 7, class: kind })), words)));
}

const learn = answering(at("plane-form"), async (isLatest) => {
  const [u, ...partners] = state.vectors;
  const answer = await ask({ ask: "plane", u, partners });
  if (!isLatest()) return;
  found = answer;
  draw();
  tell();
});

// Something has moved: draw at once what needs no Python, and ask for the rest.
function changed() {
  if (found && found.planes.length !== state.vectors.length - 1) found = null;
  draw();
  drawPartners();
  return learn();
}

// ---- by hand ----

function moveTip(n, by) {
  const moved = plus(state.vectors[n], times(by, 1 / held.size));
  if (moved.every((x) => Math.abs(x) < 1e5)) state.vectors[n] = moved;
  changed();
}

function turnView(dx, dy) {
  state.yaw += dx;
  state.pitch = Math.min(1.5, Math.max(-1.5, state.pitch + dy));
  draw();
}

function grab(event) {
  const tip = event.target.dataset?.tip ?? "view";
  const rect = at("space").getBoundingClientRect();
  held = { tip, size: scale(), pixel: WIDTH / rect.width, last: [event.clientX, event.clientY] };
  at("space").setPointerCapture(event.pointerId);
  event.preventDefault();
  at("space").querySelector(`[data-tip="${tip}"]`).focus();
}

function drag(event) {
  if (!held) return;
  const dx = (event.clientX - held.last[0]) * held.pixel;
  const dy = (event.clientY - held.last[1]) * held.pixel;
  held.last = [event.clientX, event.clientY];
  if (held.tip === "view") turnView(dx / 120, dy / 120);
  else moveTip(Number(held.tip), unturned([dx, dy], state));
}

function key(event) {
  const tip = event.target.dataset?.tip;
  const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
  if (tip === undefined || !step) return;
  event.preventDefault();
  if (tip === "view") return turnView(step[0] / 10, step[1] / 10);
  held = { size: scale() };
  moveTip(Number(tip), unturned(times(step, 12), state));
  held = null;
}

// Show these vectors, u and its partners; the way back leads to them.
export function show(plane) {
  home = plane;
  state = copy(home);
  found = null;
  at("plane-told").textContent = "";
  askStretch();
  return changed();
}

function stretch(percent) {
  state.vectors[0] = times(state.vectors[0], percent / state.long);
  state.long = percent;
  return changed();
}

function askStretch() {
  predict("predict-plane", text.stretchQuestion(home.names[0]), text.stretchChoices, async (value) => {
    const before = found.planes[state.chosen - 1];
    await stretch(state.long * 2 > 300 ? 50 : 2 * state.long);
    const after = found.planes[state.chosen - 1];
    return text.stretchAnswer(value, before, after);
  });
}

async function swapPartners() {
  const before = [...found.mean];
  const other = state.chosen === 1 ? 2 : 1;
  for (const list of [state.vectors, state.names]) {
    [list[state.chosen], list[other]] = [list[other], list[state.chosen]];
  }
  state.chosen = other;
  await changed();
  at("plane-told").textContent = text.swapped(before, found.mean);
}

export function prepare() {
  at("space").addEventListener("pointerdown", grab);
  at("space").addEventListener("pointermove", drag);
  for (const end of ["pointerup", "pointercancel"]) {
    at("space").addEventListener(end, () => { held = null; });
  }
  at("space").addEventListener("keydown", key);
  at("plane-form").addEventListener("submit", (event) => event.preventDefault());
  at("stretch").addEventListener("input", () => stretch(Number(at("stretch").value)));
  onClick("swap", swapPartners);
  onClick("parallel", () => { state.vectors[0] = times(state.vectors[state.chosen], 0.5); changed(); });
  onClick("reset", () => { state = copy(home); changed(); });
}
