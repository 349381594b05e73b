// Calls of the HTTP API. The page lies in /explorer/ of the server, so its address tells where the API is, behind a proxy too.

const BASE = new URL("../v1/", import.meta.url);
const TOKEN = "treering.token";

let token = null;
try {
  token = sessionStorage.getItem(TOKEN);
} catch {
  // Without storage the token lasts as long as the page.
}

/** Asks a person for a token: gives it, or null when they will not. The page sets it; see `dialogs.js`. */
let askForToken = async () => null;
export const onTokenNeeded = (ask) => (askForToken = ask);

export const hasToken = () => token !== null;

/** Keeps a token for as long as the tab is open; null forgets it. */
export function setToken(value) {
  token = value;
  try {
    if (value === null) sessionStorage.removeItem(TOKEN);
    else sessionStorage.setItem(TOKEN, value);
  } catch {
    // See above.
  }
}

/** A call that failed, with what the server said about it. */
export class ApiError extends Error {
  constructor(status, { code, message, details, request_id: requestId }) {
    super(message);
    Object.assign(this, { name: "ApiError", status, code, details: details ?? {}, requestId });
  }
}

/** The address of something in the API: path segments are encoded, query values that are null or undefined are left out. */
export function address(path, query = {}) {
  const url = new URL(path.map(encodeURIComponent).join("/"), BASE);
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined) url.searchParams.set(name, value);
  }
  return url;
}

async function failure(response) {
  try {
    const { error } = await response.json();
    if (error?.code) return new ApiError(response.status, error);
  } catch {
    // No JSON: the answer comes from something between, such as a proxy.
  }
  return new ApiError(response.status, { code: `http_${response.status}`, message: `The server answered ${response.status} ${response.statusText}` });
}

async function send(url, options) {
  const headers = new Headers(options.headers);
  if (token !== null) headers.set("authorization", `Bearer ${token}`);
  try {
    return await fetch(url, { ...options, headers, cache: "no-store" });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new ApiError(0, { code: "unreachable", message: "The server does not answer." });
  }
}

/** Sends a request, asks for a token when one is needed, and gives the response when it is a success. */
export async function request(url, options = {}) {
  for (;;) {
    const used = token;
    const response = await send(url, options);
    if (response.ok) return response;
    const error = await failure(response);
    if (response.status !== 401 || options.unasked) throw error;
    // Another call may have got a token meanwhile: then that one is tried first.
    if (token === used) {
      const answer = await askForToken(used !== null);
      if (answer === null) throw error;
      setToken(answer);
    }
  }
}

/** The JSON of GET /v1/{path}. */
export async function get(path, query, signal) {
  return (await request(address(path, query), { signal })).json();
}
