// The page's text in the language that the address asks for, such as ?lang=ko; English else, and
// English where a translation lacks something.
import { text as english } from "./text_en.js";

const FILES = { en: "./text_en.js" };
const asked = new URLSearchParams(location.search).get("lang") ?? "en";
const other = FILES[asked] ? await import(FILES[asked]) : { text: {} };

export const text = { ...english, ...other.text };
