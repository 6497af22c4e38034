// A node of Marque's, as anybody runs it, in a folder of its own.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { until } from "./until.mjs";

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

export class Marque {
  static async start(program, name) {
    const node = new Marque();
    node.program = program;
    node.folder = mkdtempSync(join(tmpdir(), "marque-mesh-"));
    writeFileSync(join(node.folder, "passphrase"), "a passphrase for tests");
    node.env = {
      MARQUE_DATA: join(node.folder, "data"), MARQUE_PASSPHRASE_FILE: join(node.folder, "passphrase"),
      MARQUE_KEYS__KDF_KIB: "64", MARQUE_MESH__SYNC_SECONDS: "1",
    };
    node.did = (await node.done("init", "--domain", name)).did;
    node.port = await freePort();
    await node.up();
    return node;
  }

  async up(variables = {}) {
    const file = join(this.env.MARQUE_DATA, "node.json");
    rmSync(file, { force: true });
    const free = ["public", "admin", "health"].flatMap((face) => [`--${face}`, "127.0.0.1:0"]);
    const argv = ["up", "--while-stdin", "--p2p", `/ip4/127.0.0.1/tcp/${this.port}`, ...free];
    this.child = spawn(this.program, argv, { env: { ...this.env, ...variables }, stdio: ["pipe", "ignore", "ignore"] });
    await until("the node is up", () => {
      assert.equal(this.child.exitCode, null, "the node ended");
      return existsSync(file);
    });
    this.about = JSON.parse(readFileSync(file, "utf8"));
  }

  // The peers of this process must be able to answer meanwhile.
  async run(...argv) {
    const options = { env: this.env, stdio: ["ignore", "pipe", "ignore"] };
    const child = spawn(this.program, [...argv, "--json"], options);
    const exit = new Promise((resolve, reject) => child.once("close", resolve).once("error", reject));
    const printed = Buffer.concat(await child.stdout.toArray()).toString();
    return { exit: await exit, json: JSON.parse(printed || "null") };
  }

  async done(...argv) {
    const { exit, json } = await this.run(...argv);
    assert.equal(exit, 0, `marque ${argv.join(" ")}: ${JSON.stringify(json)}`);
    return json;
  }

  // What `/metrics` says of a counter with these labels.
  async counted(name, labels = {}) {
    const text = await (await fetch(`http://${this.about.health}/metrics`)).text();
    const has = (line) => Object.entries(labels).every(([label, value]) => line.includes(`${label}="${value}"`));
    const lines = text.split("\n").filter((line) => line.startsWith(`marque_${name}`) && has(line));
    return lines.reduce((sum, line) => sum + Number(line.split(" ").at(-1)), 0);
  }

  async kill() {
    const ended = new Promise((resolve) => this.child.once("exit", resolve));
    this.child.kill("SIGKILL");
    await ended;
  }

  async stop() {
    if (this.child?.exitCode === null && this.child.signalCode === null) await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
