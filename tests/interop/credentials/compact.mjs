// The payload of the compact form (docs/compact.md), read by its term table once it is CBOR no more.

import { readFileSync } from "node:fs";

const TABLE = new URL("../../../vc-schemas/terms/compact-v1.txt", import.meta.url);
const TERMS = readFileSync(TABLE, "utf8").split("\n");
const BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";
const SHA2_256 = Buffer.of(0x12, 0x20);

function base58(bytes) {
  let [number, text] = [BigInt(`0x0${bytes.toString("hex")}`), ""];
  for (; number > 0n; number /= 58n) text = BASE58[Number(number % 58n)] + text;
  const zeros = bytes.findIndex((byte) => byte !== 0);
  return "1".repeat(zeros < 0 ? bytes.length : zeros) + text;
}

const number = (bytes) => BigInt(`0x0${bytes.toString("hex")}`);

// By their numbers.
const FORMS = [
  (bytes) => `urn:uuid:${bytes.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")}`,
  (bytes) => new Date(Number(number(bytes)) * 1000).toISOString().replace(".000Z", "Z"),
  (bytes) => `u${Buffer.concat([SHA2_256, bytes]).toString("base64url")}`,
  (bytes) => `did:webvh:${base58(Buffer.concat([SHA2_256, bytes.subarray(0, 32)]))}:${bytes.subarray(32)}`,
  (bytes) => `did:key:z${base58(bytes)}`,
  (bytes) => `https://${bytes}`,
  (bytes) => `${number(bytes)}`,
  (bytes) => `data:application/vnd.marque.vc+cose;base64,${bytes.toString("base64")}`,
  (bytes) => `data:application/vc+cose;base64,${bytes.toString("base64")}`,
];
const SHARED = 9;

// The document of a payload that was decoded with its maps as Map.
export function decode([version, document]) {
  if (version !== 1) throw new Error(`the table ${version} is not known`);
  const known = [];
  const met = (text) => {
    const size = Buffer.byteLength(text);
    if (!/^(did:|https:\/\/)/.test(text) || size < 16 || size > 255) return text;
    if (known.length < 32 && !known.includes(text)) known.push(text);
    return text;
  };
  const text = (bytes) => {
    if (bytes.length === 1) return TERMS[bytes[0]];
    const [form, place, kept] = bytes;
    if (form !== SHARED) return met(FORMS[form](bytes.subarray(1)));
    return met(Buffer.concat([Buffer.from(known[place]).subarray(0, kept), bytes.subarray(3)]).toString());
  };
  const read = (value) => {
    if (typeof value === "string") return met(value);
    if (value instanceof Uint8Array) return text(Buffer.from(value));
    if (Array.isArray(value)) return value.map(read);
    if (typeof value === "bigint") return Number(value);
    if (!(value instanceof Map)) return value;
    const name = (name) => (typeof name === "number" ? TERMS[name] : name);
    return Object.fromEntries([...value].map(([is, member]) => [name(is), read(member)]));
  };
  return read(document);
}
