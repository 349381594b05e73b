// Numbers, times and hashes as people read them.
import { h, announce } from "./dom.js";
import { show } from "./bytes.js";
import { notation } from "./preferences.js";

const numbers = new Intl.NumberFormat("en");
const times = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export const count = (number) => (number === null || number === undefined ? "–" : numbers.format(number));
export const plural = (number, one, many = `${one}s`) => `${count(number)} ${number === 1 ? one : many}`;
export const bytes = (length) => plural(length, "byte");
/** A time in seconds since 1970. */
export const time = (seconds) => times.format(new Date(seconds * 1000));
export const timeElement = (seconds) => h("time", { datetime: new Date(seconds * 1000).toISOString() }, time(seconds));
export const shortHash = (hex) => (hex ? hex.slice(0, 8) : "–");

/** A button that copies a text. */
export function copyButton(text, what) {
  const button = h("button", { type: "button", class: "copy", "aria-label": `Copy ${what}`, title: `Copy ${what}` });
  button.addEventListener("click", async () => {
    const done = await copy(text);
    button.dataset.state = done ? "done" : "failed";
    announce(done ? `Copied ${what}` : "The browser did not let the page copy");
    setTimeout(() => delete button.dataset.state, 1500);
  });
  return button;
}

/** The clipboard of modern browsers is for secure addresses only; the old way works elsewhere. */
async function copy(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const field = h("textarea", { class: "away", "aria-hidden": "true", value: text });
    document.body.append(field);
    field.select();
    const done = document.execCommand("copy");
    field.remove();
    return done;
  }
}

/** A hash in full, which breaks where the line ends, with a button that copies it. */
export function hash(hex, what) {
  if (!hex) return h("span", { class: "muted" }, "none yet");
  return h("span", { class: "hash" }, h("code", {}, hex), copyButton(hex, what));
}

/** A key or value in the chosen notation, cut to `limit` characters. */
export function octets(hex, { limit = Infinity } = {}) {
  const { text, kind } = show(hex, notation());
  const cut = text.length > limit ? `${text.slice(0, limit)}…` : text;
  return h("code", { class: `octets ${kind}`, title: kind === "text" ? `0x${hex}` : null }, cut);
}
