// All text of the page. To translate it, translate this file.
export const text = {
  intro: "Two tiny language models in pure Python. Every number here is computed by the very files " +
    "that you read; this page only draws it.",
  views: "Views", tabTrain: "Train", tabLook: "Look inside", tabPlane: "A plane",
  tabGrad: "Gradients", tabCost: "Cost",
  trainIntro: "Two contenders learn side by side, on the same documents in the same order. One seed " +
    "is one draw of luck: try several before you believe a difference.",
  first: "One", second: "Other", task: "Task", names: "names", brackets: "brackets",
  ownText: "own text", steps: "Steps", seed: "Seed", layers: "Layers",
  offsets: "Offsets it looks back by", paste: "Your text, one document a line", file: "A text file",
  start: "Start", pause: "Pause", goOn: "Go on", stop: "Stop", none: "(none)",
  runs: "learning", paused: "paused", done: "done", stopped: "stopped", failed: "failed",
  "nobody asked": "ended: the page was silent",
  step: "step", loss: "loss", ofLast: "mean of the last 20 documents", unseen: "Loss on unseen documents",
  parameters: "weights", blind: "blind guessing", count1: "counts, one symbol",
  count2: "counts, two symbols", writes: "It writes", untrained: "untrained",
  lookIntro: "Type a word, choose a letter. Arcs go to the positions that it looks at; the thicker, " +
    "the more (relative to the thickest).",
  model: "Model", word: "Word or its beginning", layer: "Layer", after: "after training",
  next: "What comes next", inside: "What the layer computes here", source: "The lines that made it",
  point: "Point at a number, or move to it with the Tab key.",
  end: "end", looksAt: "looks at",
  planeIntro: "Two vectors span a parallelogram. The areas of its three shadows, with signs, are the Plücker " +
    "coordinates. Drag a tip (with Shift: up and down), or type numbers.",
  swap: "Swap u and v", parallel: "Make parallel", stretch: "Stretch u by 2",
  coordinate: "Coordinate", plane: "p", unit: "scaled to length 1", size: "length", how: "how",
  gradIntro: "The graph of an expression. Step by step each node hands its gradient to those that " +
    "it was made from. (A ReLU that is on is the number itself: the engine makes no node for it.)",
  expression: "Expression", values: "Values", build: "Build", back: "Step back",
  forth: "Step forward", startHere: "The end has gradient 1; all others wait.",
  hands: "hands to", gradient: "gradient", graph: "graph of the expression",
  costIntro: "Reading L tokens: the Values that each model makes, counted by the engine, and the " +
    "pairs of positions it looks at (for one layer; attention: for one head).",
  mixer: "Contender", nodes: "Values made", pairs: "Pairs", tokens: "tokens", noAnswer: "No answer: " +
    "does playground.py still run?", noPyodide: "Pyodide could not be loaded: see playground/worker.js",
};
