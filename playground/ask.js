// Asks Python: the server that this page came from or, on a static site, Pyodide in workers.
import * as python from "./python.js";
import { text } from "./text.js";

const site = document.documentElement.dataset; // playground.py --export writes where Pyodide is

// What is wrong with a question: a sentence, the field that it is about, or that nobody answered.
export class Wrong extends Error {
  constructor({ error, field, isSilence = false }) {
    super(error);
    this.field = field;
    this.isSilence = isSilence;
  }
}

// Without a server, load Python into the browser; tell(share, seconds) is called meanwhile. On a
// page that playground.py serves there is nothing to load.
export async function begin(tell) {
  if (!site.pyodide) return;
  const start = performance.now();
  const loading = python.load(site.pyodide);
  const clock = setInterval(() => tell(loading.share, Math.round((performance.now() - start) / 1000)), 250);
  try {
    await ask({ ask: "running" });
  } finally {
    clearInterval(clock);
  }
}

async function fetched(question) {
  try {
    const reply = await fetch("answer", { method: "POST", body: JSON.stringify(question),
      headers: { "Content-Type": "application/json" } });
    return await reply.json();
  } catch {
    return { error: text.noAnswer, isSilence: true };
  }
}

// Return the answer; what is wrong with the question is thrown.
export async function ask(question) {
  const answer = await (site.pyodide ? python.answer(question) : fetched(question));
  if (answer.isBroken) throw new Wrong({ error: text.noPyodide(site.pyodide) });
  if (answer.error) throw new Wrong(answer);
  return answer;
}

// Ask while the page is being left: no answer can come.
export function leave(question) {
  if (!site.pyodide) navigator.sendBeacon("answer", JSON.stringify(question));
}

// Of several calls in a row only the last one counts: action gets a function that tells whether it
// still is the last, to be asked after each wait.
export function latest(action) {
  let last = 0;
  return (...given) => {
    const mine = ++last;
    return action(() => mine === last, ...given);
  };
}
