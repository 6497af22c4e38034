//! Where the node listens, and who is told so.

use super::file_failure;
use crate::failure::{Failure, Local};
use crate::output;
use marque_http::{Listeners, NodeInfo};
use marque_rules::replica::limits::MAX_ADDRESSES;
use serde_json::{Value, json};
use std::io::IsTerminal as _;
use std::net::SocketAddr;
use tokio::net::TcpListener;

pub(super) async fn bind(name: &str, address: SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).await.map_err(|error| {
        let reason = format!("cannot listen on {address}: {error}");
        let action = format!(
            "Choose another address: listen.{name} in config.toml, or --{name}; port 0 takes a free one."
        );
        Failure::local(Local::Usage, reason, action)
    })
}

pub(super) fn node_info(
    listeners: &Listeners,
    p2p: &[String],
    external: &[String],
    secret: [u8; 32],
) -> Result<NodeInfo, Failure> {
    let peer_id = marque_p2p::peer_id(secret);
    let suffix = format!("/p2p/{peer_id}");
    let whole = |address: &String| format!("{}{suffix}", address.strip_suffix(&suffix).unwrap_or(address));
    let listening = p2p.iter().take(MAX_ADDRESSES).cloned();
    let addresses =
        if external.is_empty() { listening.collect() } else { external.iter().map(whole).collect() };
    let address = |listener: &TcpListener| {
        listener.local_addr().map(|a| a.to_string()).map_err(|error| file_failure(error.to_string()))
    };
    let listeners = json!({
        "public": listeners.public.as_ref().map(address).transpose()?,
        "admin": address(&listeners.admin)?,
        "health": address(&listeners.health)?,
        "p2p": p2p,
    });
    Ok(NodeInfo { version: env!("CARGO_PKG_VERSION"), peer_id, listeners, addresses })
}

/// Says that the node is up and where it listens: to who started it, and to the log.
pub(super) fn announce(about: &Value, as_json: bool) {
    let (domain, admin) = (text(about, "domain"), text(about, "admin"));
    tracing::info!(domain, did = text(about, "did"), admin, "the node is up");
    let address = |name| match text(about, name) {
        "" => String::new(),
        address => format!("http://{address}"),
    };
    let human = output::facts(&[
        ("domain", domain.to_owned()),
        ("did", text(about, "did").to_owned()),
        ("public", address("public")),
        ("admin", address("admin")),
        ("health", address("health")),
        ("mesh", output::text(about, "p2p")),
    ]);
    // The node does not need a reader.
    drop(output::data(&if as_json { about.to_string() } else { human }));
    if std::io::stderr().is_terminal() {
        output::talk("The node is up; Ctrl-C stops it. In a second terminal: marque owner create NAME");
    }
}

fn text<'a>(json: &'a Value, name: &str) -> &'a str {
    json.get(name).and_then(Value::as_str).unwrap_or_default()
}
