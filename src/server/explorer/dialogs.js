// The dialogs: help, and the question for a token.
import { hasToken, setToken } from "./api.js";
import { h, replace } from "./dom.js";
import { preference, prefer } from "./preferences.js";

const SHORTCUTS = [
  ["?", "this help"],
  ["/", "search for a key"],
  ["[ and ]", "the version before, the version after"],
  ["n", "follow the newest version"],
  ["o", "all stores"],
  ["a", "activity"],
  ["1 to 4", "value, history, tree, proof of the key"],
  ["x", "text or hex"],
  ["t", "light or dark"],
  ["Arrow keys", "from ring to ring, when a ring has the focus; Enter chooses it"],
  ["Escape", "close a dialog"],
];

export const shortcutsAreOn = () => preference("shortcuts", "on") === "on";

const closer = (dialog) => h("button", { type: "button", onclick: () => dialog.close() }, "Close");

/** Shows the shortcuts. `onForget` is called when the token is to be forgotten. */
export function showHelp(onForget) {
  const dialog = document.getElementById("help");
  const rows = SHORTCUTS.map(([keys, text]) => h("tr", {}, h("th", { scope: "row" }, h("kbd", {}, keys)), h("td", {}, text)));
  const toggle = h("input", { type: "checkbox", checked: shortcutsAreOn(), onchange: (event) => prefer("shortcuts", event.target.checked ? "on" : "off") });
  const forget = () => {
    setToken(null);
    dialog.close();
    onForget();
  };
  replace(dialog,
    h("h2", { id: "help-title" }, "Help"),
    h("p", {}, "A tree ring is a version: the oldest in the middle, the newest outside. Choosing one moves the whole page to it. The address of the page holds all of it: share it, and back goes back."),
    h("table", { class: "shortcuts" }, h("caption", {}, "Keys"), h("tbody", {}, rows)),
    h("p", {}, h("label", {}, toggle, " Single letters are shortcuts")),
    h("p", {}, "Proofs are checked by this page, with the package @confio/ics23 and by recomputing every step. What it cannot know is whether the app hash is the right one: compare it with the one that your chain agreed on."),
    h("p", { class: "dialog-foot" }, hasToken() ? h("button", { type: "button", class: "quiet", onclick: forget }, "Forget the token") : null, closer(dialog)));
  dialog.showModal();
}

let asking = null;

/** Asks for a token; calls that fail meanwhile wait for the same answer. Gives null when there will be none. */
export function askForToken(wasRefused) {
  asking ??= ask(wasRefused).finally(() => (asking = null));
  return asking;
}

function ask(wasRefused) {
  const dialog = document.getElementById("token");
  const field = h("input", { id: "token-field", type: "password", autocomplete: "off", required: true, autofocus: true });
  return new Promise((resolve) => {
    let answer = null;
    const onsubmit = (event) => {
      event.preventDefault();
      answer = field.value.trim() || null;
      dialog.close();
    };
    replace(dialog,
      h("form", { onsubmit },
        h("h2", { id: "token-title" }, "A token is needed"),
        wasRefused ? h("p", { class: "field-error", role: "alert" }, "The server does not know that token.") : null,
        h("p", {}, "The server shows its stores to those who have a token. Who runs it makes one: ", h("code", {}, "treering token new NAME --role read --file tokens.toml")),
        h("label", { for: "token-field" }, "Token"), field,
        h("p", { class: "muted" }, "It is kept until this tab is closed, and sent to this server only."),
        h("p", { class: "dialog-foot" }, h("button", { type: "button", class: "quiet", onclick: () => dialog.close() }, "Cancel"), h("button", { type: "submit" }, "Use it"))));
    dialog.addEventListener("close", () => resolve(answer), { once: true });
    dialog.showModal();
  });
}
