// Builds ics23.js: the ICS-23 verifier of the npm package @confio/ics23, with what it needs, as one ES module.
//
//   npm ci --ignore-scripts && npm run build     writes ics23.js
//   npm run check                                fails when ics23.js is not what the packages give
//
// The result is checked in, so that the program is built without npm.
import { readFile, writeFile, readdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const HERE = dirname(fileURLToPath(import.meta.url));
const TARGET = join(HERE, "ics23.js");

// protobufjs looks for optional packages with `eval("require")`. The page's Content-Security-Policy forbids eval, and they are not there.
const withoutEval = {
  name: "without-eval",
  setup(bundler) {
    bundler.onResolve({ filter: /^@protobufjs\/inquire$/ }, ({ path }) => ({ path, namespace: "nothing" }));
    bundler.onLoad({ filter: /.*/, namespace: "nothing" }, () => ({ contents: "module.exports = () => null;" }));
  },
};

/** The packages whose files are in the bundle, by name. */
function packagesOf(metafile) {
  const names = Object.keys(metafile.inputs).map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path)?.[1]);
  return [...new Set(names.filter(Boolean))].sort();
}

/** What a package's licence asks to be kept: its name, its version, its licence, and the licence's text if it comes with one. */
async function notice(name) {
  const folder = join(HERE, "node_modules", name);
  const { version, license } = JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  const file = (await readdir(folder)).find((entry) => /^licen[cs]e/i.test(entry));
  const text = file ? await readFile(join(folder, file), "utf8") : "The licence's text: https://www.apache.org/licenses/LICENSE-2.0\n";
  return `${name} ${version}, ${license}\n\n${text.trim()}\n`;
}

async function bundle() {
  const { outputFiles, metafile } = await build({
    absWorkingDir: HERE,
    entryPoints: ["entry.js"],
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    target: "es2022",
    minify: true,
    legalComments: "none",
    define: { global: "globalThis" },
    plugins: [withoutEval],
  });
  const notices = await Promise.all(packagesOf(metafile).map(notice));
  const head = "Made by build.mjs out of these packages; not to be edited.";
  const comment = [head, ...notices].join("\n----\n\n").replaceAll("*/", "* /");
  return `/*!\n${comment}*/\n${outputFiles[0].text}`;
}

const text = await bundle();
if (process.argv.includes("--check")) {
  const same = (await readFile(TARGET, "utf8")) === text;
  console.log(same ? "ics23.js is what the packages give" : "ics23.js is not what the packages give: npm run build");
  process.exitCode = same ? 0 : 1;
} else {
  await writeFile(TARGET, text);
  console.log(`wrote ics23.js, ${text.length} characters`);
}
