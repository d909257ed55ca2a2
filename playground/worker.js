// The same Python files, run by Pyodide inside the browser: for a static site or a Chromebook.
const PYODIDE = new URL("pyodide/", location).href; // a folder beside this file, or Pyodide's address
const FILES = ["playground_answers.py", "alternatives.py", "beyond.py", "inside.py", "micro_gpt.py",
  "micro_grassmann.py", "show.py", "tasks.py", "input.txt"];

async function fetched(name) {
  const reply = await fetch(new URL(`../${name}`, location));
  return [name, new Uint8Array(await reply.arrayBuffer())];
}

async function begin() {
  const files = Promise.all(FILES.map(fetched)); // while Pyodide loads
  const { loadPyodide } = await import(PYODIDE + "pyodide.mjs");
  const python = await loadPyodide({ indexURL: PYODIDE });
  for (const [name, bytes] of await files) python.FS.writeFile(name, bytes);
  return python.pyimport("playground_answers");
}

// A rejected promise would end in silence; as an error it reaches the page.
const ready = begin().catch((error) => setTimeout(() => { throw error; }));
let isTraining = false;

// Train for a twentieth of a second, look for questions, and so on.
async function train(playground) {
  isTraining = true;
  while (playground.work(0.05)) await new Promise((go) => setTimeout(go));
  isTraining = false;
}

addEventListener("message", async ({ data: [number, question] }) => {
  const playground = await ready;
  postMessage([number, JSON.parse(playground.answer_text(question)[1])]);
  if (!isTraining) train(playground);
});
