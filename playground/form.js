// What is wrong with a form stands beside the field that it is about, until it is answered.
import { latest, Wrong } from "./ask.js";
import { make } from "./draw.js";

function forgive(form) {
  for (const note of form.querySelectorAll(".wrong")) note.remove();
  for (const field of form.querySelectorAll("[aria-invalid]")) {
    field.removeAttribute("aria-invalid");
    field.removeAttribute("aria-describedby");
  }
}

function complain(form, error) {
  if (!(error instanceof Wrong)) throw error;
  forgive(form);
  const note = make("p", { class: "wrong", role: "alert", id: `${form.id}-wrong` }, error.message);
  const field = error.field && form.querySelector(`[data-field~="${error.field}"]`);
  if (!field) {
    form.append(note);
    return;
  }
  field.setAttribute("aria-invalid", "true");
  field.setAttribute("aria-describedby", note.id);
  (field.closest("label, fieldset") ?? field.parentElement).append(note);
}

// Return a function that does something for a form: a complaint stays until the same is answered.
// Of several calls in a row only the last one counts; action gets a function that tells whether it
// still is the last.
export function answering(form, action) {
  return latest(async (isLatest, ...given) => {
    try {
      await action(isLatest, ...given);
      if (isLatest()) forgive(form);
    } catch (error) {
      if (isLatest()) complain(form, error);
    }
  });
}
