// A part of the page that is read from the server: keeps what it showed until the new content is there, and shows errors in place.
import { h, replace } from "./dom.js";
import { errorBox } from "./errors.js";

/**
 * Fills `element` with what `load(signal)` gives. Only the newest call for an element counts. Content that comes late leaves the focus
 * where it is. Of an error, `title` is the heading where it takes the place of a whole page, `retry` is what to try again, if not this
 * panel alone, and `instead` stands in its place where another panel tells it.
 */
export async function fillPanel(element, load, { title, retry, instead } = {}) {
  element.loading?.abort();
  const loading = new AbortController();
  element.loading = loading;
  element.setAttribute("aria-busy", "true");
  let content;
  try {
    content = await load(loading.signal);
  } catch (error) {
    if (loading.signal.aborted) return;
    const again = retry ?? (() => fillPanel(element, load, { title }));
    content = instead ? h("p", { class: "muted" }, instead) : [title ? h("h1", {}, title) : null, errorBox(error, again)];
  }
  if (loading.signal.aborted) return;
  element.removeAttribute("aria-busy");
  replace(element, content);
}
