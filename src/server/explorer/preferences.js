// What a person chose on this machine. Browsers may forbid storage; then choices last as long as the page.

const remembered = new Map();

export function preference(name, fallback) {
  if (remembered.has(name)) return remembered.get(name);
  try {
    return localStorage.getItem(`treering.${name}`) ?? fallback;
  } catch {
    return fallback;
  }
}

export function prefer(name, value) {
  remembered.set(name, value);
  try {
    localStorage.setItem(`treering.${name}`, value);
  } catch {
    // The choice lasts as long as the page.
  }
}

/** "text" or "hex". */
export const notation = () => (preference("notation", "text") === "hex" ? "hex" : "text");
