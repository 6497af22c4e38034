//! Hosts on one switch: network namespaces, joined by veth pairs to a bridge that has a namespace of its
//! own, so that nothing is changed outside them. What passes is filtered by nftables at each host.

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

/// Several networks at once are several switches; their hosts may have the same addresses.
static NETWORKS: AtomicU32 = AtomicU32::new(0);

/// The port on which the mesh of every node listens.
const PORT: u16 = 4100;

/// Hosts that reach each other. They are gone with the test.
pub(crate) struct Network {
    switch: String,
    hosts: Vec<String>,
}

impl Network {
    /// So many hosts. `None` where this machine does not allow it, which is said aloud.
    pub(crate) fn of(count: usize) -> Option<Self> {
        let name = format!("mq{}-{}", std::process::id(), NETWORKS.fetch_add(1, Ordering::Relaxed));
        if let Err(reason) = allowed(&format!("{name}-try")) {
            crate::say(&format!("SKIPPED, nodes on hosts of their own: {reason}\n"));
            return None;
        }
        let mut network = Self { switch: format!("{name}-switch"), hosts: Vec::new() };
        let switch = network.switch.clone();
        ip(&["netns", "add", &switch]);
        ip(&["-n", &switch, "link", "add", "bridge", "type", "bridge"]);
        ip(&["-n", &switch, "link", "set", "bridge", "up"]);
        for number in 0..count {
            let host = format!("{name}-{number}");
            ip(&["netns", "add", &host]);
            network.hosts.push(host.clone());
            let port = format!("port{number}");
            ip(&[
                "-n", &switch, "link", "add", &port, "type", "veth", "peer", "name", "eth0", "netns", &host,
            ]);
            ip(&["-n", &switch, "link", "set", &port, "master", "bridge", "up"]);
            ip(&["-n", &host, "address", "add", &format!("{}/24", address(number)), "dev", "eth0"]);
            ip(&["-n", &host, "link", "set", "eth0", "up"]);
            ip(&["-n", &host, "link", "set", "lo", "up"]);
            ip(&["-n", &host, "route", "add", "224.0.0.0/4", "dev", "eth0"]);
        }
        Some(network)
    }

    /// The name of a host.
    pub(crate) fn host(&self, number: usize) -> String {
        self.hosts[number].clone()
    }

    /// Where the mesh of a host listens.
    pub(crate) fn p2p(number: usize) -> String {
        format!("/ip4/{}/tcp/{PORT}", address(number))
    }

    /// Nothing comes to a host, and nothing leaves it. What it does by itself goes on.
    pub(crate) fn cut(&self, number: usize) {
        self.filter(number, &["drop".to_owned()], &["drop".to_owned()]);
    }

    /// Nothing passes between a host and another one, either way.
    pub(crate) fn cut_between(&self, number: usize, other: usize) {
        let other = address(other);
        self.filter(number, &[format!("ip saddr {other} drop")], &[format!("ip daddr {other} drop")]);
    }

    /// Nobody reaches a host that it has not spoken to first, as behind a NAT; and nothing passes between it and
    /// these.
    pub(crate) fn hide(&self, number: usize, cut_from: &[usize]) {
        let cut =
            |way: &str| cut_from.iter().map(|other| format!("ip {way} {} drop", address(*other))).collect();
        let mut input: Vec<String> = cut("saddr");
        input.push("ct state new drop".to_owned());
        self.filter(number, &input, &cut("daddr"));
    }

    /// Of what comes to a host, so much is lost, in percent.
    pub(crate) fn lose(&self, number: usize, percent: u32) {
        self.filter(number, &[format!("numgen random mod 100 < {percent} drop")], &[]);
    }

    /// Everything passes again.
    pub(crate) fn heal(&self, number: usize) {
        self.filter(number, &[], &[]);
    }

    fn filter(&self, number: usize, input: &[String], output: &[String]) {
        let mut rules = String::from("flush ruleset\ntable inet link {\n");
        for (hook, lo, of) in [("input", "iif lo accept", input), ("output", "oif lo accept", output)] {
            rules.push_str(&format!("chain {hook} {{\ntype filter hook {hook} priority 0\n{lo}\n"));
            rules.extend(of.iter().map(|rule| format!("{rule}\n")));
            rules.push_str("}\n");
        }
        rules.push_str("}\n");
        let mut nft = Command::new("ip");
        nft.args(["netns", "exec", &self.hosts[number], "nft", "-f", "-"]);
        let output = piped(nft, rules.as_bytes()).unwrap();
        assert!(output.status.success(), "{rules}{}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        for namespace in self.hosts.iter().chain([&self.switch]) {
            let _gone = Command::new("ip").args(["netns", "del", namespace]).output();
        }
    }
}

fn address(number: usize) -> String {
    format!("10.77.0.{}", number + 1)
}

/// Whether namespaces can be made here, and filtered in; else why not.
///
/// # Panics
/// In CI, where only the tools are missing.
fn allowed(namespace: &str) -> Result<(), String> {
    let missing: Vec<_> = [("ip", "-V"), ("nft", "-v")]
        .into_iter()
        .filter(|(tool, version)| Command::new(tool).arg(version).output().is_err())
        .map(|(tool, _)| tool)
        .collect();
    if !missing.is_empty() {
        let possible = Command::new("unshare").args(["--net", "true"]).output();
        let possible = possible.is_ok_and(|output| output.status.success());
        let in_ci = std::env::var("CI").as_deref() == Ok("true");
        assert!(!(possible && in_ci), "{missing:?} missing: apt-get install iproute2 nftables");
        return Err(format!("{missing:?} missing, in the packages iproute2 and nftables"));
    }
    let tried = |arguments: &[&str]| match Command::new("ip").args(arguments).output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(format!("ip {arguments:?}: {}", String::from_utf8_lossy(&output.stderr).trim())),
        Err(error) => Err(error.to_string()),
    };
    tried(&["netns", "add", namespace])?;
    let filtered = tried(&["netns", "exec", namespace, "nft", "list", "ruleset"]);
    tried(&["netns", "del", namespace]).and(filtered)
}

fn ip(arguments: &[&str]) {
    let output = Command::new("ip").args(arguments).output().unwrap();
    assert!(output.status.success(), "ip {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn piped(mut command: Command, input: &[u8]) -> std::io::Result<Output> {
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped()).spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input)?;
    }
    child.wait_with_output()
}
