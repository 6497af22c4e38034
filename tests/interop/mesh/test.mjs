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
  decode, digestOf, itemId, itemOf, LANES, LOG, open, REFUSED, request, scidOf, seal, STATUS_LIST, SYNC, topicOf,
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
async function verifyHello({ did, log, membership }) {
  assert.equal(did, alpha);
  const document = await documentOf(did, log);
  alphaKeys = keysOf(document);
  assert.equal(await memberOf(document, membership), alphaPeer());
}

async function admit(member) {
  // The node takes up what it trusts a moment after it was told.
  const answer = await until("hello is admitted", async () => {
    const answer = await member.greet();
    if (answer.refused === undefined) return answer;
    // Rate-limited it is where the node has just said hello itself.
    assert.ok(["unknown-domain", "rate-limited"].includes(answer.refused), answer.refused);
    await member.hangUp();
    await member.dial(address());
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

const revoked = (payload) => {
  const list = jose.decodeJwt(payload.toString()).credentialSubject;
  return [...gunzipSync(Buffer.from(list.encodedList.slice(1), "base64url"))].reduce(
    (sum, byte) => sum + byte.toString(2).replaceAll("0", "").length, 0
  );
};

async function aMemberHearsWhatIsPublished(member) {
  const { did } = await marque.done("owner", "create", "alice");
  const log = await hears(member, LOG, ({ subject }) => subject === did);
  assert.equal(log.topic, topicOf(scidOf(alpha), "did"));
  assert.equal((await documentOf(did, log.payload)).id, did);

  const isRevocations = ({ subject }) => subject.endsWith("/status/revocation");
  await marque.done("owner", "revoke", "alice");
  const list = await hears(member, STATUS_LIST, (body) => isRevocations(body) && revoked(body.payload) > 0);
  assert.ok([topicOf(scidOf(alpha), "status"), topicOf(scidOf(alpha), "ctl")].includes(list.topic));
  const { protectedHeader } = await jose.compactVerify(list.payload.toString(), await alphaKeys(list.keyId));
  assert.equal(protectedHeader.kid, list.keyId);
}

async function aMemberSyncs(member) {
  const scid = scidOf(alpha);
  const [kind, root, buckets] = decode(await member.ask(SYNC, request.digest(scid)));
  assert.equal(kind, 0);
  const [, items, more] = decode(await member.ask(SYNC, request.items(scid, Buffer.alloc(32, 0xff))));
  assert.equal(more, false);
  const own = digestOf(items);
  assert.deepEqual([Buffer.from(root), Buffer.from(buckets)], [own.root, own.buckets], "the digest is that of the items");
  const ids = items.map(itemId);
  const [, objects] = decode(await member.ask(SYNC, request.objects(scid, ids)));
  assert.equal(objects.length, ids.length);
  for (const [id, bytes] of objects) {
    const body = await open(bytes, alphaKeys);
    assert.deepEqual(itemId(itemOf(body)), Buffer.from(id), "the object is the one that was asked for");
    counts.envelopes += 1;
  }
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
  const { kind, subject, seq, payload, keyId } = await hears(member, STATUS_LIST, () => true);
  const forged = await seal(keyId, domain.key, { kind, scid: scidOf(alpha), subject, seq: seq + 1, payload });
  await member.publish(topicOf(scidOf(alpha), "status"), forged.bytes);
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
  await marque.up();
  const { by, ...said } = await until("the node says hello", () => member.greeted[0]);
  assert.equal(by, alphaPeer());
  await verifyHello(said);
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
  await aMemberHearsWhatIsPublished(member);
  await aMemberSyncs(member);
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
