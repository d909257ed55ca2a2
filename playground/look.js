// A look inside: one position of one layer, for one or two models beside each other.
import { ask } from "./ask.js";
import { address, remember } from "./address.js";
import { at, bars, make, put, roving, shares } from "./draw.js";
import { answering } from "./form.js";
import { text } from "./text.js";
import { number, run, settings } from "./train.js";

const files = new Map(); // "file function": its lines

// The question about a contender: the run's weights if it was trained there, fresh ones else; or
// about a trained model that comes with the page.
function questionOf(name) {
  const [mixer, isSaved] = [name.replace("saved:", ""), name.startsWith("saved:")];
  const n = run.trainings.findIndex((training) => training.mixer === mixer);
  const position = address().get("position");
  const question = { ask: "look", word: at("word").value, layer: number("layer"),
    ...(position === null ? {} : { position: Math.min(Number(position), [...at("word").value].length) }) };
  if (isSaved) return { ...question, saved: mixer };
  return n < 0 || run.state === "lost" ? { ...question, ...settings(), mixer }
    : { ...question, run: run.id, training: n, moment: number("moment") };
}

// The slider of moments goes from the fresh weights to the last ones that were kept.
export function fitMoments() {
  const moments = run.trainings[0]?.moments ?? [{ step: 0 }];
  const wasLast = at("moment").value === at("moment").max;
  const isNew = Number(at("moment").max) !== moments.length - 1;
  at("moment").max = moments.length - 1;
  if (wasLast) at("moment").value = moments.length - 1;
  const step = moments[Math.min(number("moment"), moments.length - 1)].step;
  const isSaved = [at("who").value, at("beside").value].every((name) => !name || name.startsWith("saved:"));
  at("moment").disabled = isSaved || moments.length < 2;
  at("moment-out").textContent = isSaved ? text.savedMoment : step ? text.afterSteps(step) : text.untrained;
  if (wasLast && isNew && !isSaved) look();
}

export const look = answering(at("look-form"), async (isLatest) => {
  if (at("look").hidden) return;
  at("looks").setAttribute("aria-busy", "true"); // greys what is drawn for an older question
  const mixers = [...new Set([at("who").value, at("beside").value])].filter((name) => name);
  const seen = [];
  for (const mixer of mixers) seen.push(await ask(questionOf(mixer)));
  if (!isLatest()) return;
  draw(seen);
  at("looks").removeAttribute("aria-busy");
});

function draw(seen) {
  const focus = document.activeElement?.dataset.place; // a letter that was chosen keeps the focus
  put("looks", ...seen.map(view));
  document.querySelector(`[data-place="${focus}"]`)?.focus();
}

// The scales that bars have: each row takes the smallest that it fits, so that rows can be compared.
function scaleOf(values) {
  const most = Math.max(...values.map(Math.abs));
  return [1, 4, 16, 64, 256].find((scale) => most <= scale) ?? most;
}

// Rows come in stages: each row one stage after the last of those that it was made from.
function stages(rows) {
  const stage = [];
  rows.forEach((row, n) => {
    const from = row.cells.flatMap((cell) => cell.made.map(([m]) => m)).filter((m) => m < n);
    stage[n] = Math.max(-1, ...from.map((m) => stage[m])) + 1;
  });
  rows.forEach((row, n) => { // what was kept of earlier positions stands beside the present one's
    const present = rows.findIndex((other) => other.name === row.name && other.at === null);
    if (row.at !== null && present >= 0) stage[n] = stage[present];
  });
  return stage;
}

function view(seen, n) {
  const odds = seen.odds.map((odd, k) => [seen.symbols[k] || text.end, odd])
    .sort((a, b) => b[1] - a[1]).slice(0, 30);
  return make("article", { class: "seen" }, make("h2", {}, seen.mixer),
    make("p", {}, text.seen(seen)), arcs(seen, n, (i) => { remember({ position: i }); look(); }),
    make("div", { class: "flow-and-odds" }, flow(seen),
      make("div", {}, make("h3", {}, text.next), shares(odds))));
}

// Arcs to the positions that this one looks at; their width is the share that each has.
// A click on a letter calls choose(its position).
export function arcs(seen, key, choose) {
  const step = 46;
  const place = (i) => step / 2 + step * i;
  const letters = ["BOS", ...seen.word];
  const svg = make("svg", { width: step * letters.length, height: 84, role: "img", "aria-label":
    seen.arcs.map((a) => text.looksAt(letters[a.s], a)).join("; ") || text.noArcs });
  for (const arc of seen.arcs) {
    const [a, b] = [place(arc.s), place(seen.position)];
    const d = arc.s === seen.position ? `M${a - 8} 84 C${a - 22} 48 ${a + 22} 48 ${a + 8} 84`
      : `M${a} 84 Q${(a + b) / 2} ${78 - Math.min(140, 20 + 20 * (seen.position - arc.s))} ${b} 84`;
    svg.append(make("path", { d, class: "arc", "stroke-width": (0.4 + 14 * arc.share).toFixed(2) },
      make("title", {}, text.looksAt(letters[arc.s], arc))));
  }
  const buttons = letters.map((letter, i) => {
    const button = make("button", { type: "button", "aria-pressed": i === seen.position,
      "data-place": `${key}-${i}` }, letter);
    button.addEventListener("click", () => choose(i));
    return button;
  });
  const row = make("div", { class: "letters", role: "group", "aria-label": text.letters }, ...buttons);
  roving(row, buttons);
  const list = make("ul", { class: "small" }, ...seen.arcs.filter((a) => a.s !== seen.position)
    .map((a) => make("li", {}, text.looksAt(letters[a.s], a))));
  return make("div", { class: "scroll" }, svg, row,
    make("details", {}, make("summary", {}, text.inNumbers), list));
}

// The vectors of one position in the order in which they were made. Pointing at a number lights
// those that it was made from, and the line of code that made it.
function flow(seen) {
  const letters = ["BOS", ...seen.word];
  const told = make("p", { class: "formula", "aria-live": "polite" }, text.point);
  const code = make("pre", { class: "code", tabindex: "0", role: "group", "aria-label": text.source });
  const drawn = [];
  const lines = [];
  const stage = stages(seen.rows);
  seen.rows.forEach((row, n) => {
    const label = row.name === row.function ? `${row.name}()` : row.name;
    const of = row.at ?? row.partner;
    const full = of === null ? label : `${label}, ${text.position(of, letters[of])}`;
    const scale = scaleOf(row.values);
    const box = bars(row.values, full, scale, (i) => show(row, label, i));
    drawn.push([...box.children]);
    lines[stage[n]] ??= make("div", { class: "stage" });
    lines[stage[n]].append(make("div", { class: "vector" },
      make("span", {}, full, make("small", {}, ` ±${scale}`)), box));
  });

  async function show(row, label, i) {
    const cell = row.cells[i];
    told.textContent = `${label}[${i}] = ${cell.formula}` +
      (cell.weights.length ? `  (${text.weightsOf} ${cell.weights.join(", ")})` : "");
    for (const bar of drawn.flat()) bar.classList.remove("lit", "now");
    for (const [n, k] of cell.made) drawn[n][k].classList.add("lit");
    drawn[seen.rows.indexOf(row)][i].classList.add("now");
    if (cell.line) await showCode(code, cell.line);
  }

  return make("div", { class: "flow" }, make("h3", {}, text.inside),
    make("p", { class: "small" }, text.scales),
    make("div", { class: "told" }, told, code), ...lines.filter((line) => line));
}

let wanted = null; // the line that was pointed at last

async function showCode(code, [file, name, line]) {
  const key = wanted = `${file} ${name} ${line}`;
  if (!files.has(`${file} ${name}`)) {
    files.set(`${file} ${name}`, await ask({ ask: "source", file, function: name, line }));
  }
  if (wanted !== key) return;
  const { first, lines } = files.get(`${file} ${name}`);
  code.replaceChildren(`${file}\n`, ...lines.map((content, i) => first + i === line
    ? make("mark", {}, `${first + i} ${content}\n`) : `${first + i} ${content}\n`));
  const mark = code.querySelector("mark");
  code.scrollTop = mark ? mark.offsetTop - code.clientHeight / 2 : 0;
}

export function prepare(start) {
  const models = [...start.saved.map((name) => [`saved:${name}`, text.named(name)]),
    ...start.mixers.map((name) => [name, name])];
  const options = () => models.map(([value, label]) => make("option", { value }, label));
  put("who", ...options());
  put("beside", make("option", { value: "" }, text.none), ...options());
  at("who").value = "saved:Grassmann";
  at("beside").value = "saved:attention";
  fitMoments();
  at("look-form").addEventListener("submit", (event) => { event.preventDefault(); look(); });
  at("look-form").addEventListener("input", ({ target }) => {
    remember({ [target.id]: target.value, ...(target.id === "word" ? { position: null } : {}) });
    fitMoments();
    look();
  });
}
