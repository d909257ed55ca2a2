// The graph of an expression, and how gradients arrive in it, step by step.
import { ask } from "./ask.js";
import { able, at, make, onClick, put } from "./draw.js";
import { answering } from "./form.js";
import { text } from "./text.js";

const [COLUMN, BOX, ROW, LANE] = [166, 124, 76, 22]; // pixels: of a level, a box, a row, a passing edge

let graph = null;
let done = 0; // steps of backward that are shown

// Four digits, and no text that leaves its box.
function short(x) {
  const plain = String(Number(x.toPrecision(4)));
  return plain.length > 9 ? x.toExponential(2) : plain;
}

// "a=2, b = 3; c=1e-3" as {a: 2, b: 3, c: 0.001}; what is no number goes to Python, which says so.
function valuesOf(line) {
  const values = {};
  for (const [, name, value] of line.matchAll(/([^\s=,;]+)\s*=\s*([^\s,;]*)/g)) {
    values[name] = value === "" || Number.isNaN(Number(value)) ? value : Number(value);
  }
  return values;
}

export const build = answering(at("grad-form"), async (isLatest) => {
  at("graph").setAttribute("aria-busy", "true");
  const found = await ask({ ask: "gradients", expression: at("expression").value,
    values: valuesOf(at("values").value) });
  if (!isLatest()) return;
  at("graph").removeAttribute("aria-busy");
  graph = found;
  done = 0;
  draw();
});

// Each level is a column. A box takes a row of it, and so does an edge on its way to a later level,
// so that no edge runs through a box. Returns the middle of each box, and each edge's way.
function layout(nodes) {
  const columns = Array.from({ length: Math.max(...nodes.map((n) => n.level)) + 1 }, () => 10);
  const take = (level, height) => {
    columns[level] += height;
    return columns[level] - height / 2;
  };
  const places = [];
  const ways = [];
  nodes.forEach((node, i) => {
    node.children.forEach((child) => {
      const from = nodes[child].level;
      const way = [];
      for (let level = from + 1; level < node.level; level++) way.push([level, take(level, LANE)]);
      ways.push({ child, parent: i, way });
    });
    places.push([node.level, take(node.level, ROW)]);
  });
  return { places, ways, width: COLUMN * columns.length + 10, height: Math.max(...columns) + 10 };
}

const middle = (level) => 10 + BOX / 2 + COLUMN * level;

function draw() {
  if (!graph) return;
  const { nodes, steps, root } = graph;
  const grads = nodes.map((node, i) => i === root ? 1 : 0);
  for (const step of steps.slice(0, done)) grads[step.child] = step.becomes;
  const now = steps[done - 1];
  const { places, ways, width, height } = layout(nodes);
  const svg = make("svg", { width, height, role: "img", "aria-label": text.graph });
  for (const { child, parent, way } of ways) {
    const isNow = now && now.node === parent && now.child === child;
    const points = [[middle(places[child][0]) + BOX / 2, places[child][1]]];
    for (const [level, y] of way) points.push([middle(level) - BOX / 2, y], [middle(level) + BOX / 2, y]);
    points.push([middle(places[parent][0]) - BOX / 2, places[parent][1]]);
    svg.append(make("path", { d: "M" + points.map((p) => p.join(" ")).join("L"),
      class: isNow ? "edge now" : "edge" }));
  }
  nodes.forEach((node, i) => {
    const [x, y] = [middle(places[i][0]), places[i][1]];
    const kind = now && now.node === i ? "node now" : now && now.child === i ? "node next" : "node";
    const label = node.label.length > 13 ? node.label.slice(0, 12) + "…" : node.label;
    svg.append(make("rect", { x: x - BOX / 2, y: y - 31, width: BOX, height: 62, rx: 6, class: kind }),
      make("text", { x, y: y - 13, class: "middle" }, label, make("title", {}, node.label)),
      make("text", { x, y: y + 5, class: "middle" }, `= ${short(node.data)}`),
      make("text", { x, y: y + 23, class: "middle f0" }, `grad ${short(grads[i])}`));
  });
  put("graph", svg);
  able("back", done > 0);
  able("forth", done < steps.length);
  at("step").textContent = now ? text.handed(done, steps.length, nodes[now.node].label,
    nodes[now.child].label, short(now.local), short(grads[now.node]), short(now.becomes)) : text.startHere;
}

export function prepare() {
  at("grad-form").addEventListener("submit", (event) => { event.preventDefault(); build(); });
  onClick("back", () => { done--; draw(); });
  onClick("forth", () => { done++; draw(); });
}
