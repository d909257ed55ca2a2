// The page's text in the language that the address asks for, as in ?lang=ko: English if there is no
// such translation, and English for what a translation lacks.
import { text as english } from "./text_en.js";

export const LANGUAGES = { en: "English", ko: "한국어" };

const wish = new URLSearchParams(location.search).get("lang");
const language = wish in LANGUAGES ? wish : "en";
const { text: translated } = await import(`./text_${language}.js`);

export const text = { ...english, ...translated };
