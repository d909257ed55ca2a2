// All text of the page. To translate it, copy this file, translate it, and name it in text.js.
const many = (n, one, more = one + "s") => `${n.toLocaleString("en")} ${n === 1 ? one : more}`;
const percent = (x) => `${(100 * x).toFixed(1)} %`;

function duration(seconds) {
  if (seconds < 1.5) return "about a second";
  return seconds < 90 ? `about ${Math.round(seconds)} seconds` : `about ${Math.round(seconds / 60)} minutes`;
}

export const text = {
  language: "en",
  intro: "Two tiny language models in pure Python. Every number here is computed by the very files " +
    "that you read; this page only draws it.",
  views: "Views", tabTrain: "Train", tabLook: "Look inside", tabPlane: "A plane",
  tabGrad: "Gradients", tabCost: "Cost",
  badAddress: (name, value, used) => `The address of this page says ${name}=${value}, which does not ` +
    `fit; ${used} is used.`,

  trainIntro: "Two contenders learn side by side, from the same documents in the same order. One seed " +
    "is one draw of luck: try several before you believe a difference.",
  first: "One", second: "Other", task: "Task",
  tasks: { names: "names", brackets: "brackets", text: "your own text" },
  steps: "Steps", seed: "Seed", layers: "Layers", offsets: "Offsets it looks back by",
  paste: "Your text, one document a line", file: "A text file", none: "(none)",
  start: "Start", pause: "Pause", goOn: "Continue", stop: "Stop",
  pasteFirst: (most) => `Paste a text or choose a file: up to ${many(most, "character")}.`,
  documents: ({ documents, symbols, cut, block }) => `${many(documents, "document")} with ` +
    `${many(symbols, "different character")}.` + (cut ? ` ${many(cut, "is", "are")} longer than the ` +
    `${block - 1} characters that the model reads: ${cut === 1 ? "its end is" : "their ends are"} cut off.` : ""),
  room: (used, most) => `${many(used, "character")} of ${most.toLocaleString("en")}.`,
  fileCut: (size, most) => `The file has ${many(size, "character")}; the first ` +
    `${most.toLocaleString("en")} were taken.`,
  other: "Something is training already, started in another tab or before this page was reloaded.",
  followOther: "Follow it here", stopOther: "Stop it",
  runState({ state, speed, remaining }) {
    if (state === "runs" && speed) {
      return `${speed < 10 ? speed.toFixed(1) : Math.round(speed)} steps a second, ${duration(remaining)} left.`;
    }
    return { none: "", starts: "Starting …", runs: "Python is getting ready …", paused: "Paused.",
      ended: "", silent: "No answer. Does playground.py still run? Asking again every two seconds.",
      lost: "Lost: Python was started anew and no longer knows this run. What is drawn is what it told." }[state];
  },
  trainingState({ state, losses, parameters, error }, steps) {
    const words = { waits: "waits for a free core", runs: "learning", paused: "paused", done: "done",
      stopped: "stopped", failed: `failed: ${error}`, "nobody asked": "ended: no page asked about it any more" };
    return `${words[state]}, ${losses.length} of ${many(steps, "step")}` +
      (parameters ? `, ${many(parameters, "weight")}` : "");
  },
  step: "step", loss: "loss", ofLast: "mean of the last 20 documents",
  unseen: "Loss on unseen documents", blind: "blind guessing", count1: "counts, one symbol",
  count2: "counts, two symbols", writes: (step) => `It writes, after ${many(step, "step")}:`,
  empty: "(nothing)",

  lookIntro: "Type a word and choose a letter. The model has read up to there and computes what may " +
    "come next: from top to bottom, the numbers on its way.",
  word: "Word, or how it begins", model: "Model", beside: "Beside it", layer: "Layer", moment: "Moment of training",
  untrained: "before training", afterSteps: (step) => `after ${many(step, "step")}`,
  seen: ({ word, trained, position }) => `It has read “${word.slice(0, position)}”` +
    (word.length > position ? ` of “${word}”` : "") + `; ${trained ? "trained" : "untrained"} weights.`,
  next: "What comes next", inside: "What the layer computes", source: "The line of code",
  letters: "Letters: choose a position", inNumbers: "In numbers", end: "end",
  point: "Point at a number, or go to it with Tab and the arrow keys.",
  weightsOf: "weights:", position: (s, letter) => `position ${s} (${letter})`,
  scales: ({ vectors, logits }) => `Bars of all vectors have one scale, up to ±${vectors.toPrecision(2)}; ` +
    `logits up to ±${logits.toPrecision(2)}.`,
  looksAt: (letter, { s, share, length }) => `position ${s} (${letter}): share ${percent(share)}` +
    (length === undefined ? "" : `, the plane's length before scaling ${length.toPrecision(3)}; the ` +
      "shorter, the closer the two vectors are to parallel"),
  noArcs: "no arcs for this layer",

  planeIntro: "Two vectors span a parallelogram. The areas of its three shadows, with signs, are the " +
    "Plücker coordinates p. The disc is the same plane with all lengths forgotten. Drag a tip, or turn " +
    "the picture; keys: Tab and the arrows.",
  spaceLabel: "A picture in space: the arrow keys turn it",
  tip: (name, vector) => `tip of ${name} at ${vector.map((x) => x.toFixed(2)).join(", ")}; the arrow keys move it`,
  swap: "Swap u and v", parallel: "Make v parallel", stretch: "Stretch u by 2", reset: "Back to the start",
  coordinate: "Coordinate", plane: "p", unit: "scaled to length 1", mean: "mean", size: "length",

  gradIntro: "The graph of an expression. Step by step each node hands its gradient to those that " +
    "it was made from. (A ReLU that is on is the number itself: the engine makes no node for it.)",
  expression: "Expression", values: "Values", build: "Build", back: "Step back",
  forth: "Step forward", graph: "Graph of the expression",
  startHere: "The end has gradient 1; all others wait.",
  handed: (n, of, node, child, local, grad, becomes) => `${n} of ${of}: ${node} hands to ${child}: ` +
    `${local} · ${grad}; its gradient is now ${becomes}.`,

  costIntro: "Reading L tokens: the Values that each model makes, counted by the engine, and the " +
    "pairs of positions it looks at (for one layer; attention: for one head).",
  mixer: "Contender", nodes: "Values made", pairs: "Pairs", tokens: "tokens",
  noAnswer: "No answer: does playground.py still run?",
  noPyodide: "Pyodide could not be loaded: see playground/worker.js",
};
