// Asks Python: the server that this page came from or, with ?python=pyodide, a worker of the page.
import { text } from "./text.js";

const isOwn = new URLSearchParams(location.search).get("python") === "pyodide";
const worker = isOwn ? new Worker("worker.js", { type: "module" }) : null;
const waiting = new Map(); // number of a question: what to do with its answer
let asked = 0;

worker?.addEventListener("message", ({ data: [number, answer] }) => {
  waiting.get(number)(answer);
  waiting.delete(number);
});
worker?.addEventListener("error", () => {
  for (const tell of waiting.values()) tell({ error: text.noPyodide });
  waiting.clear();
});

// What is wrong with a question: a sentence, the field that it is about, or that nobody answered.
export class Wrong extends Error {
  constructor({ error, field, isSilence = false }) {
    super(error);
    this.field = field;
    this.isSilence = isSilence;
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
  const answer = worker ? await new Promise((tell) => {
    waiting.set(++asked, tell);
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
