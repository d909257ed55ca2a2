// A run: trainings that were started together, and what they have told. It is asked about by one
// question at a time, and losses are placed by their number, so that late answers do no harm.
import { ask, leave } from "./ask.js";

const POLL = 300; // milliseconds between an answer and the next question
const RETRY = 2000; // the same while nobody answers

const pause = (milliseconds) => new Promise((go) => setTimeout(go, milliseconds));
export const isActive = (training) => ["waits", "runs", "paused"].includes(training.state);

const all = []; // the page's runs: of all of them one at most is busy

export class Run {
  // draw() is called whenever something has changed.
  constructor(draw) {
    this.draw = draw;
    all.push(this);
    this.forget();
  }

  forget() {
    this.id = null;
    this.state = "none"; // or starts, runs, paused, ended, silent (nobody answers), lost
    this.trainings = [];
    this.settings = {};
    this.speed = this.remaining = null;
  }

  get isBusy() {
    return ["starts", "runs", "paused", "silent"].includes(this.state);
  }

  // Start a run; a second call while it starts does nothing.
  async start(question) {
    if (this.state === "starts") return;
    const before = { ...this };
    for (const run of all.filter((one) => one.isBusy)) await run.order("stop");
    this.forget();
    this.state = "starts";
    this.draw();
    try {
      const { run } = await ask({ ask: "train", ...question });
      this.follow(run);
    } catch (error) {
      Object.assign(this, before, before.state === "starts" ? { state: "none" } : {});
      this.draw();
      throw error;
    }
  }

  // Ask about a run until it has ended.
  async follow(id) {
    this.forget();
    this.id = id;
    this.state = "runs";
    while (this.id === id) {
      const told = await this.progress(id);
      if (this.id !== id) return;
      if (told) this.take(told);
      this.draw();
      if (!this.isBusy) return;
      await pause(this.state === "silent" ? RETRY : POLL);
    }
  }

  async progress(id) {
    const since = this.trainings.map((training) => training.losses.length);
    try {
      return await ask({ ask: "progress", run: id, ...(since.length ? { since } : {}) });
    } catch (error) {
      if (this.id === id) this.state = error.isSilence ? "silent" : "lost";
      return null;
    }
  }

  take(told) {
    told.trainings.forEach((training, n) => {
      const losses = this.trainings[n]?.losses ?? [];
      training.losses.forEach((loss, i) => { losses[training.since + i] = loss; });
      this.trainings[n] = { ...training, losses };
    });
    this.settings = told.settings;
    this.speed = told.speed;
    this.remaining = told.remaining;
    this.state = !this.trainings.some(isActive) ? "ended" : told.is_paused ? "paused" : "runs";
  }

  // Pause, go on or stop.
  async order(order) {
    const id = this.id;
    if (!id) return;
    try {
      await ask({ ask: "order", run: id, order });
      const told = await this.progress(id);
      if (told && this.id === id) this.take(told);
    } catch (error) {
      if (error.isSilence) throw error;
      this.state = "lost";
    }
    this.draw();
  }

  leave() {
    if (this.id && this.isBusy) leave({ ask: "order", run: this.id, order: "leave" });
  }
}
