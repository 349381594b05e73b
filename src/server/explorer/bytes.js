// Bytes and their notations. On the wire all keys and values are hex; text is only how people see and type them.

const strictUtf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const utf8 = new TextEncoder();

/** The bytes of hex digits, with or without 0x; null when it is no hex. */
export function fromHex(hex) {
  const digits = hex.trim().replace(/^0x/i, "");
  if (digits.length % 2 || /[^0-9a-f]/i.test(digits)) return null;
  return Uint8Array.from({ length: digits.length / 2 }, (_, at) => Number.parseInt(digits.slice(2 * at, 2 * at + 2), 16));
}

/** Lower-case hex digits. */
export function toHex(bytes) {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** The bytes of a text in UTF-8. */
export const fromText = (text) => utf8.encode(text);

/** The text that the bytes are in UTF-8; null when they are none. */
export function toText(bytes) {
  try {
    return strictUtf8.decode(bytes);
  } catch {
    return null;
  }
}

/** The text of bytes that people can read: UTF-8 without control characters (but for line ends and tabs where `lines` is set). */
export function toPrintable(bytes, { lines = false } = {}) {
  const text = toText(bytes);
  if (text === null || text === "") return text === "" && lines ? "" : null;
  const rest = lines ? text.replace(/[\n\r\t]/g, "") : text;
  return /[\p{Cc}\p{Cf}\p{Co}\p{Cn}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]/u.test(rest) ? null : text;
}

/** How a key or value, given as hex, is shown: { text, kind }. What cannot be shown as text is shown as hex. */
export function show(hex, notation = "text") {
  const text = notation === "text" ? toPrintable(fromHex(hex) ?? new Uint8Array()) : null;
  return text === null ? { text: hex ? `0x${hex}` : "(empty)", kind: "hex" } : { text, kind: "text" };
}

/** What a person typed, as hex; { error } says what is wrong with it. */
export function parse(typed, notation) {
  if (notation === "text") return { hex: toHex(fromText(typed)) };
  const bytes = fromHex(typed.replace(/\s+/g, ""));
  return bytes ? { hex: toHex(bytes) } : { error: "Hex is pairs of the digits 0-9 and a-f, such as 616c. Switch to text to search for letters." };
}

/** Whether the bytes are a JSON object or list. */
function isJson(text) {
  if (!/^\s*[[{]/.test(text)) return false;
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

/**
 * The bytes as JSON with a line for every member, if they are a JSON object or list; else null. Only the room between its parts changes:
 * numbers keep all their digits, and members their order.
 */
export function toPrettyJson(bytes) {
  const text = toText(bytes);
  if (text === null || !isJson(text)) return null;
  const parts = text.match(/"(?:[^"\\]|\\.)*"|[[\]{}:,]|[^\s[\]{}:,"]+/g);
  let depth = 0;
  let pretty = "";
  const line = () => `\n${"  ".repeat(depth)}`;
  parts.forEach((part, at) => {
    const opens = part === "{" || part === "[";
    const closes = part === "}" || part === "]";
    const wasOpened = /^[[{]$/.test(parts[at - 1] ?? "");
    if (closes) depth--;
    if (closes && !wasOpened) pretty += line();
    if (!closes && (wasOpened || parts[at - 1] === ",")) pretty += line();
    pretty += part === ":" ? ": " : part;
    if (opens) depth++;
  });
  return pretty;
}

/** Which of two keys comes first: below, at or above 0, as for sort(). */
export function compare(a, b) {
  const shorter = Math.min(a.length, b.length);
  for (let at = 0; at < shorter; at++) if (a[at] !== b[at]) return a[at] - b[at];
  return a.length - b.length;
}

export const equal = (a, b) => a.length === b.length && compare(a, b) === 0;

/** All parts, one after the other. */
export function concat(...parts) {
  const all = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}

/** Rows of 16 bytes: offset, hex, letters. */
export function hexDump(bytes) {
  const rows = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const row = bytes.subarray(at, at + 16);
    const digits = Array.from(row, (byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const letters = Array.from(row, (byte) => (byte >= 32 && byte < 127 ? String.fromCharCode(byte) : "·")).join("");
    rows.push(`${at.toString(16).padStart(6, "0")}  ${digits.padEnd(47)}  ${letters}`);
  }
  return rows.join("\n");
}
