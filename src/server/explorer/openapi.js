// Reads an OpenAPI description: no elements here.

const METHODS = ["get", "put", "post", "patch", "delete", "head", "options"];

/** What a `$ref` of the same document points to; other things are given back. */
export function resolve(spec, part) {
  let found = part;
  for (let step = 0; found?.$ref && step < 16; step++) {
    const names = found.$ref.replace(/^#\//, "").split("/").map((name) => name.replaceAll("~1", "/").replaceAll("~0", "~"));
    found = names.reduce((at, name) => at?.[name], spec);
  }
  return found ?? {};
}

/** The operations by their first tag, in the order of the document's tags: [{ name, description, operations }]. */
export function groups(spec) {
  const known = new Map((spec.tags ?? []).map(({ name, description }) => [name, { name, description, operations: [] }]));
  for (const [path, item] of Object.entries(spec.paths ?? {})) {
    for (const method of METHODS.filter((name) => item[name])) {
      const operation = item[method];
      const name = operation.tags?.[0] ?? path.split("/").find((part) => part && part !== "v1") ?? "other";
      if (!known.has(name)) known.set(name, { name, operations: [] });
      const parameters = [...(item.parameters ?? []), ...(operation.parameters ?? [])].map((part) => resolve(spec, part));
      const id = operation.operationId ?? `${method}-${path.replace(/[^a-z0-9]+/gi, "-")}`;
      known.get(name).operations.push({ method, path, id, operation, parameters });
    }
  }
  return [...known.values()].filter(({ operations }) => operations.length);
}

const nameOf = (ref) => ref.split("/").at(-1);

/** A schema's type in few words, in parts: { text } or { link: name of a schema }. */
export function schemaLinks(schema) {
  if (schema === undefined || schema === true) return [{ text: "any" }];
  if (schema.$ref) return [{ link: nameOf(schema.$ref) }];
  const choices = schema.oneOf ?? schema.anyOf;
  if (choices) return choices.flatMap((choice, at) => [...(at ? [{ text: " or " }] : []), ...schemaLinks(choice)]);
  if (schema.allOf?.length === 1) return schemaLinks(schema.allOf[0]);
  if (schema.const !== undefined) return [{ text: JSON.stringify(schema.const) }];
  if (schema.enum) return [{ text: schema.enum.map((value) => JSON.stringify(value)).join(" or ") }];
  const types = [schema.type ?? "any"].flat();
  if (types.includes("array")) return [{ text: "list of " }, ...schemaLinks(schema.items), ...(types.includes("null") ? [{ text: " or null" }] : [])];
  const facts = [schema.format, schema.minimum === undefined ? null : `from ${schema.minimum}`, schema.maximum === undefined ? null : `to ${schema.maximum}`,
    schema.default === undefined || schema.default === null ? null : `default ${JSON.stringify(schema.default)}`].filter(Boolean);
  return [{ text: types.join(" or ") + (facts.length ? ` (${facts.join(", ")})` : "") }];
}

/** The object that a schema is, or that a list of it holds; undefined when it is neither, or is named and so shown elsewhere. */
function objectIn(spec, schema, isTop) {
  const own = isTop ? resolve(spec, schema) : schema;
  if (!own || own.$ref) return undefined;
  if (own.properties) return own;
  return own.items ? objectIn(spec, own.items, false) : undefined;
}

/** The fields of a schema, and of the objects without names inside it: [{ depth, name, required, schema }]. */
export function outline(spec, schema, depth = 0) {
  const parts = [schema, ...(resolve(spec, schema).allOf ?? []).map((part) => resolve(spec, part))];
  return parts.flatMap((part) => {
    const object = objectIn(spec, part, depth === 0);
    return Object.entries(object?.properties ?? {}).flatMap(([name, field]) => [
      { depth, name, required: object.required?.includes(name) ?? false, schema: field },
      ...(depth < 6 ? outline(spec, field === true ? {} : field, depth + 1) : []),
    ]);
  });
}

/** What a reader knows from the README, for fields and parameters that have no example. */
const WORDS = { store: "bank", key: "616c696365", value: "3634", name: "bank", to: "gov", data: "616c696365", path: "/store/bank/key", file: "app.js" };
const NUMBERS = { version: 1, from: 1, to: 2, last: 100 };

/** A value that fits a schema, for an example. */
export function sample(spec, schema, name, depth = 0) {
  const own = resolve(spec, schema);
  const known = own.example ?? own.examples?.[0] ?? own.default ?? own.const ?? own.enum?.[0];
  if (known !== undefined && known !== null) return known;
  const choices = own.oneOf ?? own.anyOf;
  if (choices) return sample(spec, choices.find((choice) => choice.type !== "null") ?? choices[0], name, depth + 1);
  const type = [own.type].flat().find((each) => each !== "null");
  if (type === "array") return depth < 5 ? [sample(spec, own.items ?? {}, name, depth + 1)] : [];
  if (type === "integer" || type === "number") return NUMBERS[name] ?? own.minimum ?? 1;
  if (type === "boolean") return false;
  if (type === "string") return WORDS[name] ?? "text";
  if (!own.properties || depth > 4) return {};
  const required = Object.keys(own.properties).filter((field) => own.required?.includes(field));
  return Object.fromEntries(required.map((field) => [field, sample(spec, own.properties[field], field, depth + 1)]));
}

const quoted = (text) => `'${text.replaceAll("'", "'\\''")}'`;

/** A command that calls an operation. `base` is the server's address. */
export function curl(spec, { method, path, operation, parameters }, base) {
  const value = ({ name, example, schema }) => String(example ?? sample(spec, schema ?? { type: "string" }, name));
  const filled = path.replace(/\{\*?([^}]+)\}/g, (_, name) => encodeURIComponent(value(parameters.find((part) => part.in === "path" && part.name === name) ?? { name })));
  const query = parameters.filter((part) => part.in === "query" && (part.required || part.example !== undefined));
  const url = new URL(filled.replace(/^\//, ""), base);
  for (const part of query) url.searchParams.set(part.name, value(part));
  const words = ["curl"];
  if (method !== "get") words.push("-X", method.toUpperCase());
  const body = operation.requestBody && resolve(spec, operation.requestBody).content?.["application/json"];
  if (body) words.push("-H", quoted("content-type: application/json"), "-d", quoted(JSON.stringify(body.example ?? sample(spec, body.schema ?? {}))));
  return [...words, quoted(url.href)].join(" ");
}
