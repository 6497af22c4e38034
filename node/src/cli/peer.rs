//! `peer`: how two domains' nodes meet.

use super::arguments::ttl;
use super::session::Session;
use crate::exit::Exit;
use crate::failure::{Failure, Local};
use crate::files;
use crate::output::{self, Answer};
use crate::signing;
use clap::Subcommand;
use marque_rules::replica::token::JoinToken;
use serde_json::json;
use std::io::{self, IsTerminal as _};
use std::time::Duration;

/// Longest join token that is read.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

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
    /// All peers
    Ls,
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
                let answer = answer.map_err(|failure| match failure.exit {
                    Exit::Unreachable if !addresses.is_empty() => failure.so(format!(
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
            Self::Ls => {
                let answer = client.get("/v1/peers").await?;
                let columns =
                    [("DOMAIN", "domain"), ("STATE", "state"), ("TRUSTED", "trusted"), ("DID", "did")];
                let none = "no peers yet: marque peer invite here, marque peer join TOKEN there";
                let human = output::list(&answer, "peers", &columns, none);
                Ok(Answer::new(answer, human))
            }
        }
    }
}
