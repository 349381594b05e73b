// Builds elements. Text only ever becomes text nodes, so nothing that a store holds can become markup.

const SVG = "http://www.w3.org/2000/svg";

function fill(element, properties, children) {
  for (const [name, value] of Object.entries(properties ?? {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "value") element[element instanceof HTMLInputElement ? "defaultValue" : "value"] = value;
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** An HTML element: h("a", { href, onclick }, ...children). Properties that are null, undefined or false are left out. */
export const h = (name, properties, ...children) => fill(document.createElement(name), properties, children);

/** An SVG element, as `h`. */
export const s = (name, properties, ...children) => fill(document.createElementNS(SVG, name), properties, children);

/**
 * Replaces what is in an element. What had the focus gets it again, if the new content has the same `data-focus`, with what was being typed
 * in it.
 */
export function replace(element, ...children) {
  const held = element.contains(document.activeElement) ? document.activeElement : null;
  element.replaceChildren(...children.flat(Infinity).filter(Boolean));
  const again = held?.dataset.focus ? element.querySelector(`[data-focus="${CSS.escape(held.dataset.focus)}"]`) : null;
  again?.focus({ preventScroll: true });
  if (again instanceof HTMLInputElement && held.value !== held.defaultValue) {
    again.value = held.value;
    again.setSelectionRange(held.selectionStart, held.selectionEnd);
  }
  return element;
}

let ids = 0;
/** An id that no other element has. */
export const newId = (name) => `${name}-${++ids}`;

/** Tells screen readers something in a polite moment. */
export function announce(text) {
  document.getElementById("announcer").textContent = text;
}
