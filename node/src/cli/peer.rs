//! `peer`: how two domains' nodes meet.

use super::arguments::ttl;
use super::session::Session;
use crate::client::segment;
use crate::failure::{Failure, Local};
use crate::files;
use crate::output::{self, Answer};
use crate::signing;
use clap::Subcommand;
use marque_rules::replica::token::JoinToken;
use serde_json::{Value, json};
use std::io::{self, IsTerminal as _};
use std::time::Duration;
use vc_schemas::code::Code;

/// Longest join token that is read.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// What is told of each node in a row.
const NODES: [(&str, &str); 8] = [
    ("NODE", "peerId"),
    ("DIRECTION", "direction"),
    ("SCORE", "score"),
    ("RECEIVED", "bytesReceived"),
    ("SENT", "bytesSent"),
    ("LAST SYNC", "lastSync"),
    ("REFUSES", "refuses"),
    ("ADDRESS", "address"),
];

/// Nodes of other domains.
#[derive(Debug, Subcommand)]
pub enum PeerCommand {
    /// Make a join token for one other domain
    Invite {
        /// How long it can be used
        #[arg(long, default_value = "1h", value_parser = ttl)]
        ttl: Duration,
    },
    /// Join the domain that made a token
    Join {
        /// The token, or - for stdin
        token: String,
    },
    /// All peers: domains that were met, nodes that are connected, and who is banned
    Ls,
    /// All that is known of one node
    Show {
        /// Its PeerId
        peer: String,
    },
    /// Close the connections to a node, and let it in no more for a while
    Ban {
        /// Its PeerId
        peer: String,
        /// For how long
        #[arg(long = "for", value_name = "DURATION", default_value = "24h", value_parser = ttl)]
        life: Duration,
    },
    /// Let a node in again
    Unban {
        /// Its PeerId
        peer: String,
    },
    /// End every membership that this domain's nodes showed so far, as after the theft of a node's key
    RevokeMemberships,
}

impl PeerCommand {
    pub(super) async fn run(&self, session: &Session) -> Result<Answer, Failure> {
        let client = session.client()?;
        match self {
            Self::Invite { ttl } => {
                let answer = client.post("/v1/invites", &json!({"ttlSeconds": ttl.as_secs()})).await?;
                let (token, expires) = (output::text(&answer, "token"), output::text(&answer, "expires"));
                Ok(Answer::new(answer, format!("{token}\n")).saying(format!(
                    "It works once, until {expires}. The other domain's operator runs: marque peer join TOKEN"
                )))
            }
            Self::Join { token } => {
                let read = match token.as_str() {
                    "-" => String::from_utf8_lossy(&files::read_named("-", MAX_TOKEN_BYTES)?).into_owned(),
                    token => token.to_owned(),
                };
                if read.len() > MAX_TOKEN_BYTES {
                    return Err(Failure::local(
                        Local::Usage,
                        "the token is too long",
                        "Copy the token alone.",
                    ));
                }
                let addresses =
                    JoinToken::parse(read.trim(), signing::now()).ok().map(|token| token.addresses);
                let addresses = addresses.unwrap_or_default().join(", ");
                if io::stderr().is_terminal() && !session.as_json() && !addresses.is_empty() {
                    output::talk(&format!(
                        "Asking {addresses} to let this node in; that takes 10 s at most."
                    ));
                }
                let answer = client.post("/v1/peers", &json!({"token": read.trim()})).await;
                let answer = answer.map_err(|failure| match failure.code.parse() {
                    Ok(Code::PeerUnreachable) if !addresses.is_empty() => failure.so(format!(
                        "The token names {addresses}: its node must be up and reachable there. Where it is \
                         reached elsewhere, its operator says so in mesh.external, and makes a new token."
                    )),
                    _ => failure,
                })?;
                let text = |name| output::text(&answer, name);
                let human = output::facts(&[
                    ("domain", text("domain")),
                    ("did", text("did")),
                    ("state", text("state")),
                ]);
                let next = format!(
                    "Joining is not trusting. To accept its mandates: marque trust add {} --cap CAPABILITY",
                    text("did")
                );
                Ok(Answer::new(answer, human).saying(next))
            }
            Self::RevokeMemberships => {
                let answer = client.post("/v1/memberships/revoke", &json!({})).await?;
                let human = output::facts(&[
                    ("epoch", output::text(&answer, "epoch")),
                    ("notBefore", output::text(&answer, "notBefore")),
                ]);
                let next = "Nodes of this domain come in again by new memberships. Who has the domain's own key \
                            can make them as well: rotate that one too where it was stolen.";
                Ok(Answer::new(answer, human).saying(next.to_owned()))
            }
            Self::Ls => {
                let answer = client.get("/v1/peers").await?;
                let columns =
                    [("DOMAIN", "domain"), ("STATE", "state"), ("TRUSTED", "trusted"), ("DID", "did")];
                let none = "no peers yet: marque peer invite here, marque peer join TOKEN there";
                let mut human = output::list(&answer, "peers", &columns, none);
                if !output::items(&answer, "nodes").is_empty() {
                    human.push('\n');
                    human.push_str(&output::list(&answer, "nodes", &NODES, ""));
                }
                if !output::items(&answer, "bans").is_empty() {
                    let columns = [("BANNED", "peerId"), ("UNTIL", "until"), ("BY", "by")];
                    human.push('\n');
                    human.push_str(&output::list(&answer, "bans", &columns, ""));
                }
                Ok(Answer::new(answer, human))
            }
            Self::Show { peer } => {
                let answer = client.get(&format!("/v1/peers/{}", segment(peer))).await?;
                let of = |part: &str, name| output::text(answer.get(part).unwrap_or(&Value::Null), name);
                let node = |name| of("node", name);
                let human = output::facts(&[
                    ("peer", output::text(&answer, "peerId")),
                    ("domain", node("scid")),
                    ("direction", node("direction")),
                    ("address", node("address")),
                    ("refuses this node", node("refuses")),
                    ("score", node("score")),
                    ("admitted until", node("admittedUntil")),
                    ("pulls", node("pulls")),
                    ("last sync", node("lastSync")),
                    ("bytes received", node("bytesReceived")),
                    ("bytes sent", node("bytesSent")),
                    ("banned until", of("ban", "until")),
                    ("banned by", of("ban", "by")),
                ]);
                Ok(Answer::new(answer, human))
            }
            Self::Ban { peer, life } => {
                let path = format!("/v1/peers/{}/ban", segment(peer));
                let answer = client.post(&path, &json!({"forSeconds": life.as_secs()})).await?;
                let human = output::facts(&[("banned until", output::text(&answer, "until"))]);
                Ok(Answer::new(answer, human))
            }
            Self::Unban { peer } => {
                let path = format!("/v1/peers/{}/unban", segment(peer));
                let answer = client.post(&path, &json!({})).await?;
                Ok(Answer::new(answer, String::new()).saying("It is let in again when it comes."))
            }
        }
    }
}
