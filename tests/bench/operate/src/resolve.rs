//! G9: resolving over HTTP, beside a bare hyper service and a bare axum handler that answer the same bytes.
//!
//! The server has one core and `wrk` another. What counts is requests in a second of the server's processor time:
//! what else the machine does moves that least.

use crate::fleet::{Fleet, Node, get};
use crate::goals::{Bound, Goals};
use crate::machine::{anonymous, median, used};
use crate::worker::Worker;
use axum::Router;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get as on_get;
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::path::Path;
use std::process::Command;
use tokio::net::TcpListener;

const ROUNDS: usize = 9;
const SECONDS: u32 = 2;
const CONNECTIONS: u32 = 32;
const SERVER: Option<u32> = Some(0);
const CLIENT: &str = "1";
const TYPE: &str = "application/did-resolution";

/// How `wrk` chooses among the paths of a file.
const SCRIPT: &str = r#"
local paths = {}
local how, count
function init(args)
   how, count = args[2], tonumber(args[3])
   math.randomseed(os.time())
   for line in io.lines(args[1]) do
      paths[#paths + 1] = "GET " .. line .. " HTTP/1.1\r\nHost: x\r\n\r\n"
      if #paths == count then break end
   end
   count = #paths
end
function request()
   if how == "popular" then return paths[math.floor(count ^ math.random())] end
   return paths[math.random(count)]
end
"#;

/// The process of a bare server: answers the bytes of a file to whatever is asked.
pub fn worker(kind: &str, file: &str) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let body = Bytes::from(std::fs::read(file).unwrap());
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        println!("{}", listener.local_addr().unwrap());
        if kind == "axum" {
            let handler = async move || ([(CONTENT_TYPE, TYPE)], body.clone()).into_response();
            let router: Router = Router::new().route("/1.0/identifiers/{*did}", on_get(handler));
            axum::serve(
                axum::serve::ListenerExt::tap_io(listener, |io| io.set_nodelay(true).unwrap()),
                router,
            )
            .await
            .unwrap();
            return;
        }
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            stream.set_nodelay(true).unwrap();
            let body = body.clone();
            tokio::spawn(async move {
                let answer = |_: Request<hyper::body::Incoming>| {
                    let response =
                        Response::builder().header(CONTENT_TYPE, TYPE).body(Full::new(body.clone()));
                    std::future::ready(Ok::<_, Infallible>(response.unwrap()))
                };
                let http = hyper::server::conn::http1::Builder::new();
                let _ended = http.serve_connection(TokioIo::new(stream), service_fn(answer)).await;
            });
        }
    });
}

struct Candidate<'a> {
    name: String,
    address: String,
    pid: u32,
    /// The file of paths, how they are chosen, and among how many.
    asked: (&'a Path, &'static str, u64),
    per_second: Vec<f64>,
    per_core: Vec<f64>,
}

impl<'a> Candidate<'a> {
    fn new(name: impl Into<String>, address: &str, pid: u32, asked: (&'a Path, &'static str, u64)) -> Self {
        Self {
            name: name.into(),
            address: address.to_owned(),
            pid,
            asked,
            per_second: Vec::new(),
            per_core: Vec::new(),
        }
    }

    fn round(&mut self, script: &Path, seconds: u32) {
        let (file, how, count) = self.asked;
        let mut wrk = Command::new("taskset");
        wrk.args(["-c", CLIENT, "wrk", "-t1", &format!("-c{CONNECTIONS}"), &format!("-d{seconds}s")]);
        wrk.arg("-s").arg(script).arg(format!("http://{}", self.address)).arg("--");
        wrk.arg(file).args([how, &count.to_string()]);
        let before = used(self.pid);
        let output = wrk.output().expect("wrk, as the Debian package of its name has it");
        let took = used(self.pid) - before;
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && !text.contains("Non-2xx"), "{text}");
        let number = |text: Option<&str>| text.and_then(|text| text.trim().parse::<f64>().ok());
        let requests =
            text.lines().find_map(|line| number(line.split_once(" requests in")?.0.into())).unwrap();
        let rate = text.lines().find_map(|line| number(line.strip_prefix("Requests/sec:"))).unwrap();
        self.per_second.push(rate);
        self.per_core.push(requests / took);
    }

    fn against(&self, other: &Self) -> f64 {
        median(self.per_core.iter().zip(&other.per_core).map(|(this, other)| this / other).collect())
    }
}

/// G9.
pub fn run(few: &Fleet, many: &Fleet, goals: &mut Goals) {
    let dir = tempfile::tempdir_in(".").unwrap();
    let (script, body) = (dir.path().join("paths.lua"), dir.path().join("body"));
    std::fs::write(&script, SCRIPT).unwrap();
    let node = |fleet: &Fleet, variables: &[(&str, &str)]| -> Node { fleet.up(SERVER, variables).0 };
    let small = node(few, &[]);
    let answer = get(&small.public, &format!("/1.0/identifiers/{}", few.one));
    std::fs::write(&body, answer.split_once("\r\n\r\n").unwrap().1).unwrap();
    let body = body.to_str().unwrap();
    let mut bare = ["hyper", "axum"].map(|kind| Worker::start(SERVER, &["serve-worker", kind, body]));
    let [hyper, axum] = bare.each_mut().map(|worker| (worker.hear(), worker.pid()));
    let large = node(many, &[]);
    let copy = many.copied();
    let roomy = node(&copy, &[("MARQUE_RESOLVE__CACHE_MIB", "4096")]);
    let hot = 1_000;
    let of_many = |name: &str| format!("Marque, {} DIDs, {name}", many.agents);
    let (few_paths, paths) = (few.paths.as_path(), many.paths.as_path());
    let mut candidates = [
        Candidate::new("bare hyper service", &hyper.0, hyper.1, (few_paths, "alike", hot)),
        Candidate::new("bare axum handler", &axum.0, axum.1, (few_paths, "alike", hot)),
        Candidate::new(
            format!("Marque, {} DIDs", few.agents),
            &small.public,
            small.pid(),
            (few_paths, "alike", hot),
        ),
        Candidate::new(of_many("1000 of them asked for"), &large.public, large.pid(), (paths, "alike", hot)),
        Candidate::new(
            of_many("popular ones more often (Zipf)"),
            &large.public,
            large.pid(),
            (paths, "popular", many.agents),
        ),
        Candidate::new(of_many("all alike"), &large.public, large.pid(), (paths, "alike", many.agents)),
        Candidate::new(
            of_many("all alike, room for all answers"),
            &roomy.public,
            roomy.pid(),
            (paths, "alike", many.agents),
        ),
        Candidate::new(
            "bare hyper service, the same requests",
            &hyper.0,
            hyper.1,
            (paths, "alike", many.agents),
        ),
    ];
    // What has room for all answers has them all once each was asked for.
    warm(&roomy, paths);
    candidates.iter_mut().for_each(|candidate| {
        candidate.round(&script, 1);
        (candidate.per_second, candidate.per_core) = (Vec::new(), Vec::new());
    });
    for _ in 0..ROUNDS {
        candidates.iter_mut().for_each(|candidate| candidate.round(&script, SECONDS));
    }
    println!(
        "\nG9: GET /1.0/identifiers/{{did}}, answers of {} bytes, {CONNECTIONS} connections, one core (median of {ROUNDS})",
        std::fs::metadata(body).unwrap().len()
    );
    let [hyper, axum, few_dids, hot_dids, popular, alike, with_room, hyper_alike] = &candidates;
    for candidate in &candidates {
        println!(
            "  {:<60} {:>8.0}/s of processor time {:>6.3} of hyper {:>6.3} of axum  {:>7.0}/s by the clock",
            candidate.name,
            median(candidate.per_core.clone()),
            candidate.against(hyper),
            candidate.against(axum),
            median(candidate.per_second.clone()),
        );
    }
    println!(
        "  memory with room for all answers: {:.0} MB; without: {:.0} MB",
        anonymous(roomy.pid()) / 1e6,
        anonymous(large.pid()) / 1e6
    );
    goals.note("G9", "resolving / a bare axum handler", few_dids.against(axum), Bound::Least(0.9));
    goals.note(
        "G9",
        "stretch: resolving / a bare hyper service",
        few_dids.against(hyper),
        Bound::Least(0.75),
    );
    let flat = format!("{} DIDs / {}, ", many.agents, few.agents);
    goals.note("G9", format!("{flat}1000 asked for"), hot_dids.against(few_dids), Bound::Least(0.9));
    goals.note("G9", format!("{flat}popular ones more often"), popular.against(few_dids), Bound::Least(0.9));
    goals.note("G9", format!("{flat}all alike"), alike.against(few_dids), Bound::Least(0.9));
    let what = "all alike, room for all answers, each beside hyper with the same requests";
    let ratio = with_room.against(hyper_alike) / few_dids.against(hyper);
    goals.note("G9", format!("{flat}{what}"), ratio, Bound::Least(0.9));
}

/// Asks for every path once.
fn warm(node: &Node, paths: &Path) {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    let mut stream = None;
    let lines: Vec<String> =
        BufReader::new(std::fs::File::open(paths).unwrap()).lines().map(Result::unwrap).collect();
    let mut answer = [0; 16_384];
    for (at, some) in lines.chunks(16).enumerate() {
        // A connection is kept for five minutes.
        if at % 1_000 == 0 {
            stream = Some(std::net::TcpStream::connect(&node.public).unwrap());
        }
        let stream = stream.as_mut().unwrap();
        let asked: String =
            some.iter().map(|path| format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n")).collect();
        stream.write_all(asked.as_bytes()).unwrap();
        let mut answers = 0;
        let mut seen = Vec::new();
        while answers < some.len() {
            let read = stream.read(&mut answer).unwrap();
            assert!(read > 0, "the node closed the connection");
            seen.extend_from_slice(&answer[..read]);
            let marks = seen.windows(9).filter(|window| *window == b"HTTP/1.1 ").count();
            let ends = seen.ends_with(b"}");
            answers = if ends { marks } else { 0 };
        }
    }
}
