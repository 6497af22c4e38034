// A js-libp2p node: TCP, Noise, yamux; identify, ping, gossipsub; and the two protocols of the mesh.

import { createHash } from "node:crypto";
import { generateKeyPair } from "@libp2p/crypto/keys";
import { gossipsub } from "@libp2p/gossipsub";
import { identify } from "@libp2p/identify";
import { noise } from "@libp2p/noise";
import { ping } from "@libp2p/ping";
import { tcp } from "@libp2p/tcp";
import { yamux } from "@libp2p/yamux";
import { multiaddr } from "@multiformats/multiaddr";
import { createLibp2p } from "libp2p";
import { admitted, answerSync, hello, HELLO, readHello, readHelloAnswer, SYNC } from "./wire.mjs";

const LIMIT_MS = 20_000;

async function readAll(stream) {
  const parts = [];
  for await (const part of stream) parts.push(Buffer.from(part.subarray()));
  return Buffer.concat(parts);
}

export class Peer {
  static async start() {
    const peer = new Peer();
    const privateKey = await generateKeyPair("Ed25519");
    peer.raw = Buffer.from(privateKey.publicKey.raw);
    peer.libp2p = await createLibp2p({
      privateKey,
      addresses: { listen: ["/ip4/127.0.0.1/tcp/0"] },
      transports: [tcp()], connectionEncrypters: [noise()], streamMuxers: [yamux()],
      services: {
        identify: identify({ runOnConnectionOpen: false }),
        ping: ping(),
        gossip: gossipsub({
          msgIdFn: (message) => createHash("sha256").update(message.data).digest(),
          allowPublishToZeroTopicPeers: true,
        }),
      },
    });
    peer.id = peer.libp2p.peerId.toString();
    peer.heard = [];
    peer.greeted = [];
    peer.held = [];
    peer.gossip.addEventListener("gossipsub:message", ({ detail }) => peer.heard.push(detail.msg));
    return peer;
  }

  get gossip() {
    return this.libp2p.services.gossip;
  }

  // As whom it says hello, and answers one.
  async belongsTo(domain, membership) {
    // Nobody is to dial it meanwhile: of two connections one is closed, and js-gossipsub opens no second stream
    // where that had the first.
    this.who = { membership, did: domain.did, log: domain.log, addresses: [] };
    const serve = (answer) => async (stream, connection) => {
      stream.send(answer(await readAll(stream), connection));
      await stream.close();
    };
    await this.libp2p.handle(HELLO, serve((bytes, connection) => {
      this.greeted.push({ by: connection.remotePeer.toString(), ...readHello(bytes) });
      return admitted(this.who);
    }));
    await this.libp2p.handle(SYNC, serve((bytes) => answerSync(domain.scid, this.held, bytes)));
  }

  async dial(address) {
    this.connection = await this.libp2p.dial(multiaddr(address));
    return this.libp2p.services.identify.identify(this.connection, { signal: AbortSignal.timeout(LIMIT_MS) });
  }

  // One request, which is all of its direction of the stream, and the answer, likewise.
  async ask(protocol, bytes) {
    const connections = this.libp2p.getConnections();
    const stream = await connections[0].newStream(protocol, { signal: AbortSignal.timeout(LIMIT_MS) });
    stream.send(bytes);
    const answer = readAll(stream);
    await stream.close();
    return answer;
  }

  async greet(who = this.who) {
    return readHelloAnswer(await this.ask(HELLO, hello(who)));
  }

  subscribers(topic) {
    return this.gossip.getSubscribers(topic).map(String);
  }

  async publish(topic, bytes) {
    return (await this.gossip.publish(topic, bytes)).recipients.map(String);
  }

  async stop() {
    await this.libp2p.stop();
  }
}
