// The explorer's parts that need no browser.
import assert from "node:assert/strict";
import { test } from "node:test";
import * as bytes from "../../src/server/explorer/bytes.js";
import { rings, weigh } from "../../src/server/explorer/rings.js";
import { format, parse } from "../../src/server/explorer/router.js";
import { EventReader } from "../../src/server/explorer/sse.js";
import { curl, groups, outline } from "../../src/server/explorer/openapi.js";

test("hex, text and their opposites", () => {
  assert.deepEqual(bytes.fromHex("0x00Ff"), Uint8Array.of(0, 255));
  assert.equal(bytes.fromHex("0f0"), null);
  assert.equal(bytes.fromHex("zz"), null);
  for (const text of ["", "alice", "größe ✓", "😀"]) assert.equal(bytes.toText(bytes.fromHex(bytes.toHex(bytes.fromText(text)))), text);
  assert.equal(bytes.toText(Uint8Array.of(0xff)), null);
});

test("what a person could not read, or could be misled by, is shown as hex", () => {
  for (const text of ["a\u0000b", "a\nb", "a\u202eb", "\u200b", "\ue000"]) assert.equal(bytes.show(bytes.toHex(bytes.fromText(text))).kind, "hex", JSON.stringify(text));
  assert.deepEqual(bytes.show("616c696365"), { text: "alice", kind: "text" });
  assert.deepEqual(bytes.show("616c696365", "hex"), { text: "0x616c696365", kind: "hex" });
});

test("JSON keeps its numbers and members when it is made pretty", () => {
  const pretty = (text) => bytes.toPrettyJson(bytes.fromText(text));
  assert.equal(pretty('{"b":12345678901234567890.10,"b":[1, 2,{}],"a":"x, \\"y\\": {"}'), '{\n  "b": 12345678901234567890.10,\n  "b": [\n    1,\n    2,\n    {}\n  ],\n  "a": "x, \\"y\\": {"\n}');
  for (const value of [{}, [], { a: [], b: {} }, [[], [[]], [{ a: 1 }]], { "a:b": "c,d", e: [null, true, -1.5e3] }]) {
    assert.equal(pretty(JSON.stringify(value)), JSON.stringify(value, null, 2));
  }
  for (const text of ["12", '"text"', "{", "[1,]", ""]) assert.equal(pretty(text), null);
});

test("rows of hex have offsets and letters", () => {
  const rows = bytes.hexDump(bytes.fromText("0123456789abcdefXY")).split("\n");
  assert.equal(rows[0], "000000  30 31 32 33 34 35 36 37 38 39 61 62 63 64 65 66  0123456789abcdef");
  assert.match(rows[1], /^000010 {2}58 59 +XY$/);
});

test("routes survive their address", () => {
  const routes = [
    { page: "overview" }, { page: "overview", version: "5" }, { page: "activity", pattern: "store.**" },
    { page: "store", store: "a b/c?&", version: "5", key: "616c", tab: "proof" },
    { page: "diff", store: "größe", from: "1", to: "2", prefix: "00", after: "ff" },
  ];
  for (const route of routes) assert.deepEqual(parse(format(route)), route);
  assert.deepEqual(parse("#/stores/bank?version=5&key=616c"), { page: "store", store: "bank", version: "5", key: "616c" });
  for (const odd of ["#/x", "#/stores", "#/stores/a/b/c", "#/stores/%ff"]) assert.equal(parse(odd).page, "unknown", odd);
});

test("a stream of events gives the same events however it is cut", () => {
  const stream = ": hello\n\nid: 1\nevent: a.b\ndata: {\"x\":\ndata: 1}\n\r\nid: 2\r\ndata:no space\r\n\r\nevent: lost\n\nretry: 5\ndata: ä\rid: 3\r\rdata: unfinished\n";
  const expected = [
    { id: "1", event: "a.b", data: '{"x":\n1}' }, { id: "2", event: "message", data: "no space" }, { id: "3", event: "message", data: "ä" },
  ];
  for (let size = 1; size <= stream.length; size++) {
    const reader = new EventReader();
    const events = [];
    for (let at = 0; at < stream.length; at += size) events.push(...reader.push(stream.slice(at, at + size)));
    assert.deepEqual(events, expected, `pieces of ${size}`);
  }
});

test("rings lie one around the other, and wide ones belong to great weights", () => {
  for (const weights of [[], [0], [5], [0, 0, 0], Array.from({ length: 32 }, (_, at) => (at * 7919) % 1000), [1, 1e12, 1]]) {
    const drawn = rings("bank", weights);
    assert.equal(drawn.length, weights.length);
    let edge = drawn[0]?.inner;
    for (const { inner, outer } of drawn) {
      assert.equal(inner, edge);
      assert.ok(outer > inner);
      edge = outer;
    }
    assert.ok((edge ?? 0) <= 146.001, String(edge));
    const order = [...drawn.keys()].sort((a, b) => weights[a] - weights[b]);
    for (let at = 1; at < order.length; at++) {
      const width = (index) => drawn[index].outer - drawn[index].inner;
      assert.ok(width(order[at]) >= width(order[at - 1]) - 1e-9);
    }
  }
});

test("rings weigh what they are asked to", () => {
  const entries = [{ version: 1, size: 5 }, { version: 2, size: 5, same: true }, { version: 3, size: 2 }];
  assert.deepEqual(weigh(entries, "size"), [5, 5, 2]);
  assert.deepEqual(weigh(entries, "growth"), [1, 0, 4]);
  assert.deepEqual(weigh(entries, "changes", new Map([[1, 5], [3, 9]])), [5, 0, 9]);
});

test("an OpenAPI description is read with its references", () => {
  const spec = {
    paths: { "/v1/stores/{store}": { parameters: [{ $ref: "#/components/parameters/store" }], patch: { requestBody: { content: { "application/json": { schema: { $ref: "#/components/schemas/Rename" } } } } } } },
    components: { parameters: { store: { name: "store", in: "path" } }, schemas: { Rename: { type: "object", required: ["name"], properties: { name: { type: "string", example: "it's" }, more: { type: "array", items: { type: "object", properties: { deep: {} } } } } } } },
  };
  const [group] = groups(spec);
  assert.equal(group.name, "stores");
  assert.deepEqual(outline(spec, { $ref: "#/components/schemas/Rename" }).map(({ depth, name, required }) => [depth, name, required]), [[0, "name", true], [0, "more", false], [1, "deep", false]]);
  const command = curl(spec, group.operations[0], "http://host/");
  assert.equal(command, `curl -X PATCH -H 'content-type: application/json' -d '{"name":"it'\\''s"}' 'http://host/v1/stores/bank'`);
});
