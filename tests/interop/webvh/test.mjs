// Marque and didwebvh-ts read each other's did:webvh logs, and refuse the same ones.
//
//   node test.mjs PATH_OF_MARQUE FOLDER_OF_LOGS_BY_MARQUE

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, readdirSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { TS_ACCEPTS, TS_OLDER_VERSION } from "./differences.mjs";
import { RULE_BREAKERS, TAMPERED, WELL_FORGED } from "./forge.mjs";
import * as read from "./read.mjs";
import { written } from "./write.mjs";

const [program, marqueLogs] = process.argv.slice(2);
const folder = mkdtempSync(join(tmpdir(), "marque-interop-"));

// didwebvh-ts fetches proofs that it was not given, and speaks while it does. Nothing here has a network.
let published;
globalThis.fetch = async () => {
  if (published === undefined) throw new Error("no network");
  return new Response(JSON.stringify(published));
};
console.warn = console.error = () => {};

const counts = { logs: 0, versions: 0, comparisons: 0, refused: 0, olderVersions: 0 };
const differences = new Map();
let last = 0;

function put(text) {
  const name = join(folder, String(last++));
  writeFileSync(`${name}.jsonl`, text.log);
  if (text.witness !== undefined) writeFileSync(`${name}.json`, text.witness);
  return { log: `${name}.jsonl`, witness: text.witness === undefined ? undefined : `${name}.json` };
}

async function both(text, did, query) {
  return [read.marque(program, put(text), did, query), await read.ts(text, did, query)];
}

async function agree(name, text, did, query) {
  const [ours, theirs] = await both(text, did, query);
  assert.ok(ours.facts, `${name}: Marque refuses: ${ours.refused}`);
  assert.ok(theirs.facts, `${name}: didwebvh-ts refuses: ${theirs.refused}`);
  if (query !== undefined && ours.facts.deactivated) {
    assert.equal(theirs.facts.deactivated, false, `${name}: didwebvh-ts follows by now: see differences.mjs`);
    theirs.facts.deactivated = true;
    counts.olderVersions += 1;
  }
  assert.deepEqual(ours.facts, theirs.facts, `${name}, ${JSON.stringify(query)}`);
  counts.comparisons += 1;
  return ours.facts;
}

// Every version, by number, by id and by time, and the newest.
async function agreeOnEveryVersion(name, text) {
  const entries = text.log.trim().split("\n").map((line) => JSON.parse(line));
  const did = entries.at(-1).state.id;
  const isOver = entries.at(-1).parameters.deactivated === true;
  const newest = await agree(name, text, did);
  assert.equal(newest.versionId, entries.at(-1).versionId, name);
  assert.equal(newest.deactivated, isOver, name);
  assert.equal(newest.created, entries[0].versionTime, name);
  for (const [at, entry] of entries.entries()) {
    counts.versions += 1;
    // A version that ends the DID has no document; that it is the newest was compared above.
    if (entry.parameters.deactivated === true) continue;
    const after = new Date(Date.parse(entry.versionTime) + 1000).toISOString().replace(".000Z", "Z");
    for (const query of [{ versionNumber: at + 1 }, { versionId: entry.versionId }, { versionTime: after }]) {
      const facts = await agree(name, text, did, query);
      assert.equal(facts.versionId, entry.versionId, `${name}, ${JSON.stringify(query)}`);
      assert.equal(facts.deactivated, isOver, `${name}, ${JSON.stringify(query)}`);
    }
  }
  // An older name of a DID that moved is still answered, by both.
  if (entries[0].state.id !== did) await agree(name, text, entries[0].state.id);
  counts.logs += 1;
}

// What the forger would be to blame for.
const CLUMSY = /hash does not fit|SCID is not the hash|signature does not verify/;

async function refused(how, where, text, did) {
  const name = `${how}${where}`;
  const [ours, theirs] = await both(text, did);
  assert.ok(ours.refused, `${name}: Marque accepts it`);
  assert.equal(ours.exit, 3, `${name}: ${ours.refused}`);
  if (how in RULE_BREAKERS) assert.doesNotMatch(ours.refused, CLUMSY, `${name}: it is not the rule that is broken`);
  if (how in TS_ACCEPTS) {
    assert.ok(theirs.facts, `${name}: didwebvh-ts refuses it by now (${theirs.refused}): see differences.mjs`);
    differences.set(how, [...(differences.get(how) ?? []), ours.refused]);
  } else {
    assert.ok(theirs.refused, `${name}: didwebvh-ts accepts it`);
    counts.refused += 1;
  }
}

async function refuseTampered(where, text) {
  const did = JSON.parse(text.log.trim().split("\n").at(-1)).state.id;
  for (const [how, tamper] of Object.entries(TAMPERED)) {
    const tampered = tamper(text);
    if (tampered) await refused(how, where, tampered, did);
  }
  await refused("another DID is asked for", where, text, did.replace(/:[^:]*$/, ":evil.example"));
}

async function refuseRuleBreakers() {
  for (const [name, make] of Object.entries(WELL_FORGED)) {
    const entries = await make();
    await agree(name, asText(entries), entries.at(-1).state.id);
  }
  for (const [name, make] of Object.entries(RULE_BREAKERS)) {
    const entries = await make();
    await refused(name, "", asText(entries), entries.at(-1).state.id);
  }
}

const asText = (entries) => ({ log: entries.map((entry) => `${JSON.stringify(entry)}\n`).join("") });

const byMarque = Object.fromEntries(
  readdirSync(marqueLogs).filter((file) => file.endsWith(".jsonl")).map((file) => {
    const name = join(marqueLogs, file.slice(0, -".jsonl".length));
    const witness = `${name}.witness.json`;
    const text = { log: readFileSync(`${name}.jsonl`, "utf8") };
    return [file.slice(0, -".jsonl".length), existsSync(witness) ? { ...text, witness: readFileSync(witness, "utf8") } : text];
  })
);
const byTs = Object.fromEntries(
  Object.entries(await written((proofs) => (published = proofs))).map(([name, { log, proofs }]) => [
    name, { ...asText(log), ...(proofs ? { witness: JSON.stringify(proofs) } : {}) },
  ])
);

try {
  assert.deepEqual(Object.keys(byMarque).sort(), Object.keys(byTs).sort(), "both make the same histories");
  for (const [maker, logs] of [["Marque", byMarque], ["didwebvh-ts", byTs]]) {
    for (const [name, text] of Object.entries(logs)) {
      await agreeOnEveryVersion(`${name} by ${maker}`, text);
      await refuseTampered(` (${name} by ${maker})`, text);
    }
  }
  await refuseRuleBreakers();
} finally {
  rmSync(folder, { recursive: true });
}

assert.deepEqual([...differences.keys()].sort(), Object.keys(TS_ACCEPTS).sort(), "each known difference was seen");

console.log(
  `did:webvh, Marque and didwebvh-ts: ${counts.logs} logs, ${counts.versions} versions, ` +
    `${counts.comparisons} equal answers, ${counts.refused} bad logs refused by both`
);
for (const [how, refusals] of differences) {
  console.log(`DIFFERENCE in ${refusals.length} logs: didwebvh-ts accepts ${how}.`);
  console.log(`  did:webvh 1.0, ${TS_ACCEPTS[how]}.`);
  console.log(`  Marque: ${[...new Set(refusals.map((r) => r.replace(/entry \d+/, "entry n")))].join("; ")}`);
}
console.log(`DIFFERENCE in ${counts.olderVersions} answers: an older version of a deactivated DID.`);
console.log(`  did:webvh 1.0, ${TS_OLDER_VERSION}.`);
