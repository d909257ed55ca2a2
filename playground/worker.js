// Python in the browser: Pyodide, in a worker of its own, so that the page stays alive. Its first
// message says where Pyodide and python.zip, the project's files, are; each other is a question.
// Answers are [number, answer]; ["loading", bytes] tells how far it is, ["broken"] that it will not be.
let loaded = 0;

// Count the bytes that come in.
const fetchPlain = self.fetch;
self.fetch = async (...given) => {
  const reply = await fetchPlain(...given);
  if (!reply.ok || !reply.body) return reply;
  const counted = reply.body.pipeThrough(new TransformStream({
    transform(chunk, out) {
      loaded += chunk.length;
      postMessage(["loading", loaded]);
      out.enqueue(chunk);
    } }));
  return new Response(counted, { status: reply.status, headers: reply.headers });
};

async function begin({ pyodide, files }) {
  const archive = fetch(files).then((reply) => reply.arrayBuffer()); // while Pyodide loads
  const loading = import(`${pyodide}pyodide.mjs`).then(({ loadPyodide }) => loadPyodide({ indexURL: pyodide }));
  const [python, bytes] = await Promise.all([loading, archive]);
  python.unpackArchive(bytes, "zip");
  return python.pyimport("playground_answers");
}

// A task for the event loop that comes after the messages that wait: a timeout would cost 4 ms.
const channel = new MessageChannel();
const breathe = () => new Promise((go) => {
  channel.port1.onmessage = go;
  channel.port2.postMessage(null);
});

let ready = null;
let isTraining = false;

// Train for a tenth of a second, look for questions, and so on.
async function train(answers) {
  isTraining = true;
  while (answers.work(0.1)) await breathe();
  isTraining = false;
}

addEventListener("message", async ({ data }) => {
  if (!ready) {
    ready = begin(data).catch((error) => {
      console.error(error);
      postMessage(["broken"]);
      return null;
    });
    return;
  }
  const [number, question] = data;
  const answers = await ready;
  if (!answers) return; // the page knows
  postMessage([number, JSON.parse(answers.answer_text(question)[1])]);
  if (!isTraining) train(answers);
});
