// The switch between text and hex.
import { h } from "../dom.js";
import { notation, prefer } from "../preferences.js";

/** Two buttons; `onChange` is called when the other one is pressed. */
export function notationSwitch(onChange) {
  const button = (value, text) => {
    const onclick = () => {
      prefer("notation", value);
      onChange();
    };
    return h("button", { type: "button", "aria-pressed": notation() === value ? "true" : "false", onclick, "data-focus": `notation ${value}` }, text);
  };
  return h("div", { class: "switch", role: "group", "aria-label": "Notation of keys and values" }, button("text", "Text"), button("hex", "Hex"));
}
