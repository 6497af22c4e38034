//! `up` and `status`: the node itself.

use super::session::Session;
use crate::config::Origin;
use crate::failure::Failure;
use crate::output::{self, Answer};
use crate::{demo, passphrase, telemetry, wiring};
use clap::Args;

/// Run the node of this data folder.
#[derive(Debug, Args)]
pub struct Up {
    /// Where resolution, lists and verification listen
    #[arg(long, value_name = "ADDRESS:PORT")]
    public: Option<String>,
    /// Where the admin API listens
    #[arg(long, value_name = "ADDRESS:PORT")]
    admin: Option<String>,
    /// Where health and metrics listen
    #[arg(long, value_name = "ADDRESS:PORT")]
    health: Option<String>,
    /// Where the mesh listens
    #[arg(long, value_name = "MULTIADDR")]
    p2p: Option<String>,
    /// Have no public listener: others know of this domain from the mesh alone
    #[arg(long, conflicts_with = "public")]
    no_public: bool,
    /// Stop when standard input ends, so that the node never outlives the program that started it
    #[arg(long)]
    while_stdin: bool,
    /// Start although records that this node acknowledged are gone, as after an old copy was restored; it
    /// signs nothing before its peers have given back what they hold
    #[arg(long)]
    after_loss: bool,
    /// And sign although no peer gives anything back: there is nobody left who could
    #[arg(long)]
    without_peers: bool,
    /// Start although the clock is behind the latest time that this node saw: it was ahead then, and is right now
    #[arg(long)]
    clock_is_right: bool,
}

/// Run three trust domains on this machine.
#[derive(Debug, Args)]
pub struct Demo {
    /// Leave the nodes running, and say what to try
    #[arg(long)]
    keep: bool,
}

impl Demo {
    pub(super) async fn run(&self, session: &Session) -> Result<Answer, Failure> {
        demo::run(demo::Options { json: session.as_json(), keep: self.keep }).await
    }
}

impl Up {
    pub(super) async fn run(self, session: Session) -> Result<Answer, Failure> {
        let flags =
            [("public", self.public), ("admin", self.admin), ("health", self.health), ("p2p", self.p2p)];
        let sources = session.sources();
        let read = move || {
            let mut layers = sources.layers()?;
            for (flag, value) in &flags {
                if let Some(value) = value {
                    let value = toml::Value::String(value.clone());
                    layers.set(&format!("listen.{flag}"), value, Origin::Flag(flag))?;
                }
            }
            layers.build()
        };
        let config = read()?;
        if config.domain.is_empty() || !session.data().node_keys().exists() {
            return Err(session.not_initialised());
        }
        let log = telemetry::init(&config.log)?;
        let passphrase = passphrase::ask(passphrase::OF_KEYS)?;
        let options = wiring::Options {
            while_stdin: self.while_stdin,
            public: !self.no_public,
            json: session.as_json(),
            after_loss: self.after_loss,
            without_peers: self.without_peers,
            clock_is_right: self.clock_is_right,
        };
        let again = wiring::Again { read: Box::new(read), log };
        wiring::up(config, again, session.into_data(), passphrase, options).await?;
        Ok(Answer::default())
    }
}

pub(super) async fn status(session: &Session) -> Result<Answer, Failure> {
    let node = session.client()?.get("/v1/node").await?;
    let text = |name| output::text(&node, name);
    let ready =
        |name| node.get("readiness").map(|readiness| output::text(readiness, name)).unwrap_or_default();
    let mut human = output::facts(&[
        ("readiness", ready("status")),
        ("because", ready("reason")),
        ("domain", text("domain")),
        ("did", text("did")),
        ("peer id", text("peerId")),
        ("version", text("version")),
        ("peers", text("peers")),
        ("owners", text("owners")),
        ("agents", text("agents")),
    ]);
    let columns = [("LIST", "url"), ("SEQUENCE", "sequence"), ("AGE (s)", "ageSeconds")];
    human.push_str(&output::list(&node, "lists", &columns, "no status lists yet"));
    let mesh = node.get("mesh").cloned().unwrap_or_default();
    human.push_str(&output::facts(&[
        ("contested", output::text(&mesh, "contested")),
        ("to be confirmed", output::text(&mesh, "deferred")),
        ("banned", output::text(&mesh, "banned")),
        ("sync lag (s)", output::text(&mesh, "syncLagSeconds")),
    ]));
    let tables: [(&str, &[(&str, &str)]); 4] = [
        ("peersByDomain", &[("PEERS OF", "scid"), ("INBOUND", "inbound"), ("OUTBOUND", "outbound")]),
        ("logHeads", &[("LOG", "did"), ("VERSION", "versionId"), ("AGE (s)", "ageSeconds")]),
        (
            "lists",
            &[("HELD LIST", "url"), ("FROM", "from"), ("SEQUENCE", "sequence"), ("AGE (s)", "ageSeconds")],
        ),
        (
            "otherLists",
            &[
                ("LIST OF OTHERS", "url"),
                ("FROM", "from"),
                ("SEQUENCE", "sequence"),
                ("AGE (s)", "ageSeconds"),
            ],
        ),
    ];
    for (name, columns) in tables {
        if !output::items(&mesh, name).is_empty() {
            human.push_str(&output::list(&mesh, name, columns, ""));
        }
    }
    Ok(Answer::new(node, human))
}
