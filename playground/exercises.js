// The steps of exercises.py, checked in the browser: on a static site only, for there what a visitor
// writes runs behind the browser's walls.
import { ask } from "./ask.js";
import { able, at, make, onClick, put } from "./draw.js";
import { answering } from "./form.js";
import { text } from "./text.js";

const written = new Map(); // step: the texts of its functions, as far as they are written
let step = null; // what Python said of the step
let shown = 0; // hints

const number = () => Number(at("exercise-step").value || 1);
const boxes = () => [...at("exercise-code").querySelectorAll("textarea")];

export const open = answering(at("exercise-form"), async (isLatest) => {
  step = await ask({ ask: "exercise", step: number() });
  if (!isLatest()) return;
  if (!at("exercise-step").options.length) {
    put("exercise-step", ...step.titles.map((title, n) =>
      make("option", { value: n + 1 }, `${n + 1}. ${title}`)));
  }
  shown = 0;
  put("exercise-elsewhere", step.can_check ? "" : text.exerciseElsewhere);
  put("exercise-task", step.task);
  put("exercise-hints");
  put("exercise-verdict");
  able("exercise-check", step.can_check);
  able("exercise-hint", true);
  put("exercise-code", ...step.stubs.map((stub, n) => {
    const rows = stub.split("\n").length + 4;
    const box = make("textarea", { rows, spellcheck: "false", class: "code-box",
      "aria-label": text.exerciseCode });
    box.value = written.get(number())?.[n] ?? stub;
    box.readOnly = !step.can_check;
    return box;
  }));
});

const check = answering(at("exercise-form"), async (isLatest) => {
  put("exercise-verdict", text.exerciseWaits);
  try {
    const code = boxes().map((box) => box.value);
    const { verdict } = await ask({ ask: "exercise", step: number(), code });
    if (!isLatest()) return;
    const parts = [text.exerciseVerdicts[verdict.what], verdict.mistake, verdict.text, verdict.printed];
    put("exercise-verdict", parts.filter((part) => part).join("\n\n"));
  } catch (error) {
    put("exercise-verdict");
    throw error;
  }
});

export function prepare() {
  at("exercise-form").addEventListener("submit", (event) => {
    event.preventDefault();
    if (at("exercise-check").getAttribute("aria-disabled") !== "true") check();
  });
  at("exercise-form").addEventListener("input", ({ target }) => {
    if (target === at("exercise-step")) open();
    else written.set(number(), boxes().map((box) => box.value));
  });
  onClick("exercise-hint", () => {
    shown = Math.min(shown + 1, step.hints.length);
    put("exercise-hints", step.hints.slice(0, shown).join(" "));
    able("exercise-hint", shown < step.hints.length);
  });
}
