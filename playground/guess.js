// The first two chapters: what comes next in a name, and which letters a layer looks back at.
import { ask } from "./ask.js";
import { address, remember } from "./address.js";
import { at, make, put, shares } from "./draw.js";
import { answering } from "./form.js";
import { arcs } from "./look.js";
import { predict } from "./predict.js";
import { text } from "./text.js";

let saved = []; // names of the trained models
let read = []; // what each of them said of the name
let onName = () => {}; // whom a new name or place concerns

export const word = () => read[0]?.word ?? "";

const readOn = answering(at("name-form"), async (isLatest) => {
  at("guesses").setAttribute("aria-busy", "true");
  const answers = [];
  for (const name of saved) answers.push(await ask({ ask: "read", saved: name, word: at("name").value }));
  if (!isLatest()) return;
  read = answers;
  at("guesses").removeAttribute("aria-busy");
  for (const id of ["cut", "place"]) {
    at(id).max = word().length;
    at(id).value = word().length;
  }
  drawGuesses();
  askSurprise();
  await newPlace();
});

// ---- guess ----

function drawGuesses() {
  const n = Number(at("cut").value);
  const next = word()[n] ?? "";
  at("cut-out").textContent = text.readUpTo(word(), n);
  put("read-so-far", text.whichNext(word(), n));
  put("guesses", ...read.map((one) => {
    const list = one.odds[n].map((odd, k) => [one.symbols[k], odd]).sort((a, b) => b[1] - a[1]);
    const rank = list.findIndex(([symbol]) => symbol === next);
    const shown = list.slice(0, 8).map(([symbol, odd]) =>
      [symbol || text.end, odd, symbol === next && n < word().length ? "came" : ""]);
    const odd = list[rank][1];
    const came = n < word().length ? text.cameAs(next, rank + 1, odd) : text.cameEnd(odd);
    return make("article", { class: "run" }, make("h2", {}, text.named(one.saved)), shares(shown),
      make("p", { class: "small" }, came));
  }));
}

function askSurprise() {
  put("surprises");
  const places = [...word(), text.end].map((letter, n) => `${n + 1} ${letter}`); // a letter may come twice
  predict("predict-guess", text.surpriseQuestion(word()), [...places.entries()], (n) => {
    drawSurprises();
    const most = read.map((one) => one.losses.indexOf(Math.max(...one.losses)));
    return text.surpriseAnswer(read.map((one, k) => [text.named(one.saved),
      places[most[k]], one.losses[most[k]]]), most.includes(n));
  });
}

function drawSurprises() {
  const most = Math.max(...read.flatMap((one) => one.losses));
  put("surprises", make("div", { class: "scroll" }, make("table", {},
    make("thead", {}, make("tr", {}, make("th", { scope: "col" }, text.surprise),
      ...[...word(), text.end].map((letter) => make("th", { scope: "col" }, letter)),
      make("th", { scope: "col" }, text.meanLoss))),
    make("tbody", {}, ...read.map((one) => make("tr", {},
      make("th", { scope: "row" }, text.named(one.saved)),
      ...one.losses.map((loss) => make("td", {}, pillar(loss / most), loss.toFixed(2))),
      make("td", {}, (one.losses.reduce((a, b) => a + b) / one.losses.length).toFixed(2))))))),
    make("p", { class: "small" }, text.surpriseNote));
}

function pillar(share) {
  return make("svg", { width: 26, height: 44, "aria-hidden": "true" },
    make("rect", { x: 4, width: 18, y: 44 - 44 * share, height: 44 * share, class: "minus" }));
}

// ---- look back ----

const newPlace = answering(at("name-form"), async (isLatest) => {
  const position = Number(at("place").value);
  at("place-out").textContent = text.letterAt(position, ["BOS", ...word()][position]);
  const seen = [];
  for (const name of saved) {
    seen.push(await ask({ ask: "look", saved: name, word: word(), position, flow: false }));
  }
  if (!isLatest()) return;
  const partners = seen.find((one) => one.mixer === "Grassmann").arcs;
  const numbers = [0, 1, 2, 3, 4, 5, 6].map((n) => [n, String(n)]);
  put("arcs");
  const choose = (i) => {
    at("place").value = i;
    newPlace();
  };
  predict("predict-lookback", text.backQuestion(["BOS", ...word()][position], position), numbers, (n) => {
    put("arcs", ...seen.map((one, k) => make("article", { class: "run" },
      make("h3", {}, text.named(one.mixer)), arcs(one, `c${k}`, choose))));
    return text.backAnswer(n, partners.length, position);
  });
  onName(word(), position, partners, seen.find((one) => one.mixer === "Grassmann").z);
});

export function prepare(start, changed) {
  saved = start.saved;
  onName = changed;
  if (address().get("name")) at("name").value = address().get("name");
  at("name-form").addEventListener("submit", (event) => { event.preventDefault(); readOn(); });
  at("name").addEventListener("input", () => { remember({ name: at("name").value }); readOn(); });
  at("cut").addEventListener("input", drawGuesses);
  at("place").addEventListener("input", newPlace);
  return readOn();
}
