//! The file that `marque init` writes.

use super::{Config, Listen};

/// What `init` writes: the domain, and every other key as a comment with its default; where the node
/// listens without the comment, if it is not the default.
#[must_use]
pub fn template(domain: &str, listen: Option<&Listen>) -> String {
    let Config { listen: usual, mesh, status, verify, trust, resolve, store, keys, .. } = Config::default();
    let (mark, listen) = listen.map_or(("# ", &usual), |listen| ("", listen));
    format!(
        "# Marque node. Keys that are commented out have these defaults; an unknown key is an error.\n\
         # MARQUE_SECTION__KEY in the environment overrides a key, such as MARQUE_LISTEN__PUBLIC.\n\n\
         # The trust domain. Its identifier is made from keys: renaming it here renames nothing.\n\
         domain = \"{domain}\"\n\n\
         [listen]\n\
         # Resolution, status lists, verification.\n{mark}public = \"{}\"\n\
         # The admin API; it wants the token in admin.token.\n{mark}admin = \"{}\"\n\
         # Health and metrics.\n{mark}health = \"{}\"\n\
         # The mesh of domains, as a multiaddr. To be reached by others: /ip4/0.0.0.0/tcp/8643\n{mark}p2p = \"{}\"\n\n\
         [mesh]\n\
         # Seconds between two rounds in which peers compare what they hold.\n# sync_seconds = {}\n\
         # Addresses of peers to dial from the start; `marque peer join` adds others.\n# peers = []\n\
         # Addresses under which others reach this node, if not those that it listens on.\n# external = []\n\
         # More multiaddrs to listen on, such as /ip6/::/tcp/8643 or /ip4/0.0.0.0/udp/8643/quic-v1.\n# listen = []\n\
         # Whether members that nobody can dial may be reached through this node: at most 16 at once, two minutes\n\
         # and 4 MiB each time. They are secured end to end.\n# relay = {}\n\
         # Whether nodes on the same network are looked for by mDNS, and this one is found. Whoever is found is\n\
         # dialled, and admitted like anybody else. For networks whose hosts are trusted not to flood it.\n# mdns = {}\n\
         # Whether members are told whose logs this node keeps up with, so that they find them here, and asked the\n\
         # same where no peer has a log. What was only looked up is told to nobody.\n# hints = {}\n\
         # Networks in which many nodes behind one address are no attack: a cluster, your own NAT.\n\
         # shared_networks = [\"{}\"]\n\n\
         [status]\n\
         # How long others may use a status list of this domain before they ask for a newer one.\n\
         # ttl_seconds = {}\n\
         # How old a status list may be that this node relies on. Smaller is safer.\n\
         # max_age_seconds = {}\n\n\
         [verify]\n\
         # How far the clocks of others may differ; at most 300.\n# skew_seconds = {}\n\
         # Capabilities of low assurance, such as calendar:read. A request for one goes on where the newest status\n\
         # list to be had is too old, up to a day, and is confirmed by the first newer one. Any other is refused.\n\
         # deferrable = []\n\n\
         [trust]\n\
         # Whether other domains are told whom this one recognises, and for what. It grants nothing anywhere.\n\
         # publish = {}\n\n\
         [issue]\n\
         # Where others reach the public listener, if not at https:// and the domain. Status lists have their URLs\n\
         # there; what was issued before names the old ones.\n# public_url = \"\"\n\
         # Issuers with a did:key beside the domain, for POST /credentials/issue: ed25519, p256, p384.\n\
         # did_keys = []\n\n\
         [resolve]\n\
         # How long looking up a DID may take.\n# deadline_seconds = {}\n\
         # Whether the web host that a DID names is asked where no peer knows, and that of a status list where no\n\
         # peer has one that is new enough. Off, no host learns of a look-up.\n\
         # web = {}\n\n\
         [interop]\n\
         # The program that judges proofs over RDF canonicalisation (eddsa-rdfc-2022 and the like), by its\n\
         # absolute path. Without one they are refused. It gets what strangers send, and runs bounded.\n\
         # program = \"\"\n\
         # A JSON file from URLs to the JSON-LD contexts that such credentials may name; none is ever fetched.\n\
         # contexts = \"\"\n\n\
         [store]\n\
         # Where records are kept: files, in the data folder; or postgres, for several nodes of one domain.\n\
         # engine = \"files\"\n\
         # What holds the index over files: sled or redb. Another one is made anew from them.\n# index = \"sled\"\n\
         # The name of this node among those that share a store, each with one of its own: a, b.\n# node = \"\"\n\
         # The server, such as postgres://marque@db.example/marque?sslmode=verify-full. Its password is better left\n\
         # to the file that PGPASSFILE names.\n# postgres_url = \"\"\n\
         # The schema there, which belongs to this domain.\n# postgres_schema = \"{}\"\n\
         # Most connections of this node; 1 to 64.\n# postgres_connections = {}\n\n\
         [keys]\n\
         # Memory, in KiB, that one guess at the passphrase of a new key file costs.\n# kdf_kib = {}\n\n\
         [log]\n\
         # The node's log on stderr: plain, json, or auto, which is plain on a terminal and json elsewhere.\n\
         # What is logged says the variable MARQUE_LOG, such as debug.\n# format = \"auto\"\n",
        listen.public,
        listen.admin,
        listen.health,
        listen.p2p,
        mesh.sync_seconds,
        mesh.relay,
        mesh.mdns,
        mesh.hints,
        mesh.shared_networks.join("\", \""),
        status.ttl_seconds,
        status.max_age_seconds,
        verify.skew_seconds,
        trust.publish,
        resolve.deadline_seconds,
        resolve.web,
        store.postgres_schema,
        store.postgres_connections,
        keys.kdf_kib,
    )
}
