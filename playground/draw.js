// Elements, curves, bars: nothing here knows a model.
export function make(tag, attributes = {}, ...children) {
  const isSvg = ["svg", "path", "text", "circle", "line", "rect", "polygon", "g", "title"].includes(tag);
  const node = isSvg ? document.createElementNS("http://www.w3.org/2000/svg", tag)
    : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  node.append(...children);
  return node;
}

export function put(id, ...children) {
  document.getElementById(id).replaceChildren(...children);
}

export function table(id, head, rows) {
  put(id, make("thead", {}, make("tr", {}, ...head.map((c) => make("th", { scope: "col" }, c)))),
    make("tbody", {}, ...rows.map((row) => make("tr", {}, ...row.map((c) => make("td", {}, c))))));
}

// series: [{name, points: [[x, y], ...]}]; lines: {name: y}, drawn dashed.
export function chart(series, lines, xLabel, yLabel) {
  const [width, height, left, bottom, right] = [720, 300, 56, 40, 190];
  const points = series.flatMap((s) => s.points);
  const svg = make("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", class: "chart",
    "aria-label": `${yLabel}, ${xLabel}: ` + series.map((s) => s.name).join(", ") });
  if (!points.length) return svg;
  const xs = points.map((p) => p[0]);
  const ys = [...points.map((p) => p[1]), ...Object.values(lines)];
  const low = Math.min(...ys), high = Math.max(...ys), first = Math.min(...xs);
  const x = (v) => left + (v - first) / (Math.max(...xs) - first || 1) * (width - left - right);
  const y = (v) => height - bottom - (v - low) / (high - low || 1) * (height - bottom - 30);
  for (let i = 0; i <= 4; i++) {
    const value = low + (high - low) * i / 4;
    svg.append(make("line", { x1: left, x2: width - right, y1: y(value), y2: y(value), class: "grid" }),
      make("text", { x: left - 6, y: y(value) + 4, class: "right" },
        high > 50 ? Math.round(value).toLocaleString("en") : value.toFixed(2)));
  }
  const ends = [];
  for (const [name, value] of Object.entries(lines)) {
    svg.append(make("line", { x1: left, x2: width - right, y1: y(value), y2: y(value), class: "flat" }));
    ends.push([y(value), `${name} ${value.toFixed(2)}`, ""]);
  }
  series.forEach((s, n) => {
    if (!s.points.length) return;
    const path = s.points.map((p) => `${x(p[0]).toFixed(1)} ${y(p[1]).toFixed(1)}`).join("L");
    svg.append(make("path", { d: "M" + path, class: `line s${n}` }));
    ends.push([y(s.points.at(-1)[1]), s.name, `f${n}`]);
  });
  ends.sort((a, b) => a[0] - b[0]);
  let above = 0;
  for (const end of ends) end[0] = above = Math.max(end[0], above + 15);
  let below = height - bottom + 15;
  for (const end of [...ends].reverse()) end[0] = below = Math.min(end[0], below - 15);
  for (const [at, name, kind] of ends) {
    svg.append(make("text", { x: width - right + 6, y: at + 4, class: kind }, name));
  }
  svg.append(make("text", { x: left, y: height - 22 }, String(first)),
    make("text", { x: width - right, y: height - 22, class: "right" }, String(Math.max(...xs))),
    make("text", { x: (left + width - right) / 2, y: height - 6, class: "middle" }, xLabel),
    make("text", { x: 4, y: 14 }, yLabel));
  return svg;
}

// One vector as signed bars: above the middle positive, below it negative. Each bar is a button.
export function bars(row, label, show) {
  const most = Math.max(...row.values.map(Math.abs), 1e-12);
  const box = make("div", { class: "bars", role: "group", "aria-label": label });
  row.values.forEach((value, i) => {
    const share = Math.abs(value) / most * 22;
    const svg = make("svg", { viewBox: "0 0 14 48", "aria-hidden": "true" },
      make("line", { x1: 0, x2: 14, y1: 24, y2: 24, class: "grid" }),
      make("rect", { x: 2, width: 10, height: Math.max(share, 0.7),
        y: value < 0 ? 24 : 24 - share, class: value < 0 ? "minus" : "plus" }));
    const bar = make("button", { type: "button", "aria-label": `${label}[${i}] ${value.toFixed(4)}` }, svg);
    for (const event of ["focus", "pointerenter", "click"]) {
      bar.addEventListener(event, () => show(row, `${label}[${i}] = ${row.formulas[i]}`));
    }
    box.append(bar);
  });
  return make("div", { class: "vector" }, make("span", {}, label), box);
}
