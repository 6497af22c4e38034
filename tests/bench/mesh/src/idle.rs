//! What a node costs that has 50 peers and nothing to do: a process of its own, with its peers in this one.

use crate::links::{Link, Quality};
use crate::nodes::{ISSUER, Member, until};
use crate::world::{Holder, NOW};
use did_resolver::did::Did;
use did_resolver::time::UnixSeconds;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::time::Duration;

const PEERS: usize = 50;

/// What a node has unless it is told otherwise.
const USUAL_PERIOD_MS: u64 = 30_000;

/// How long it is watched.
const MINUTE: Duration = Duration::from_secs(60);

/// Clock ticks of Linux a second, as `/proc` counts them.
const TICKS: f64 = 100.0;

/// The node: it prints where it listens, and ends with its standard input.
pub(crate) async fn node() {
    let peers: Vec<Did> = (1..=PEERS)
        .map(|number| format!("n{number}.test"))
        .map(|label| Holder::new(&label, &label, &[], UnixSeconds::new(NOW - 1_000)).did())
        .collect();
    let mut member = Member::new(ISSUER).await;
    member.knows(&peers).await;
    member.up(Vec::new(), USUAL_PERIOD_MS).await;
    println!("{}", member.listening());
    std::io::stdout().flush().unwrap();
    tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new())).await.unwrap().unwrap();
}

pub(crate) async fn run() {
    println!("-- an idle node with {PEERS} peers, each of which asks it in every round");
    let mut child = Command::new(std::env::current_exe().unwrap())
        .arg("idle-node")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let target = line.trim().parse().unwrap();

    // The node itself is in the other process; this one is never up, and says who it is.
    let issuer = Member::new(ISSUER).await;
    let alone = memory(child.id());
    let (mut members, mut links) = (Vec::new(), Vec::new());
    for number in 1..=PEERS {
        let mut member = Member::new(number).await;
        member.knows([&issuer.did()]).await;
        member.node.trusts(&issuer.node, &[]).await;
        let link = Link::open(number, ISSUER, target, Quality::PERFECT).await;
        member.up(vec![format!("/ip4/127.0.0.1/tcp/{}", link.address.port())], USUAL_PERIOD_MS).await;
        members.push(member);
        links.push(link);
    }
    for member in &members {
        until(async || member.admitted().await == 1).await;
    }
    // The first exchanges are over.
    tokio::time::sleep(Duration::from_secs(10)).await;
    let passed = || links.iter().map(Link::passed).sum::<u64>();
    let before = (ticks(child.id()), passed());
    tokio::time::sleep(MINUTE).await;
    let (cpu, bytes) = ((ticks(child.id()) - before.0) / TICKS, passed() - before.1);
    println!("processor time {:.2} s a minute, {:.1} % of a core", cpu, cpu / 0.6);
    println!("{} KiB a minute over all links, {} B/s a peer", bytes >> 10, bytes / 60 / PEERS as u64);
    println!("memory {} MiB; {alone} MiB without a peer", memory(child.id()));
    drop(child.stdin.take());
    child.wait().unwrap();
}

/// Processor time of a process, in ticks.
fn ticks(process: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap();
    // After the name, which may hold anything: state is field 3, utime and stime are 14 and 15.
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()
}

/// Resident memory of a process, in MiB.
fn memory(process: u32) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1_024
}
