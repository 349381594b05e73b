// Servers of their own for tests that need another one than that of the data set.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { needed } from "./browser.mjs";

const PROGRAM = needed("EXPLORER_TREERING", "the program treering, with its path");

/** A folder with a database, which `close` removes together with the server. */
export class Place {
  folder = mkdtempSync(join(tmpdir(), "treering-explorer-"));
  database = join(this.folder, "database");
  #server = null;

  constructor() {
    this.run("init", this.database);
  }

  /** Runs the program with these words, and gives what it printed. */
  run(...words) {
    return execFileSync(PROGRAM, words, { encoding: "utf8", cwd: this.folder, stdio: ["pipe", "pipe", "inherit"] });
  }

  /** The objects that the program prints with --json. */
  objects(...words) {
    return this.run(...words, "--json").trim().split("\n").filter(Boolean).map((line) => JSON.parse(line));
  }

  /** Runs operations, as `treering apply` takes them; `words` are further ones for it. */
  apply(operations, ...words) {
    const file = join(this.folder, "operations.jsonl");
    writeFileSync(file, operations.map((line) => `${JSON.stringify(line)}\n`).join(""));
    this.run("apply", this.database, file, "--utf8", ...words);
  }

  /** Serves the database, with further lines of configuration. Gives the address. */
  async serve(more = "") {
    const file = join(this.folder, "treering.toml");
    writeFileSync(file, `rootPath = ${JSON.stringify(this.database)}\n[http]\naddress = "127.0.0.1:0"\n${more}`);
    this.#server = spawn(PROGRAM, ["serve", "--config", file, "--json", "--log-level", "error"], { cwd: this.folder, stdio: ["ignore", "pipe", "inherit"] });
    const [line] = await once(createInterface(this.#server.stdout), "line");
    return `http://${JSON.parse(line).address}`;
  }

  async close() {
    if (this.#server?.exitCode === null) {
      this.#server.kill("SIGTERM");
      await once(this.#server, "exit");
    }
    rmSync(this.folder, { recursive: true });
  }
}
