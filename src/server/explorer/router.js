// What the page shows is in its address, after the #: #/stores/bank?version=5&key=616c. So back works, and links can be shared.
//
// | page | address | parameters |
// |---|---|---|
// | all stores | #/ | version |
// | a store | #/stores/NAME | version, prefix, after or before (a page of keys), key, tab; keys in hex |
// | differences | #/stores/NAME/diff | version, from, to, prefix, after |
// | events | #/activity | version, pattern |

const PARAMETERS = ["version", "from", "to", "prefix", "after", "before", "key", "tab", "pattern"];

/** The route of an address: { page, store?, ...parameters }. Unknown pages give { page: "unknown" }. */
export function parse(fragment) {
  const [path, query = ""] = fragment.replace(/^#/, "").split("?", 2);
  const parameters = new URLSearchParams(query);
  const route = {};
  for (const name of PARAMETERS) if (parameters.has(name)) route[name] = parameters.get(name);
  let segments;
  try {
    segments = path.split("/").filter(Boolean).map(decodeURIComponent);
  } catch {
    return { page: "unknown" };
  }
  const [first, store, view] = segments;
  if (first === undefined) return { ...route, page: "overview" };
  if (first === "activity" && store === undefined) return { ...route, page: "activity" };
  if (first === "stores" && store && view === undefined) return { ...route, page: "store", store };
  if (first === "stores" && store && view === "diff" && segments.length === 3) return { ...route, page: "diff", store };
  return { page: "unknown" };
}

/** The address of a route. */
export function format({ page, store, ...rest }) {
  const paths = { overview: "/", activity: "/activity", store: `/stores/${encodeURIComponent(store)}`, diff: `/stores/${encodeURIComponent(store)}/diff` };
  const parameters = new URLSearchParams();
  for (const name of PARAMETERS) {
    const value = rest[name];
    if (value !== undefined && value !== null && value !== "") parameters.set(name, value);
  }
  const query = parameters.toString();
  return `#${paths[page]}${query && `?${query}`}`;
}

/** The route that the page shows. */
export const current = () => parse(location.hash);

/** The address of the current route with some things changed. */
export const changed = (changes) => format({ ...current(), ...changes });

export function go(route) {
  location.hash = format(route);
}

/** Goes to the current route with some things changed. */
export const change = (changes) => go({ ...current(), ...changes });
