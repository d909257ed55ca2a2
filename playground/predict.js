// A prediction: choose first, then see. `reveal` is called with what was chosen, and returns what
// is to be said about it.
import { make, put, roving } from "./draw.js";
import { text } from "./text.js";

export function predict(id, question, choices, reveal) {
  const told = make("p", { role: "status" });
  const buttons = choices.map(([value, label]) => {
    const button = make("button", { type: "button", "aria-pressed": "false" }, label);
    button.addEventListener("click", async () => {
      for (const other of buttons) other.setAttribute("aria-pressed", other === button);
      told.textContent = await reveal(value, label);
    });
    return button;
  });
  const row = make("div", { class: "choices", role: "group", "aria-label": question }, ...buttons);
  roving(row, buttons);
  put(id, make("p", {}, make("b", {}, text.predict), " ", question), row, told);
}
