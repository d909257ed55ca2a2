// The page asks Python and draws the answers; it computes nothing of a model.
import { address, fill, remember } from "./address.js";
import { ask, begin, Wrong } from "./ask.js";
import { at, make, put, roving } from "./draw.js";
import * as exercises from "./exercises.js";
import * as gradients from "./gradients.js";
import * as guess from "./guess.js";
import * as learning from "./learn.js";
import * as looking from "./look.js";
import * as plane from "./plane.js";
import { LANGUAGES, text } from "./text.js";
import * as training from "./train.js";
import * as verdict from "./verdict.js";

const FIELDS = ["first", "second", "task", "steps", "seed", "r", "n_layer", "word", "who", "beside",
  "layer", "expression", "values"];
const tabs = [...document.querySelectorAll("[role=tab]")];
const chapters = [...document.querySelectorAll(".chapter")];

function fillText() {
  document.documentElement.lang = text.language;
  for (const node of document.querySelectorAll("[data-text]")) node.textContent = text[node.dataset.text];
  for (const node of document.querySelectorAll("[data-label]")) {
    node.setAttribute("aria-label", text[node.dataset.label]);
  }
}

// ---- views ----

function choose(tab) {
  for (const other of tabs) {
    other.setAttribute("aria-selected", other === tab);
    at(other.getAttribute("aria-controls")).hidden = other !== tab;
  }
  const view = tab.getAttribute("aria-controls");
  return { look: looking.look, grad: gradients.build, exercise: exercises.open }[view]?.();
}

// The other languages, with the same state in the address.
function linkLanguages() {
  put("languages", ...Object.entries(LANGUAGES).filter(([code]) => code !== text.language)
    .map(([code, name]) => {
      const link = make("a", { href: `?lang=${code}`, lang: code }, name);
      link.addEventListener("click", () => { link.href = `?lang=${code}${location.hash}`; });
      return link;
    }));
}

// The chapters, to jump to; the one in sight is marked, and the address names it.
function makeChapters() {
  const links = chapters.map((chapter) => {
    const link = make("button", { type: "button" }, text.chapterNames[chapter.id]);
    link.addEventListener("click", () => {
      remember({ chapter: chapter.id }, true);
      goTo(chapter);
    });
    return link;
  });
  put("chapters", ...links);
  const inSight = new IntersectionObserver((entries) => {
    for (const entry of entries.filter((one) => one.isIntersecting)) {
      chapters.forEach((chapter, i) => {
        if (chapter === entry.target) links[i].setAttribute("aria-current", "true");
        else links[i].removeAttribute("aria-current");
      });
    }
  }, { rootMargin: "-30% 0px -65% 0px" });
  for (const chapter of chapters) inSight.observe(chapter);
}

function goTo(chapter) {
  chapter.scrollIntoView();
  const title = chapter.querySelector("h1, h2");
  title.tabIndex = -1;
  title.focus({ preventScroll: true });
}

// A letter was chosen in the second chapter: the third shows its vectors.
function showPlane(word, position, partners, z) {
  const letters = ["BOS", ...word];
  if (!partners.length) return;
  const names = partners.map((one) => text.ago(letters[one.s], position - one.s));
  plane.show({ names: [letters[position], ...names], vectors: [z, ...partners.map((one) => one.z)] });
}

// Take fields, view and run from the address: at the start, and after back and forward.
async function load() {
  const notes = fill(FIELDS);
  training.chooseOffsets(address().get("offsets")?.split(" "));
  const view = address().get("view");
  const tab = tabs.find((t) => t.getAttribute("aria-controls") === view);
  if (view && !tab) notes.push(text.badAddress("view", view, "train"));
  put("notes", ...notes.map((note) => make("li", {}, note)));
  const id = address().get("run");
  if (id && id !== training.run.id) training.run.follow(id);
  await training.describe();
  await choose(tab ?? tabs[0]);
  const chapter = chapters.find((one) => one.id === address().get("chapter"));
  if (chapter) goTo(chapter);
}

// ---- begin ----

function listen() {
  roving(at("tabs"), tabs);
  for (const tab of tabs) {
    const open = () => {
      if (tab.getAttribute("aria-selected") === "true") return;
      remember({ view: tab.getAttribute("aria-controls") }, true);
      choose(tab);
    };
    tab.addEventListener("click", open);
    tab.addEventListener("focus", () => { if (tab.matches(":focus-visible")) open(); });
  }
  for (const form of ["train-form", "grad-form"]) {
    at(form).addEventListener("input", ({ target }) => {
      if (FIELDS.includes(target.id)) remember({ [target.id]: target.value });
    });
  }
  addEventListener("popstate", load);
}

// Python comes into the browser: how far it is, in words and as a bar.
function showLoading(share, seconds) {
  if (!at("loading").firstChild) {
    put("loading", make("p", {}), make("progress", { max: 1, "aria-label": text.loadingLabel }));
  }
  at("loading").firstChild.textContent = text.loading(seconds);
  at("loading").lastChild.value = share;
}

// Python may not be there yet, or not any more: say so and try again.
async function firstAnswer() {
  for (;;) {
    try {
      return await ask({ ask: "start" });
    } catch (error) {
      if (!(error instanceof Wrong)) throw error;
      put("notes", make("li", {}, error.message));
      await new Promise((go) => setTimeout(go, 2000));
    }
  }
}

// Tell whether Python is there; if not, the page says why.
async function hasPython() {
  try {
    await begin(showLoading);
    return true;
  } catch (error) {
    if (!(error instanceof Wrong)) throw error;
    put("notes", make("li", {}, error.message));
    return false;
  } finally {
    put("loading");
  }
}

async function open() {
  const start = await firstAnswer();
  put("notes");
  document.querySelector("main").hidden = false;
  makeChapters();
  linkLanguages();
  training.prepare(start, looking.fitMoments);
  looking.prepare(start);
  plane.prepare();
  gradients.prepare();
  exercises.prepare();
  learning.prepare();
  await guess.prepare(start, showPlane);
  listen();
  await load();
  if (!training.run.id) await training.showOthers("others");
  document.body.dataset.ready = "yes";
  verdict.prepare(start);
}

fillText();
at("unstarted").remove();
if (await hasPython()) await open();
