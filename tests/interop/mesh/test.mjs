// A js-libp2p node meets a node of Marque's: what a member of a trusted domain hears and says, and what nobody else
// does.
//
//   node test.mjs PATH_OF_MARQUE

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import * as jose from "jose";
import { documentOf, Domain, keysOf, memberOf } from "./domain.mjs";
import { Marque } from "./marque.mjs";
import { Peer } from "./peer.mjs";
import { until } from "./until.mjs";
import {
  decode, digestOf, EVERYTHING, itemId, itemOf, LANES, LOG, open, readDelta, REFUSED, partOf, request, scidOf, seal, sha256, STATUS_DELTA,
  STATUS_LIST, SYNC, topicOf,
} from "./wire.mjs";

const counts = { envelopes: 0, published: 0, pulled: 0, refused: 0 };

const marque = await Marque.start(process.argv[2], "alpha.test");
const [alpha, domain] = [marque.did, await Domain.create("foreign.test")];
const peers = [];
const foreignDids = topicOf(domain.scid, "did");
const alphaTopics = LANES.map((lane) => topicOf(scidOf(alpha), lane));
const address = () => marque.about.p2p[0];
const alphaPeer = () => address().split("/").at(-1);
let alphaKeys;

async function peer() {
  const made = await Peer.start();
  peers.push(made);
  for (const topic of alphaTopics) made.gossip.subscribe(topic);
  return made;
}

async function strangersMayConnectIdentifyAndPing(stranger) {
  const { protocols, protocolVersion } = await stranger.dial(address());
  assert.equal(protocolVersion, "/marque/1");
  for (const protocol of ["/marque/hello/1", "/marque/sync/1", "/ipfs/ping/1.0.0"]) {
    assert.ok(protocols.includes(protocol), `${protocol} among ${protocols}`);
  }
  assert.ok(!protocols.some((protocol) => protocol.startsWith("/meshsub/")), "gossip is not offered to strangers");
  assert.ok((await stranger.libp2p.services.ping.ping(stranger.connection.remotePeer)) >= 0);
}

async function refused(member, reason, who) {
  const before = await marque.counted("hello_refused_total", { reason });
  assert.deepEqual(await member.greet(who), { refused: reason });
  assert.equal(await marque.counted("hello_refused_total", { reason }), before + 1);
  counts.refused += 1;
}

// Marque's own hello, verified: its log, and its membership by that log's key.
async function verifyHello({ by = alphaPeer(), did, log, membership }) {
  assert.deepEqual([by, did], [alphaPeer(), alpha]);
  const document = await documentOf(did, log);
  alphaKeys = keysOf(document);
  assert.equal(await memberOf(document, membership), alphaPeer());
}

const saysHello = (member) => until("the node says hello", () => member.greeted.shift());

async function admit(member) {
  // It was told of this member by the hello that it refused, and comes back to it once it recognises its domain.
  await verifyHello(await saysHello(member));
  const answer = await until("hello is admitted", async () => {
    const answer = await member.greet();
    if (answer.refused === undefined) return answer;
    assert.equal(answer.refused, "rate-limited", "its own is being decided on");
  });
  await verifyHello(answer);
  await gossips(member);
}

const gossips = (member) =>
  until("gossip flows both ways", () => alphaTopics.every((topic) => member.subscribers(topic).includes(alphaPeer())));

// The envelope about `subject` that the peer has heard, or one that follows `seq`.
async function hears(member, kind, isAbout) {
  return until(`an envelope of kind ${kind}`, async () => {
    for (const { topic, data } of member.heard) {
      const body = await open(data, alphaKeys);
      if (body.kind === kind && isAbout(body)) {
        counts.envelopes += 1;
        return { ...body, topic };
      }
    }
  });
}

async function aMemberHearsWhatIsPublished(member) {
  const { did } = await marque.done("owner", "create", "alice");
  const log = await hears(member, LOG, ({ subject }) => subject === did);
  assert.equal(log.topic, topicOf(scidOf(alpha), "did"));
  assert.equal((await documentOf(did, log.payload)).id, did);

  await marque.done("owner", "revoke", "alice");
  const said = await hears(member, STATUS_DELTA, ({ subject }) => subject.endsWith("/status/revocation"));
  assert.equal(said.topic, topicOf(scidOf(alpha), "ctl"));
  const delta = readDelta(said.payload);
  assert.deepEqual([delta.list, delta.to.seq], [said.subject, said.seq]);
  assert.ok(delta.revoked.length > 0);
  return delta;
}

// The list that a delta leads to: as signed, and exactly the array that the delta names.
async function isWhatItLedTo({ payload, keyId }, delta) {
  const { payload: list, protectedHeader } = await jose.compactVerify(payload.toString(), await alphaKeys(keyId));
  assert.equal(protectedHeader.kid, keyId);
  const { encodedList } = JSON.parse(Buffer.from(list)).credentialSubject;
  const array = gunzipSync(Buffer.from(encodedList.slice(1), "base64url"));
  assert.deepEqual(sha256(Buffer.of(1), array), delta.to.digest);
  const isSet = (index) => (array[index >> 3] & (0x80 >> (index & 7))) !== 0;
  assert.deepEqual([...Array(array.length * 8).keys()].filter(isSet), delta.revoked);
}

async function aMemberSyncs(member, delta) {
  const scid = scidOf(alpha);
  const [kind, root, buckets] = decode(await member.ask(SYNC, request.digest(scid)));
  assert.equal(kind, 0);
  const [, items, more] = decode(await member.ask(SYNC, request.items(scid, EVERYTHING)));
  assert.equal(more, false);
  const own = digestOf(items);
  assert.deepEqual([Buffer.from(root), Buffer.from(buckets)], [own.root, own.buckets], "the digest is that of the items");
  const ids = items.map(itemId);
  const [kindOfParts, parts] = decode(await member.ask(SYNC, request.parts(scid, EVERYTHING)));
  assert.equal(kindOfParts, 6);
  assert.deepEqual(parts.map((part) => Buffer.from(part)), EVERYTHING.map((prefix) => partOf(ids, prefix)), "by ranges too");
  const [, objects] = decode(await member.ask(SYNC, request.objects(scid, ids)));
  assert.equal(objects.length, ids.length);
  const bodies = [];
  for (const [id, bytes] of objects) {
    const body = await open(bytes, alphaKeys);
    assert.deepEqual(itemId(itemOf(body)), Buffer.from(id), "the object is the one that was asked for");
    bodies.push(body);
    counts.envelopes += 1;
  }
  const list = bodies.find(({ kind, subject }) => kind === STATUS_LIST && subject === delta.list);
  assert.equal(list.seq, delta.to.seq);
  await isWhatItLedTo(list, delta);
}

async function aMemberIsHeard(member) {
  const said = await domain.announce("gossiping-bot");
  await until("it is published", async () => (await member.publish(foreignDids, said.bytes)).includes(alphaPeer()));
  await until("it is accepted", () => marque.counted("gossip_validate_total", { kind: "log", result: "accept" }));
  assert.equal((await marque.done("resolve", said.did)).didDocument.id, said.did);
  counts.published += 1;

  // Never said by gossip: the next round of anti-entropy finds it.
  const kept = await domain.announce("silent-bot");
  member.held = [said, kept];
  await until("it is pulled", async () => (await marque.run("resolve", kept.did)).exit === 0);
  counts.pulled += 1;
}

async function aMemberIsHeldToTheRules(member) {
  const rejected = (reason) => marque.counted("gossip_validate_total", { result: "reject", reason });
  // In the name of the other domain, by a key of this one.
  const { kind, subject, seq, payload, keyId } = await hears(member, LOG, () => true);
  const forged = await seal(keyId, domain.key, { kind, scid: scidOf(alpha), subject, seq: seq + 1, payload });
  await member.publish(topicOf(scidOf(alpha), "did"), forged.bytes);
  await until("the forgery is dropped and counted", () => rejected("bad-signature"));
  // Well signed, and on a topic that is another's.
  const stray = await domain.announce("stray-bot");
  await member.publish(topicOf(scidOf(alpha), "did"), stray.bytes);
  await until("the stray is dropped and counted", () => rejected("wrong-topic"));
  assert.notEqual((await marque.run("resolve", stray.did)).exit, 0);
  counts.refused += 2;
}

async function aStrangerHearsNothingAndIsNotHeard(stranger, member) {
  await stranger.belongsTo(domain, member.who.membership);
  await strangersMayConnectIdentifyAndPing(stranger);
  await refused(stranger, "bad-membership");

  const received = await marque.counted("gossip_received_total");
  const said = await domain.announce("strange-bot");
  assert.deepEqual(await stranger.publish(foreignDids, said.bytes), [], "there is nobody to publish to");
  for (const version of ["1.0.0", "1.1.0", "1.2.0"]) {
    await assert.rejects(stranger.connection.newStream(`/meshsub/${version}`), { name: "UnsupportedProtocolError" });
  }
  const { did } = await marque.done("owner", "create", "bob");
  await hears(member, LOG, ({ subject }) => subject === did);
  assert.equal(stranger.heard.length, 0, "a stranger hears nothing");
  assert.equal(await marque.counted("gossip_received_total"), received, "a stranger is not heard");
  assert.notEqual((await marque.run("resolve", said.did)).exit, 0);

  const turnedAway = () => marque.counted("sync_events_total", { event: "refused", reason: "not-admitted" });
  const before = await turnedAway();
  const answer = decode(await stranger.ask(SYNC, request.digest(scidOf(alpha))));
  assert.deepEqual(answer, [REFUSED, "not-admitted"]);
  assert.equal(await turnedAway(), before + 1);
  // What is public, anybody may ask for.
  const [kind, envelope] = decode(await stranger.ask(SYNC, request.resolve(did)));
  assert.equal(kind, 4);
  assert.equal((await open(envelope, alphaKeys)).subject, did);
  counts.refused += 3;
}

// After a restart the node dials, and says hello first.
async function aMemberIsFoundAgain(member) {
  await marque.kill();
  await until("the connection is gone", () => member.libp2p.getConnections().length === 0);
  await marque.up({ MARQUE_MESH__PEERS: JSON.stringify(member.libp2p.getMultiaddrs().map(String)) });
  await verifyHello(await saysHello(member));
  await gossips(member);
  const { did } = await marque.done("owner", "create", "carol");
  await hears(member, LOG, ({ subject }) => subject === did);
}

try {
  const [member, stranger] = [await peer(), await peer()];
  await strangersMayConnectIdentifyAndPing(member);
  await member.belongsTo(domain, await domain.membership(member.raw, member.id));
  await refused(member, "unknown-domain");
  await marque.done("trust", "add", domain.did);
  await admit(member);
  await aMemberSyncs(member, await aMemberHearsWhatIsPublished(member));
  await aMemberIsHeard(member);
  await aMemberIsHeldToTheRules(member);
  await aStrangerHearsNothingAndIsNotHeard(stranger, member);
  await stranger.stop();
  await aMemberIsFoundAgain(member);
} finally {
  for (const made of peers) await made.stop();
  await marque.stop();
}

const { version } = JSON.parse(readFileSync(new URL("node_modules/libp2p/package.json", import.meta.url), "utf8"));
console.log(
  `the mesh, Marque and js-libp2p ${version}: ${counts.envelopes} envelopes verified there, ${counts.published} of its own ` +
    `accepted by gossip and ${counts.pulled} by anti-entropy, ${counts.refused} refusals`
);
