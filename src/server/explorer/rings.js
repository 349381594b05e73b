// The geometry of tree rings: no elements here, only numbers and paths. The oldest version is in the middle, the newest outside.

/** The picture's side, in its own units. */
export const SIDE = 320;
const CENTRE = SIDE / 2;
const OUTER = 146;
const PITH = 12;
const POINTS = 72;

/** A number from 0 to 1 that belongs to a text; the same text always gives the same trunk. */
function seed(text) {
  let state = 2166136261;
  for (const letter of text) state = Math.imul(state ^ letter.codePointAt(0), 16777619);
  return (state >>> 0) / 2 ** 32;
}

/** How a trunk grew: it is not quite round, in its own way, and more so outside. Rings of one trunk never cross. */
function trunk(name) {
  const turn = seed(name) * 2 * Math.PI;
  const bend = seed(`${name} bend`);
  return (angle, radius) => {
    const drift = radius / 140;
    return (
      radius *
      (1 +
        0.022 * Math.sin(2 * angle + turn + 0.5 * drift) +
        (0.01 + 0.012 * bend) * Math.sin(3 * angle - 2 * turn + 0.4 * drift) +
        0.006 * Math.sin(5 * angle + 3 * turn + drift))
    );
  };
}

/** A closed smooth line at a radius, as the data of a path. `backwards` makes it a hole of the line before. */
function outline(shape, radius, backwards = false) {
  const points = Array.from({ length: POINTS }, (_, at) => {
    const angle = ((backwards ? POINTS - at : at) / POINTS) * 2 * Math.PI;
    const distance = shape(angle, radius);
    return [CENTRE + distance * Math.cos(angle), CENTRE + distance * Math.sin(angle)];
  });
  const middle = ([ax, ay], [bx, by]) => `${((ax + bx) / 2).toFixed(1)} ${((ay + by) / 2).toFixed(1)}`;
  const curves = points.map((point, at) => `Q${point[0].toFixed(1)} ${point[1].toFixed(1)} ${middle(point, points[(at + 1) % POINTS])}`);
  return `M${middle(points.at(-1), points[0])}${curves.join("")}Z`;
}

/**
 * The rings for weights (any numbers from 0 up), the innermost first: { inner, outer, band, edge } each, radii and path data. The widths
 * grow more slowly than the weights, so that one great ring leaves room for others; none is narrower than `least`.
 */
export function rings(name, weights) {
  const shape = trunk(name);
  const room = OUTER - PITH;
  const least = Math.min(2.4, (room * 0.45) / Math.max(weights.length, 1));
  const roots = weights.map((weight) => Math.max(weight, 0) ** 0.65);
  const sum = roots.reduce((total, root) => total + root, 0);
  const spare = room - least * weights.length;
  // Few versions make a thin trunk that has room to grow.
  const scale = Math.min(sum ? spare / sum : 0, weights.length ? (spare * 4) / weights.length / Math.max(...roots, 1e-9) : 0);
  const fair = sum ? 0 : Math.min(spare / Math.max(weights.length, 1), 8);
  let at = PITH;
  return roots.map((root) => {
    const inner = at;
    at += least + fair + root * scale;
    return { inner, outer: at, band: `${outline(shape, at)}${outline(shape, inner, true)}`, edge: outline(shape, at) };
  });
}

/** The pith in the middle, and the bark around a radius. */
export const pith = (name) => outline(trunk(name), PITH);
export const bark = (name, radius) => outline(trunk(name), radius + 3.5);

/**
 * How wide each version's ring is by a measure: "growth" (keys more or fewer than before), "size", or "changes" (from `changes`, by version).
 */
export function weigh(entries, measure, changes) {
  return entries.map(({ size, version, same, isNew, before }, at) => {
    if (measure === "size") return size;
    if (measure === "changes") return changes?.get(version) ?? 0;
    if (same) return 0;
    const previous = isNew ? 0 : before?.size ?? entries[at - 1]?.size;
    return previous === undefined ? 1 : 1 + Math.abs(size - previous);
  });
}
