// The two readers, and what of their answers is compared.

import { spawnSync } from "node:child_process";
import { resolveDIDFromLog } from "didwebvh-ts";
import { verifier } from "./keys.mjs";

const RELATIONSHIPS =
  ["authentication", "assertionMethod", "keyAgreement", "capabilityInvocation", "capabilityDelegation"];

// Keys sorted, so that equal documents are equal text.
export function canonical(json) {
  if (Array.isArray(json)) return `[${json.map(canonical).join(",")}]`;
  if (json === null || typeof json !== "object") return JSON.stringify(json);
  const members = Object.keys(json).filter((name) => json[name] !== undefined).sort();
  return `{${members.map((name) => `${JSON.stringify(name)}:${canonical(json[name])}`).join(",")}}`;
}

// Ids may be relative; `#files` ends with a slash in the specification's example, and without one by didwebvh-ts.
function facts(document, metadata) {
  if (document === null) return { document: null, ...metadata };
  const absolute = (id) => (id.startsWith("#") ? document.id + id : id);
  const named = (item) => ({ ...item, id: absolute(item.id) });
  const byId = (one, other) => (one.id < other.id ? -1 : 1);
  const listed = (name) => (document[name] ?? []).map((m) => absolute(typeof m === "string" ? m : m.id)).sort();
  const services = (document.service ?? []).map(named).map((service) =>
    service.id === `${document.id}#files`
      ? { ...service, serviceEndpoint: service.serviceEndpoint.replace(/\/$/, "") }
      : service
  );
  const { service: _, ...rest } = document;
  return {
    id: document.id,
    verificationMethod: (document.verificationMethod ?? []).map(named).sort(byId),
    relationships: Object.fromEntries(RELATIONSHIPS.map((name) => [name, listed(name)])),
    service: services.sort(byId),
    // Beyond what the issue asks: everything else that stands in the document.
    rest,
    ...metadata,
  };
}

// Marque, as anybody runs it: no node, no network, bytes in files.
export function marque(program, files, did, query = {}) {
  const flags = { versionNumber: "--version-number", versionId: "--version-id", versionTime: "--version-time" };
  const argv = ["resolve", did, "--from-file", files.log, "--json"];
  if (files.witness) argv.push("--witness", files.witness);
  for (const [name, value] of Object.entries(query)) argv.push(flags[name], String(value));
  const ran = spawnSync(program, argv, { encoding: "utf8", env: {} });
  if (ran.error) throw ran.error;
  const json = JSON.parse(ran.stdout);
  // 4 is "deactivated", which has a result.
  if (ran.status !== 0 && ran.status !== 4) {
    const { code, reason } = json.error;
    return { refused: `${code}: ${reason}`, exit: ran.status };
  }
  const { versionId, created, deactivated } = json.didDocumentMetadata;
  return { facts: facts(json.didDocument, { versionId, created, deactivated }) };
}

// didwebvh-ts. It gets text, as Marque does; what is no JSON is refused by it as well.
export async function ts(text, did, query = {}) {
  try {
    const log = text.log.trim().split("\n").map((line) => JSON.parse(line));
    const witnessProofs = text.witness === undefined ? undefined : JSON.parse(text.witness);
    const versionTime = query.versionTime && new Date(query.versionTime);
    const options = { ...query, ...(versionTime ? { versionTime } : {}), witnessProofs, verifier };
    const [, , scid] = did.split(":");
    const { doc, meta } = await resolveDIDFromLog(log, { ...options, scid, requestedDid: did });
    if (meta.error) return { refused: `${meta.error}: ${meta.problemDetails?.detail}` };
    const { versionId, created, deactivated } = meta;
    return { facts: facts(doc, { versionId, created, deactivated }) };
  } catch (error) {
    return { refused: error.message };
  }
}
