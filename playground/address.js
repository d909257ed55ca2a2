// The state of the page stands in its address, so that reload, back and a link keep it.
import { at } from "./draw.js";
import { text } from "./text.js";

export const address = () => new URLSearchParams(location.hash.slice(1));

// Write some entries into the address; with isStep the back button returns to what was before.
export function remember(entries, isStep = false) {
  const state = address();
  for (const [name, value] of Object.entries(entries)) {
    if (value === null || value === "") state.delete(name);
    else state.set(name, value);
  }
  if (`#${state}` !== location.hash) history[isStep ? "pushState" : "replaceState"](null, "", `#${state}`);
}

// Fill fields from the address; return a sentence for each value that does not fit.
export function fill(ids) {
  const state = address();
  const complaints = [];
  for (const id of ids.filter((name) => state.has(name))) {
    const field = at(id);
    const value = state.get(id);
    const number = Number(value);
    const fits = field.tagName === "SELECT" ? [...field.options].some((o) => o.value === value)
      : !["number", "range"].includes(field.type) || (Number.isInteger(number) && value.trim() !== ""
        && !(field.min && number < Number(field.min)) && !(field.max && number > Number(field.max)));
    if (fits) field.value = value;
    else complaints.push(text.badAddress(id, value, field.value));
  }
  return complaints;
}
