//! A node as a service: what its manager is told.

use crate::process::{Domain, PATIENCE};
use std::os::unix::net::UnixDatagram;

#[test]
fn the_service_manager_is_told_when_the_node_answers_and_when_it_stops() {
    let mut alpha = Domain::init("alpha.test");
    let socket = alpha.folder.path().join("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager.set_read_timeout(Some(PATIENCE)).unwrap();
    let told = || {
        let mut bytes = [0; 64];
        let length = manager.recv(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes[..length]).into_owned()
    };
    alpha.up_with(&[("NOTIFY_SOCKET", socket.to_str().unwrap())]);
    assert_eq!(told(), "READY=1");
    // What is told is so.
    assert_eq!(alpha.done(&["status"]).text("domain"), "alpha.test");
    alpha.stop();
    assert_eq!(told(), "STOPPING=1");
}
