// Elements, curves, bars: nothing here knows a model.
const SVG = ["svg", "path", "text", "circle", "line", "rect", "polygon", "g", "title"];

export const at = (id) => document.getElementById(id);

export function make(tag, attributes = {}, ...children) {
  const node = SVG.includes(tag) ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

export function put(id, ...children) {
  at(id).replaceChildren(...children);
}

export function table(id, head, rows) {
  put(id, make("thead", {}, make("tr", {}, ...head.map((c) => make("th", { scope: "col" }, c)))),
    make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map((c) => make("td", {}, c))))));
}

// A button that has nothing to do is grey but keeps the focus: a disabled one would lose it.
export function able(id, isAble) {
  at(id).setAttribute("aria-disabled", !isAble);
}

// What a click on a button does, unless it is grey.
export function onClick(id, action) {
  at(id).addEventListener("click", () => {
    if (at(id).getAttribute("aria-disabled") !== "true") action();
  });
}

// Let the arrow keys, Home and End move the focus within a row of which Tab reaches one only.
export function roving(box, items) {
  items.forEach((item, i) => { item.tabIndex = i === 0 ? 0 : -1; });
  const focus = (item) => {
    for (const other of items) other.tabIndex = other === item ? 0 : -1;
    item.focus();
  };
  box.addEventListener("keydown", (event) => {
    const i = items.indexOf(document.activeElement);
    const to = { ArrowRight: i + 1, ArrowDown: i + 1, ArrowLeft: i - 1, ArrowUp: i - 1, Home: 0,
      End: items.length - 1 }[event.key];
    if (i < 0 || to === undefined) return;
    event.preventDefault();
    focus(items[(to + items.length) % items.length]);
  });
  box.addEventListener("focusin", ({ target }) => {
    if (items.includes(target)) for (const other of items) other.tabIndex = other === target ? 0 : -1;
  });
}

// ---- curves ----

// The legend of a chart: names beside a piece of their line.
function legend(entries) {
  return make("ul", { class: "legend" }, ...entries.map(([name, kind]) => make("li", {},
    make("svg", { width: 34, height: 12, "aria-hidden": "true" },
      make("line", { x1: 2, x2: 32, y1: 6, y2: 6, class: kind })), name)));
}

function ticks(low, high, count) {
  const rough = (high - low) / count;
  const ten = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((n) => n * ten).find((s) => s >= rough);
  const out = [];
  for (let v = Math.ceil(low / step - 1e-9) * step; v <= high + step * 1e-9; v += step) out.push(v);
  return out;
}

const plain = (v) => Math.abs(v) >= 1000 ? Math.round(v).toLocaleString("en")
  : String(Number(v.toPrecision(4)));

// series: [{name, points: [[x, y], ...], band: [[x, low, high], ...], n}], n the number of its
// style; lines: {name: y}, drawn dashed; axes: {x: [low, high], y: [low, high], xLabel, yLabel,
// mark: x}. Returns the nodes of legend and chart, as wide as the element `id` is.
export function chart(id, series, lines, axes) {
  const width = Math.max(260, Math.min(at(id).clientWidth || 600, 900));
  const [height, left, bottom, top, right] = [280, 58, 44, 22, 12];
  const [x0, x1] = axes.x;
  const [y0, y1] = axes.y;
  const x = (v) => left + (v - x0) / (x1 - x0 || 1) * (width - left - right);
  const y = (v) => height - bottom - (Math.min(Math.max(v, y0), y1) - y0) / (y1 - y0 || 1) *
    (height - bottom - top);
  const svg = make("svg", { width, height, role: "img", class: "chart", "aria-label":
    `${axes.yLabel}, ${axes.xLabel}: ` + series.map((s) => s.name +
      (s.points.length ? ` ${plain(s.points.at(-1)[1])}` : "")).join(", ") });
  for (const v of ticks(y0, y1, 5)) {
    svg.append(make("line", { x1: left, x2: width - right, y1: y(v), y2: y(v), class: "grid" }),
      make("text", { x: left - 6, y: y(v) + 4, class: "right" }, plain(v)));
  }
  for (const v of ticks(x0, x1, width < 500 ? 3 : 6)) {
    svg.append(make("text", { x: x(v), y: height - bottom + 18, class: "middle" }, plain(v)));
  }
  const entries = [];
  for (const s of series.filter((one) => one.band?.length)) {
    const up = s.band.map(([v, low]) => `${x(v).toFixed(1)},${y(low).toFixed(1)}`);
    const down = s.band.map(([v, , high]) => `${x(v).toFixed(1)},${y(high).toFixed(1)}`).reverse();
    svg.append(make("polygon", { points: [...up, ...down].join(" "), class: `band b${s.n}` }));
  }
  for (const [name, v] of Object.entries(lines)) {
    svg.append(make("line", { x1: left, x2: width - right, y1: y(v), y2: y(v), class: "flat" }));
    entries.push([`${name} ${plain(v)}`, "flat"]);
  }
  for (const s of series) {
    const path = s.points.map((p) => `${x(p[0]).toFixed(1)} ${y(p[1]).toFixed(1)}`).join("L");
    if (path) svg.append(make("path", { d: "M" + path, class: `line s${s.n}` }));
    if (s.points.length === 1) svg.append(make("circle", { cx: x(s.points[0][0]),
      cy: y(s.points[0][1]), r: 3, class: `f${s.n}` }));
    const marked = axes.mark === undefined ? null : s.points.find((p) => p[0] >= axes.mark);
    if (marked) svg.append(make("circle", { cx: x(marked[0]), cy: y(marked[1]), r: 6, class: `f${s.n}` }));
    entries.push([s.name, `line s${s.n}`]);
  }
  svg.append(make("text", { x: (left + width - right) / 2, y: height - 6, class: "middle" }, axes.xLabel),
    make("text", { x: 4, y: 14 }, axes.yLabel));
  return [legend(entries), svg];
}

// ---- numbers as bars ----

// A vector as signed bars, above the middle positive, below it negative; `most` is the number whose
// bar is as high as it gets. Each bar is a button; Tab reaches one of them, arrows the others.
export function bars(values, label, most, show) {
  const box = make("div", { class: "bars", role: "group", "aria-label": label });
  const buttons = values.map((value, i) => {
    const height = Math.min(1, Math.abs(value) / most) * 22;
    const svg = make("svg", { viewBox: "0 0 14 48", "aria-hidden": "true" },
      make("line", { x1: 0, x2: 14, y1: 24, y2: 24, class: "grid" }),
      make("rect", { x: 2, width: 10, height: Math.max(height, 0.7),
        y: value < 0 ? 24 : 24 - height, class: value < 0 ? "minus" : "plus" }));
    const bar = make("button", { type: "button", "aria-label": `${label}[${i}] ${value.toFixed(4)}` }, svg);
    for (const event of ["focus", "pointerenter", "click"]) bar.addEventListener(event, () => show(i));
    return bar;
  });
  box.append(...buttons);
  roving(box, buttons);
  return box;
}

// Bars of shares, largest first: [[label, share], ...].
export function shares(list) {
  return make("ol", { class: "shares" }, ...list.map(([label, share, kind = ""]) => {
    const bar = make("span", { class: "share", "aria-hidden": "true" });
    bar.style.width = `${100 * share}%`;
    return make("li", { class: kind }, make("b", {}, label), make("span", { class: "track" }, bar),
      make("span", { class: "percent" }, `${(100 * share).toFixed(1)} %`));
  }));
}
