// A part of the page that is read from the server: keeps what it showed until the new content is there, and shows errors in place.
import { replace } from "./dom.js";
import { errorBox } from "./errors.js";

/**
 * Fills `element` with what `load(signal)` gives. Only the newest call for an element counts. Content that comes late leaves the focus
 * where it is.
 */
export async function fillPanel(element, load) {
  element.loading?.abort();
  const loading = new AbortController();
  element.loading = loading;
  element.setAttribute("aria-busy", "true");
  let content;
  try {
    content = await load(loading.signal);
  } catch (error) {
    if (loading.signal.aborted) return;
    content = errorBox(error, () => fillPanel(element, load));
  }
  if (loading.signal.aborted) return;
  element.removeAttribute("aria-busy");
  replace(element, content);
}
