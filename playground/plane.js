// One plane to turn in the hand: u, the present letter's vector, and its partners, in space. What
// a plane is, Python says (p, the unit plane, the mean); here it is only turned and drawn.
import { ask } from "./ask.js";
import { address, remember } from "./address.js";
import { at, make, onClick, put, table } from "./draw.js";
import { answering } from "./form.js";
import { text } from "./text.js";

const [WIDTH, HEIGHT] = [460, 420];
const RADIUS = 105; // pixels of the disc, the unit plane: it has one size only
const PAIRS = [[0, 1], [0, 2], [1, 2]]; // the coordinates of p, in Python's order

let home = { names: ["u", "v"], vectors: [[2, 0.5, 0.3], [0.5, 2, 1]] };
let state = null; // vectors: u, then its partners; chosen: the partner whose plane is drawn
let found = null; // what Python said of `asked`
let held = null; // the tip or the view that is being dragged

const copy = (plane) => ({ names: [...plane.names], vectors: plane.vectors.map((v) => [...v]),
  chosen: 1, yaw: 0.6, pitch: 0.5 });

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
const plus = (u, v) => u.map((x, i) => x + v[i]);

// The arrow that stands upright on the plane with Plücker coordinates p01, p02, p12.
const normal = ([p01, p02, p12]) => [p12, -p02, p01];

// Everything fits: the longest of the vectors and of their sum reaches as far as the picture does.
function scale() {
  const [u, ...partners] = state.vectors;
  const far = Math.max(...state.vectors.map(length), length(plus(u, partners[state.chosen - 1])));
  return (HEIGHT / 2 - 36) / Math.max(far, 1e-9);
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

function draw() {
  const size = scale();
  const [u, ...partners] = state.vectors;
  const v = partners[state.chosen - 1];
  const zero = point([0, 0, 0], 1);
  const corners = [[0, 0, 0], u, plus(u, v), v];
  const svg = make("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, role: "group", tabindex: "0",
    "aria-label": text.spaceLabel, "data-tip": "view" });
  const reach = (HEIGHT / 2 - 30) / size;
  [0, 1, 2].forEach((i) => {
    const tip = point([0, 0, 0].map((_, k) => k === i ? reach : 0), size);
    svg.append(line(zero, tip, "axis"), make("text", { x: tip[0] + 4, y: tip[1] }, String(i)));
  });
  if (found) drawShadows(svg, corners, size);
  svg.append(make("polygon", { points: joined(corners.map((c) => point(c, size))), class: "area" }));
  if (found) drawDisc(svg);
  state.vectors.forEach((vector, n) => {
    const tip = point(vector, size);
    const circle = make("circle", { cx: tip[0], cy: tip[1], r: 11, class: `tip f${n}`, tabindex: "0",
      role: "button", "data-tip": n, "aria-label": text.tip(state.names[n], vector) });
    svg.append(line(zero, tip, `vec s${n}`), circle,
      make("text", { x: tip[0] + 14, y: tip[1] - 8, class: `f${n}` }, state.names[n]));
  });
  const focus = document.activeElement?.dataset?.tip;
  put("space", svg);
  if (focus !== undefined) svg.parentNode.querySelector(`[data-tip="${focus}"]`)?.focus();
}

// The three shadows of the parallelogram: their areas, with signs, are p.
function drawShadows(svg, corners, size) {
  const { p } = found.planes[state.chosen - 1];
  PAIRS.forEach(([i, j], n) => {
    const flat = corners.map((c) => c.map((x, k) => k === i || k === j ? x : 0));
    const [x, y] = point(times(flat[2], 0.5), size);
    svg.append(make("polygon", { points: joined(flat.map((c) => point(c, size))),
      class: p[n] < 0 ? "shadow minus" : "shadow plus" }),
      make("text", { x, y, class: "middle small" }, `p${i}${j} ${p[n].toFixed(2)}`));
  });
}

// The unit plane as a disc with its upright arrow; the other partners' arrows, and their mean.
function drawDisc(svg) {
  const units = found.planes.map((plane) => normal(plane.unit));
  const n = units[state.chosen - 1];
  if (length(n) > 1e-9) {
    const flat = Math.abs(n[0]) < 0.9 * length(n) ? [1, 0, 0] : [0, 1, 0];
    const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
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
  const plane = found.planes[state.chosen - 1];
  table("plucker", [text.coordinate, text.plane, text.unit, ...(found.planes.length > 1 ? [text.mean] : [])],
    PAIRS.map(([i, j], n) => [`p${i}${j}`, plane.p[n].toFixed(3), plane.unit[n].toFixed(3),
      ...(found.planes.length > 1 ? [found.mean[n].toFixed(3)] : [])])
      .concat([[text.size, plane.length.toFixed(3), Math.hypot(...plane.unit).toFixed(3),
        ...(found.planes.length > 1 ? [found.length.toFixed(3)] : [])]]));
}

const learn = answering(at("plane"), async (isLatest) => {
  const [u, ...partners] = state.vectors;
  const answer = await ask({ ask: "plane", u, partners });
  if (!isLatest()) return;
  found = answer;
  draw();
  tell();
});

// Something has moved: draw at once what needs no Python, and ask for the rest.
export function changed() {
  if (found && found.planes.length !== state.vectors.length - 1) found = null;
  const [u, v] = state.vectors;
  for (const [name, vector] of [["u", u], ["v", v]]) {
    vector.forEach((x, i) => {
      if (document.activeElement !== at(name + i)) at(name + i).value = Math.round(x * 100) / 100;
    });
  }
  draw();
  remember({ vectors: state.vectors.flat().map((x) => Number(x.toFixed(3))).join(" ") });
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

// Show these vectors; the way back leads to them.
export function show(plane) {
  home = plane;
  state = copy(home);
  found = null;
  return changed();
}

export function prepare() {
  for (const [n, name] of ["u", "v"].entries()) {
    const row = make("div");
    for (let i = 0; i < 3; i++) {
      const input = make("input", { type: "number", step: 0.1, id: `${name}${i}` });
      input.addEventListener("input", () => {
        if (input.value !== "") state.vectors[n][i] = Number(input.value);
        changed();
      });
      row.append(make("label", {}, `${name}[${i}]`, input));
    }
    at("coordinates").append(row);
  }
  at("space").addEventListener("pointerdown", grab);
  at("space").addEventListener("pointermove", drag);
  for (const end of ["pointerup", "pointercancel"]) at("space").addEventListener(end, () => { held = null; });
  at("space").addEventListener("keydown", key);
  onClick("swap", () => {
    const [u, v] = state.vectors;
    state.vectors.splice(0, 2, v, u);
    changed();
  });
  onClick("parallel", () => { state.vectors[1] = times(state.vectors[0], 0.5); changed(); });
  onClick("stretch", () => { state.vectors[0] = times(state.vectors[0], 2); changed(); });
  onClick("reset", () => { state = copy(home); changed(); });
  state = copy(home);
  const given = (address().get("vectors") ?? "").split(" ").map(Number);
  if (given.length >= 6 && given.length % 3 === 0 && given.every((x) => Number.isFinite(x) && Math.abs(x) < 1e5)) {
    state.vectors = state.vectors.map((_, n) => given.slice(3 * n, 3 * n + 3)).filter((v) => v.length === 3);
  }
}
