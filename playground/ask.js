// Asks Python: the server that this page came from or, on a static site, Pyodide in a worker.
import { text } from "./text.js";

const BYTES = 14e6; // of Pyodide and of the project's files, about
const site = document.documentElement.dataset; // playground.py --export writes where Pyodide is
const waiting = new Map(); // number of a question: what to do with its answer
let worker = null;
let asked = 0;

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
  let share = 0;
  const clock = setInterval(() => tell(share, Math.round((performance.now() - start) / 1000)), 250);
  worker = new Worker("worker.js", { type: "module" });
  worker.addEventListener("message", ({ data: [number, answer] }) => {
    if (number === "loading") {
      share = Math.min(0.95, answer / BYTES);
      return;
    }
    waiting.get(number)(answer);
    waiting.delete(number);
  });
  worker.addEventListener("error", () => {
    for (const give of waiting.values()) give({ error: text.noPyodide(site.pyodide) });
    waiting.clear();
  });
  worker.postMessage({ pyodide: new URL(site.pyodide, location).href,
    files: new URL("python.zip", location).href });
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
  const answer = worker ? await new Promise((give) => {
    waiting.set(++asked, give);
    worker.postMessage([asked, JSON.stringify(question)]);
  }) : await fetched(question);
  if (answer.error) throw new Wrong(answer);
  return answer;
}

// Ask while the page is being left: no answer can come.
export function leave(question) {
  if (!worker) navigator.sendBeacon("answer", JSON.stringify(question));
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
