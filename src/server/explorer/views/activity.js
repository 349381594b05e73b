// What happens in the system, as it happens.
import { h, replace } from "../dom.js";
import { plural, time } from "../format.js";
import { change, format } from "../router.js";

/** So many events are kept in the page. */
const KEPT = 300;

/** The newest event first. */
const kept = [];
let paused = false;

/** Remembers an event of the stream. */
export function remember({ id, event, data }) {
  kept.unshift({ id, topic: event, data, at: Date.now() / 1000 });
  kept.length = Math.min(kept.length, KEPT);
}

function parsed(data) {
  try {
    return JSON.parse(data);
  } catch {
    return null;
  }
}

/** The few words that matter most of an event. */
function gist(data) {
  if (!data || typeof data !== "object") return "";
  const { store, version, app_hash: appHash, id, operation, principal, error_code: error } = data;
  const words = [store && typeof store === "string" ? store : null, version === undefined ? null : `version ${version}`, appHash ? `app hash ${appHash.slice(0, 8)}` : null, id ?? operation, principal, error];
  return words.filter(Boolean).join(" · ");
}

function row({ id, topic, data, at }) {
  const content = parsed(data);
  const version = content?.version;
  const whole = topic.startsWith("multistore.version.saved") && version;
  return h("li", {},
    h("details", {},
      h("summary", {}, h("span", { class: "event-topic" }, topic), h("span", { class: "event-gist" }, gist(content)), h("span", { class: "muted event-time" }, time(at))),
      h("pre", { class: "value" }, content ? JSON.stringify(content, null, 2) : data),
      h("p", { class: "muted" }, id ? `Number ${id}` : "", whole ? [" · ", h("a", { href: format({ page: "overview", version }) }, `go to version ${version}`)] : null)));
}

export function activityView(route) {
  const list = h("ol", { class: "events" });
  const told = h("p", { class: "told", role: "status" });
  const pause = h("button", { type: "button", "aria-pressed": paused ? "true" : "false", "data-focus": "pause" }, "Pause");
  const draw = () => {
    replace(list, kept.map(row));
    told.textContent = kept.length ? `${plural(kept.length, "event")} since the page was opened${kept.length === KEPT ? ", the newest only" : ""}` : "Nothing has happened since the page was opened.";
  };
  pause.addEventListener("click", () => {
    paused = !paused;
    pause.setAttribute("aria-pressed", paused ? "true" : "false");
    if (!paused) draw();
  });
  const onsubmit = (event) => {
    event.preventDefault();
    change({ pattern: new FormData(event.target).get("pattern").trim() });
  };
  draw();
  const content = [
    h("h1", {}, "Activity"),
    h("form", { class: "search", onsubmit },
      h("label", { for: "pattern" }, "Topics"),
      h("div", { class: "search-row" },
        h("input", { id: "pattern", name: "pattern", list: "patterns", autocomplete: "off", spellcheck: "false", value: route.pattern ?? "**", "data-focus": "pattern" }),
        h("datalist", { id: "patterns" }, ["**", "multistore.**", "store.**", "store.version.*", "store.transaction.*", "system.**", "system.service.*", "system.operation.*"].map((value) => h("option", { value }))),
        h("button", { type: "submit" }, "Listen"), pause),
      h("p", { class: "muted" }, "Segments between dots; * is any one segment, ** all further ones.")),
    told, list,
  ];
  return { content, update: () => paused || draw() };
}
