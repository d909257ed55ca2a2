// Python in the browser, in workers. The first answers everything; a run of several contenders is
// spread over more of them, which start when they are needed, so that it uses several cores.
const BYTES = 14e6; // of Pyodide and of the project's files, about
const MOST = 3; // workers
const BROKEN = { error: "", isBroken: true }; // the answer of a Python that could not be loaded

class Python {
  constructor(pyodide) {
    this.waiting = new Map(); // number of a question: what to do with its answer
    this.asked = 0;
    this.share = 0; // of Pyodide that is loaded
    this.worker = new Worker("worker.js", { type: "module" });
    this.worker.addEventListener("message", ({ data: [number, answer] }) => {
      if (number === "loading") {
        this.share = Math.min(0.95, answer / BYTES);
        return;
      }
      if (number === "broken") {
        this.giveUp();
        return;
      }
      this.waiting.get(number)(answer);
      this.waiting.delete(number);
    });
    this.worker.addEventListener("error", () => this.giveUp());
    this.worker.postMessage({ pyodide: new URL(pyodide, location).href,
      files: new URL("python.zip", location).href });
  }

  giveUp() {
    this.isBroken = true;
    for (const give of this.waiting.values()) give(BROKEN);
    this.waiting.clear();
  }

  ask(question) {
    if (this.isBroken) return Promise.resolve(BROKEN);
    return new Promise((give) => {
      this.waiting.set(++this.asked, give);
      this.worker.postMessage([this.asked, JSON.stringify(question)]);
    });
  }
}

const pythons = [];
const runs = new Map(); // id: {parts: [{python, run}], mixers, seeds}
let place = ""; // where Pyodide is

export function load(pyodide) {
  place = pyodide;
  pythons.push(new Python(place));
  return pythons[0];
}

// Which worker has a run's training number n, and under which number there: the server's order is
// seed by seed, and each worker has every contender in turn.
function whereIs({ parts, mixers }, n) {
  const mixer = n % mixers;
  const part = mixer % parts.length;
  const here = Math.ceil((mixers - part) / parts.length); // contenders of this worker
  return [part, Math.floor(n / mixers) * here + Math.floor(mixer / parts.length)];
}

async function train(question) {
  const mixers = question.mixers ?? ["Grassmann"];
  const number = Math.max(1, Math.min(mixers.length, MOST, navigator.hardwareConcurrency ?? 1));
  while (pythons.length < number) pythons.push(new Python(place));
  const answers = await Promise.all(pythons.slice(0, number).map((python, k) =>
    python.ask({ ...question, mixers: mixers.filter((_, m) => m % number === k) })));
  const parts = answers.map(({ run }, k) => ({ python: pythons[k], run }));
  const failed = answers.find((answer) => answer.error !== undefined);
  if (failed) {
    for (const { python, run } of parts) if (run) await python.ask({ ask: "order", run, order: "stop" });
    return failed;
  }
  const id = answers[0].run;
  runs.set(id, { parts, mixers: mixers.length });
  return { run: id };
}

async function progress(question) {
  const run = runs.get(question.run);
  const split = run.parts.map(() => []);
  (question.since ?? []).forEach((since, n) => {
    const [part, there] = whereIs(run, n);
    split[part][there] = since;
  });
  const told = await Promise.all(run.parts.map((part, k) => part.python.ask({
    ask: "progress", run: part.run, ...(question.since ? { since: split[k] } : {}) })));
  const failed = told.find((answer) => answer.error !== undefined);
  if (failed) return failed;
  const number = told.reduce((sum, one) => sum + one.trainings.length, 0);
  const trainings = Array.from({ length: number }, (_, n) => {
    const [part, there] = whereIs(run, n);
    return told[part].trainings[there];
  });
  const left = told.map((one) => one.remaining).filter((seconds) => seconds !== null);
  return { ...told[0], trainings, speed: told.reduce((sum, one) => sum + one.speed, 0),
    remaining: left.length ? Math.max(...left) : null };
}

// Answer a question, as the server does.
export async function answer(question) {
  if (question.ask === "train") return train(question);
  const run = runs.get(question.run);
  if (!run) return pythons[0].ask(question);
  if (question.ask === "progress") return progress(question);
  if (question.ask === "order") {
    const told = await Promise.all(run.parts.map((part) =>
      part.python.ask({ ...question, run: part.run })));
    return told.find((one) => one.error !== undefined) ?? { run: question.run };
  }
  const [part, there] = whereIs(run, question.training ?? 0);
  return run.parts[part].python.ask({ ...question, run: run.parts[part].run, training: there });
}
