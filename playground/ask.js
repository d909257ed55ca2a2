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

async function fetched(question) {
  try {
    const reply = await fetch("answer", { method: "POST", body: JSON.stringify(question),
      headers: { "Content-Type": "application/json" } });
    return await reply.json();
  } catch {
    return { error: text.noAnswer };
  }
}

// Return the answer; what is wrong with the question becomes an Error.
export async function ask(question) {
  const answer = worker ? await new Promise((tell) => {
    waiting.set(++asked, tell);
    worker.postMessage([asked, JSON.stringify(question)]);
  }) : await fetched(question);
  if (answer.error && !answer.state) throw new Error(answer.error);
  return answer;
}

// Ask while the page is being left: no answer can come.
export function leave(question) {
  if (!worker) navigator.sendBeacon("answer", JSON.stringify(question));
}
