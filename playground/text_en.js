// All text of the page. To translate it, copy this file, translate it, and name it in text.js.
const many = (n, one, more = one + "s") => `${n.toLocaleString("en")} ${n === 1 ? one : more}`;
const percent = (x) => `${(100 * x).toFixed(1)} %`;

function duration(seconds) {
  if (seconds < 1.5) return "about a second";
  return seconds < 90 ? `about ${Math.round(seconds)} seconds` : `about ${Math.round(seconds / 60)} minutes`;
}

export const text = {
  language: "en",
  intro: "Two tiny language models in pure Python. Every number here is computed by the project's own " +
    "files; this page only draws it.",
  chapters: "Chapters", chapterNames: { guess: "Guess", lookback: "Look back", plane: "Plane", learn: "Train",
    verdict: "Verdict", experiment: "Experiment" },
  views: "Views", tabTrain: "Train", tabLook: "Look inside", tabGrad: "Gradients", tabExercise: "Exercises",
  predict: "Your prediction:", nowStart: "Noted. Now start it.",
  named: (name) => `${name}, trained`,

  opening: "Type your name. Which letter comes next?",
  whichNext: (word, n) => n ? `After “${word.slice(0, n)}”:` : "At the beginning:",
  readUpTo: (word, n) => n ? `they have read “${word.slice(0, n)}”` : "they have read nothing yet",
  cameAs: (letter, rank, odd) => `Next came “${letter}”: choice number ${rank}, with ${percent(odd)}.`,
  cameEnd: (odd) => `That the name ends here: ${percent(odd)}.`,
  guessStory: "Both models have learned from 5,000 first names, letter by letter, and know nothing else. One " +
    "looks back by attention, as large language models do. The other has a Grassmann layer, which looks at planes.",
  guessDrag: "Drag: how much of the name they have read",
  surpriseQuestion: (word) => `which letter of “${word}” surprises the models most?`,
  surpriseAnswer: (most, isRight) => `${isRight ? "Yes." : "Not that one."} ` + most.map(([name, letter, loss]) =>
    `${name}: “${letter}”, ${loss.toFixed(2)} nats`).join("; ") + ".",
  surprise: "Surprise, nats", meanLoss: "mean",
  surpriseNote: "The surprise is minus the logarithm of the probability that the model gave to the letter that " +
    "came. The mean of it is the loss, which training makes smaller. Blind guessing among 27 has 3.30.",

  backTitle: "Where does it look?",
  backStory: "To guess what comes next, both look back from the present letter. Attention looks at every earlier " +
    "letter and at the present one, and decides anew how much at each. The Grassmann layer looks at fixed " +
    "distances, 1, 2, 4, 8, 12 and 16 back, and gives each the same share.",
  backDrag: "Drag: the present letter",
  letterAt: (position, letter) => `position ${position}, ${letter === "BOS" ? "BOS, the mark of the beginning" : letter}`,
  backQuestion: (letter, position) => `from “${letter}” at position ${position}, how many earlier letters does the ` +
    "Grassmann layer look at? (BOS, the mark of the beginning, is one.)",
  backAnswer: (guess, number, position) => `${guess === number ? "Yes" : "It is not " + guess}: it looks at ${number}. ` +
    (position ? `Attention looks at all ${position + 1}, itself among them.` : "Nothing stands before BOS."),

  learnTitle: "Watch them learn",
  learnStory: "Two models that know nothing yet read 300 names. Each does so three times, with three seeds: other " +
    "first weights, another order. Lines are means over the seeds; bands reach from the best seed to the worst.",
  learnQuestion: "which will be better at names it has not seen?",
  learnChoices: [["attention", "attention"], ["Grassmann", "Grassmann"],
    ["level", "three seeds will not decide"]],
  learnStart: "Let them learn",
  learnAnswer(losses, guess) {
    const [one, other] = ["attention", "Grassmann"].map((name) => losses[name]);
    const range = (list) => `${Math.min(...list).toFixed(3)} to ${Math.max(...list).toFixed(3)}`;
    const winner = Math.max(...one) < Math.min(...other) ? "attention"
      : Math.max(...other) < Math.min(...one) ? "Grassmann" : "level";
    return `Loss on unseen names: attention ${range(one)}, Grassmann ${range(other)}. ` +
      (winner === "level" ? "The ranges overlap: three seeds do not decide." : `All seeds of ${winner} are ahead.`) +
      (guess ? guess === winner ? " As you predicted." : " Not what you predicted." : "");
  },
  learnDrag: "Drag: a moment of training",

  verdictTitle: "Is it an alternative?",
  verdictStory: "It depends on what is asked. In a race each contender learns from the same texts with three " +
    "seeds; lines are means, bands reach from the worst seed to the best.",
  raceAsks: { dominance: "Rock, paper, scissors: does the present sign beat most of those that stand 1, 2, 4, 8 and " +
    "16 back? Swap two signs, and the other one wins; swap a plane's two arrows, and its sign changes.",
    brackets: "Brackets ask for counting: every ) needs its (. A wrong bracket is marked where a string first " +
      "goes wrong." },
  verdictQuestion: "who will be best?",
  raceStart: "Start the race", chance: "one constant answer", rightAxis: "right answers, %",
  rightAnswers: (right, chance) => `${percent(right)} of its answers are right; one constant answer: ${percent(chance)}.`,
  raceAnswer: (guess, best) => !best ? "" : guess === best ? `Yes: ${best} is ahead, by the mean of its seeds.`
    : `${best} is ahead, by the mean of its seeds.`,
  raceResult(trainings, samples) {
    const done = trainings.filter((t) => t.state === "done");
    if (done.length < trainings.length) {
      return `${done.length} of ${many(trainings.length, "seed")} done, ` +
        `${trainings.filter((t) => t.state === "runs").length} learning.`;
    }
    if (done[0].right !== undefined) return `Right answers: ${done.map((t) => percent(t.right)).join(", ")}.`;
    return `Loss on unseen texts: ${done.map((t) => t.held_out.toFixed(3)).join(", ")}. ` +
      `${samples.filter(([, wrong]) => wrong === null).length} of ${samples.length} strings without a mistake.`;
  },
  gridTitle: "Which layer for which question?",
  gridStory: ({ steps, length, signs }) => `Right answers in percent after ${steps.toLocaleString("en")} texts of ${length} ` +
    `signs, ${signs} different ones: mean over ten seeds ± half of its 95 % interval. Each cell has the learning rate that ` +
    "was best with two other seeds, of .003, .01, .03 and, where the best was an end, .001 or .09. Computed by the same " +
    "layers in PyTorch, in double precision; large/small.jsonl has every run. Point at a cell for its rate, its worst and " +
    "its best seed; a click starts its race here, with two of the seeds.",
  cellLabel: (task, layer, right, worst, best, rate) => `${task}, ${layer}: ${right} % right, worst seed ${worst}, best ` +
    `${best}, rate ${rate}; start this race`,
  costTitle: "What it costs", costDrag: "Drag: the length of the text",

  experimentTitle: "Experiment",
  experimentStory: "Everything by hand: any mixing layer, any task, your own text, every number on the way.",
  badAddress: (name, value, used) => `The address of this page says ${name}=${value}, which does not ` +
    `fit; ${used} is used.`,

  trainIntro: "Two contenders learn side by side, from the same documents in the same order. One seed " +
    "is one draw of luck: try several before you believe a difference.",
  first: "One", second: "Other", task: "Task",
  tasks: { names: "names", brackets: "brackets", text: "your own text", dominance: "dominance",
    "dominance 4": "dominance 4 (one sign)", recall: "recall", copy: "copy", repeat: "repeat", induction: "induction",
    parity: "parity", "open brackets": "open brackets" },
  steps: "Steps", seed: "Seed", layers: "Layers", offsets: "Offsets it looks back by",
  paste: "Your text, one document a line", file: "A text file", none: "(none)",
  start: "Start", pause: "Pause", goOn: "Continue", stop: "Stop",
  pasteFirst: (most) => `Paste a text or choose a file: up to ${many(most, "character")}.`,
  documents: ({ documents, symbols, cut, block, asks }) => (asks ? `Asked of random texts: ${asks} ` : "") + `${many(documents, "document")} with ` +
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

  lookIntro: "Type a word and choose a letter. The model has read up to there and guesses what " +
    "comes next. Below, from top to bottom, are the numbers that it computes on the way.",
  word: "Word, or how it begins", model: "Model", beside: "Beside it", layer: "Layer", moment: "Moment of training",
  untrained: "before training", savedMoment: "after 5,000 steps, kept with the page", afterSteps: (step) => `after ${many(step, "step")}`,
  seen: ({ word, trained, position }) => `It has read “${word.slice(0, position)}”` +
    (word.length > position ? ` of “${word}”` : "") + `; ${trained ? "trained" : "untrained"} weights.`,
  next: "What comes next", inside: "What the layer computes", source: "The line of code",
  letters: "Letters: choose a position", inNumbers: "In numbers", end: "end",
  point: "Point at a number, or go to it with Tab and the arrow keys.",
  weightsOf: "weights:", position: (s, letter) => `position ${s} (${letter})`,
  scales: "Each row is made from rows above it. Bars have a few common scales, from ±1 to ±4 and so on; " +
    "each row says which.",
  looksAt: (letter, { s, share, length }) => `position ${s} (${letter}): share ${percent(share)}` +
    (length === undefined ? "" : `, the plane's length before scaling ${length.toPrecision(3)}; the ` +
      "shorter, the closer the two vectors are to parallel"),
  noArcs: "no arcs for this layer",

  planeTitle: "Two letters span a plane",
  planeStory: "In this trained model each letter, where it stands, is an arrow of r = 3 numbers, so that it " +
    "can be drawn; the models below start with r = 4. The present letter's arrow and that of an earlier one " +
    "span a parallelogram; the areas of its three shadows, with signs, are p. The layer keeps the tilt only, " +
    "scaled to length 1: the disc. Drag a tip, or turn the picture.",
  planeDrag: "Length of the present letter's arrow", partners: "Earlier letters",
  spaceLabel: "A picture in space: drag it or use the arrow keys to turn it",
  tip: (name, vector) => `tip of ${name} at ${vector.map((x) => x.toFixed(2)).join(", ")}; the arrow keys move it`,
  swap: "Swap two earlier letters", parallel: "Make the arrows parallel", reset: "Back to the model's own arrows",
  coordinate: "Coordinate", plane: "p", unit: "scaled to length 1", mean: "mean", size: "length",
  planeLegend: (now, before, several) => [["vec s0", `arrow of ${now}`], ["area", `parallelogram with ${before}`],
    ["disc", "its unit plane, always of one size"], ["normal s1", "what stands upright on a unit plane"],
    ...(several ? [["normal mean", "mean of these, which is what the layer passes on"]] : [])],
  stretchQuestion: (now) => `Make the arrow of ${now} twice as long. What will the disc do?`,
  stretchChoices: [["grow", "grow"], ["tilt", "tilt"], ["stay", "stay as it is"]],
  stretchAnswer: (guess, before, after) => `${guess === "stay" ? "Yes." : "See for yourself."} The area went from ` +
    `${before.length.toFixed(3)} to ${after.length.toFixed(3)}; p scaled to length 1 was ` +
    `${before.unit.map((x) => x.toFixed(3)).join(", ")} and is ${after.unit.map((x) => x.toFixed(3)).join(", ")}. ` +
    "The layer cannot see how long an arrow is.",
  swapped: (before, after) => `The mean was ${before.map((x) => x.toFixed(3)).join(", ")} and is ` +
    `${after.map((x) => x.toFixed(3)).join(", ")}: which of the two stood nearer is lost.`,
  ago: (letter, n) => `${letter}, ${n} back`,

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
  exerciseIntro: "Write the model's functions yourself, one step at a time; the rest is the model file's own. " +
    "A check tells the first thing that comes out wrong and, if it is a known mistake, which.",
  exerciseStep: "Step", exerciseCheck: "Check", exerciseHint: "A hint", exerciseCode: "Your code",
  exerciseWaits: "Checking … (a loop without an end never ends: then load the page anew)",
  exerciseElsewhere: "These steps are checked in the terminal: python3 exercises.py start mine.py. (On a site " +
    "without a server the check runs here.)",
  exerciseVerdicts: { right: "Right.", wrong: "Not right yet.", "not written": "Not written yet.", "not run": "It does not run." },

  noAnswer: "No answer: does playground.py still run?",
  loading: (seconds) => `Python is loading, ${many(seconds, "second")}. The first time it takes a while: ` +
    "14 million bytes. Then everything runs in this browser, and nothing you type leaves it.",
  loadingLabel: "How much of Python is loaded",
  noPyodide: (place) => `Python could not be loaded from ${place}, so this page cannot compute. Is there a ` +
    "connection? In a terminal, python3 playground.py needs none.",
};
