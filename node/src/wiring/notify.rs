//! Tells the service manager how the node is (sd_notify(3)): a datagram to the socket that `NOTIFY_SOCKET` names.

use std::io;
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// The variable that names the socket; without it nobody waits to be told.
const VARIABLE: &str = "NOTIFY_SOCKET";

/// The node answers.
pub(super) const READY: &str = "READY=1";

/// The node lets open requests end, and stops.
pub(super) const STOPPING: &str = "STOPPING=1";

/// Tells it. Who does not hear it takes the node for not ready; the node goes on.
pub(super) fn tell(state: &str) {
    let Ok(socket) = std::env::var(VARIABLE) else { return };
    if let Err(error) = send(&socket, state) {
        tracing::warn!(%error, state, "the service manager could not be told");
    }
}

/// `socket` is a path, or with `@` before it a name in the abstract namespace.
fn send(socket: &str, state: &str) -> io::Result<()> {
    let address = match socket.strip_prefix('@') {
        Some(name) => SocketAddr::from_abstract_name(name)?,
        None => SocketAddr::from_pathname(socket)?,
    };
    UnixDatagram::unbound()?.send_to_addr(state.as_bytes(), &address).map(drop)
}
