// Reads a stream of server-sent events. EventSource cannot send a token, so the page reads the stream itself.

/** Takes the text of a stream as it comes, in pieces of any size, and gives the events that are complete. */
export class EventReader {
  #rest = "";
  #fields = { event: "message", data: [] };
  lastId = "";

  push(piece) {
    const events = [];
    const text = this.#rest + piece;
    // A carriage return at the end may be the first half of a line end.
    const end = text.endsWith("\r") ? text.length - 1 : text.length;
    const lines = text.slice(0, end).split(/\r\n|\n|\r/);
    this.#rest = lines.pop() + text.slice(end);
    for (const line of lines) this.#line(line, events);
    return events;
  }

  #line(line, events) {
    if (line === "") {
      const { event, data } = this.#fields;
      if (data.length) events.push({ id: this.lastId, event, data: data.join("\n") });
      this.#fields = { event: "message", data: [] };
      return;
    }
    const colon = line.indexOf(":");
    if (colon === 0) return;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (name === "data") this.#fields.data.push(value);
    else if (name === "event") this.#fields.event = value;
    else if (name === "id") this.lastId = value;
  }
}
