// A failed call, shown where its answer would be: what the server said, its code, and what to do.
import { h } from "./dom.js";
import { changed, current, format } from "./router.js";

/** What to do about an error, as elements. */
function advice({ code, status, details }) {
  const versions = () => [
    details.oldest ? h("a", { href: changed({ version: details.oldest }) }, `Go to the oldest version, ${details.oldest}`) : null,
    h("a", { href: changed({ version: null }) }, "Go to the newest version"),
  ];
  const stores = () => [h("a", { href: format({ page: "overview", version: current().version }) }, "See the stores there are")];
  switch (code) {
    case "no_version":
    case "no_multi_version":
      return versions();
    case "no_store":
      return stores();
    case "unreachable":
      return ["See whether the server runs, and whether this machine reaches it."];
    case "unauthenticated":
      return ["Try again, and enter a token that the server knows. Who runs the server makes one: treering token new NAME --role read --file tokens.toml"];
    case "denied":
      return ["Your token may not do this. Ask who runs the server for one with the role that it needs."];
    case "deadline_exceeded":
      return ["It took too long. Ask for less at once, or try again when the server has less to do."];
    case "unsupported":
      return ["This can be asked for in another form; the message says which."];
    case "invalid_input":
      return ["Change what was asked for.", ...versions().slice(1)];
    default:
      return [status >= 500 ? "Try again. If it stays, the server's log says more under the request's id." : "Change what was asked for, or go back."];
  }
}

/** The box that tells an error. `retry` is called by its button. */
export function errorBox(error, retry) {
  const { code = "page_error", message, requestId } = error;
  if (code === "page_error") console.error(error);
  return h("div", { class: "error", role: "alert" },
    h("p", { class: "error-message" }, message),
    h("p", { class: "error-code" }, h("code", {}, code), requestId ? [" · request ", h("code", {}, requestId)] : null),
    h("p", { class: "error-advice" }, advice({ details: {}, ...error, code }).flatMap((part, at) => (part ? [at ? " · " : "", part] : []))),
    retry ? h("button", { type: "button", onclick: retry, "data-focus": "retry" }, "Try again") : null);
}
