// Keeps a stream of events open, and says how it stands with it.
import { ApiError, address, request } from "./api.js";
import { EventReader } from "./sse.js";

/** The server sends a heartbeat more often than this; a stream that is silent for longer is dead. In milliseconds. */
const SILENCE = 60_000;
const FIRST_WAIT = 500;
const LONGEST_WAIT = 15_000;

export class Live extends EventTarget {
  /** "connecting", "live", "reconnecting" or "refused". */
  state = "connecting";
  #pattern;
  #stop = new AbortController();

  constructor(pattern) {
    super();
    this.#pattern = pattern;
    // Browsers know when the network comes back; no need to wait for the next try.
    addEventListener("online", () => this.reconnect());
    this.#run(this.#stop.signal);
  }

  get pattern() {
    return this.#pattern;
  }

  /** Hears other topics from now on. */
  listen(pattern) {
    if (pattern === this.#pattern) return;
    this.#pattern = pattern;
    this.reconnect();
  }

  reconnect() {
    this.#stop.abort();
    this.#stop = new AbortController();
    this.#run(this.#stop.signal);
  }

  #set(state, error) {
    this.state = state;
    this.dispatchEvent(new CustomEvent("state", { detail: { state, error } }));
  }

  async #run(signal) {
    let wait = FIRST_WAIT;
    while (!signal.aborted) {
      try {
        await this.#read(signal, () => (wait = FIRST_WAIT));
      } catch (error) {
        if (signal.aborted) return;
        if (error instanceof ApiError && [400, 401, 403, 404].includes(error.status)) return this.#set("refused", error);
      }
      if (signal.aborted) return;
      this.#set("reconnecting");
      await new Promise((resolve) => setTimeout(resolve, wait * (0.75 + Math.random() / 2)));
      wait = Math.min(wait * 2, LONGEST_WAIT);
    }
  }

  async #read(signal, onOpen) {
    const silence = new AbortController();
    let timer = setTimeout(() => silence.abort(), SILENCE);
    try {
      const options = { signal: AbortSignal.any([signal, silence.signal]), headers: { accept: "text/event-stream" } };
      const response = await request(address(["events"], { pattern: this.#pattern }), options);
      onOpen();
      this.#set("live");
      const reader = new EventReader();
      for await (const piece of chunks(response.body.pipeThrough(new TextDecoderStream()))) {
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), SILENCE);
        for (const event of reader.push(piece)) this.dispatchEvent(new CustomEvent("event", { detail: event }));
      }
    } finally {
      clearTimeout(timer);
    }
  }
}

/** What a stream gives; not every browser can iterate over one. */
async function* chunks(stream) {
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}
