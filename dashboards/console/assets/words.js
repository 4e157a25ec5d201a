// The words of the interface, in the reader's language. What stands on the boards
// themselves comes from the server, in English.
import en from "/assets/words/en.js";
import ro from "/assets/words/ro.js";

export const languages = { en, ro };
let words = en;

// speak chooses the language.
export function speak(language) {
  words = languages[language] ?? en;
  document.documentElement.lang = language in languages ? language : "en";
}

// w is a text with values in the place of its names in braces. A text of two forms
// takes the first when n is 1.
export function w(name, values = {}) {
  let text = words[name] ?? en[name] ?? name;
  if (Array.isArray(text)) text = values.n === 1 ? text[0] : text[1];
  return text.replace(/\{(\w+)\}/g, (all, key) => values[key] ?? all);
}
