//! Secrets stay where they are: a node lives through everything that it has words for, at the widest level of its
//! log, and crashes; then all that it wrote, answered and left behind is searched for its keys, its passphrases and
//! its admin token in every form in which bytes are usually written.

use crate::process::{Domain, PATIENCE};
use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXUPPER};
use did_resolver::codec;
use marque_store::keyfile::KeyFile;
use marque_store::secret::Passphrase;
use serde_json::Value;
use std::collections::{BTreeSet, HashMap};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Long enough not to occur by chance, short enough that whatever holds a form of a secret begins with it.
const PREFIX: usize = 8;

/// One secret in one form.
struct Canary {
    of: String,
    form: &'static str,
    bytes: Vec<u8>,
}

/// Secrets in all their forms, found by how they begin.
#[derive(Default)]
struct Canaries(HashMap<[u8; PREFIX], Vec<Canary>>);

impl Canaries {
    fn add(&mut self, of: &str, secret: &[u8]) {
        let mut forms = vec![
            ("raw", secret.to_vec()),
            ("hex", HEXLOWER.encode(secret).into_bytes()),
            ("HEX", HEXUPPER.encode(secret).into_bytes()),
            ("base58", codec::to_base58btc(secret).into_bytes()),
            // As Rust and JSON write bytes.
            ("list", secret.iter().map(u8::to_string).collect::<Vec<_>>().join(", ").into_bytes()),
            ("short list", secret.iter().map(u8::to_string).collect::<Vec<_>>().join(",").into_bytes()),
        ];
        // The codes of secret Ed25519, P-256 and P-384 keys in the table of multicodec.
        for code in [0x00, 0x06, 0x07] {
            let prefixed = [&[0x80 | code, 0x26][..], secret].concat();
            forms.push(("multibase", codec::to_base58btc(&prefixed).into_bytes()));
        }
        // Inside of something that is encoded as a whole, base64 depends on what stands before.
        for before in 0..3 {
            let shifted = [&[0; 2][..before], secret].concat();
            for (form, text) in
                [("base64", BASE64_NOPAD.encode(&shifted)), ("base64url", BASE64URL_NOPAD.encode(&shifted))]
            {
                let whole = text.len() - usize::from(shifted.len() % 3 != 0);
                forms.push((form, text.as_bytes()[(before * 8).div_ceil(6)..whole].to_vec()));
            }
        }
        for (form, bytes) in forms {
            let prefix = *bytes.first_chunk::<PREFIX>().unwrap();
            self.0.entry(prefix).or_default().push(Canary { of: of.to_owned(), form, bytes });
        }
    }

    /// Which of them stand in `bytes`.
    fn in_bytes(&self, bytes: &[u8]) -> BTreeSet<(String, &'static str)> {
        let mut found = BTreeSet::new();
        for (at, window) in bytes.windows(PREFIX).enumerate() {
            for canary in window.first_chunk().and_then(|prefix| self.0.get(prefix)).into_iter().flatten() {
                if bytes[at..].starts_with(&canary.bytes) {
                    found.insert((canary.of.clone(), canary.form));
                }
            }
        }
        found
    }
}

/// Every file below `folder`.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

/// The keys in the key files of a domain.
fn keys(domain: &Domain, canaries: &mut Canaries) -> usize {
    let passphrase = || Passphrase::new("a passphrase for tests".to_owned()).unwrap();
    let mut count = 0;
    for path in files(&domain.data().join("keys")) {
        let file = KeyFile::open(&path, &passphrase()).unwrap();
        for name in file.names() {
            canaries.add(&format!("{}: {name}", path.display()), file.get(name).unwrap().expose());
            count += 1;
        }
    }
    count
}

/// Everything that somebody could have seen.
#[derive(Default)]
struct Seen(Vec<(String, Vec<u8>)>);

impl Seen {
    /// Runs a command, whatever it comes to, and keeps all that it says.
    fn command(&mut self, domain: &Domain, arguments: &[&str]) -> Vec<u8> {
        let mut command = domain.command(arguments);
        command
            .env("MARQUE_LOG", "trace")
            .env("MARQUE_BACKUP_PASSPHRASE_FILE", domain.folder.path().join("backup-passphrase"));
        let output = command.stdin(Stdio::null()).output().unwrap();
        self.0.push((format!("stdout of {arguments:?}"), output.stdout.clone()));
        self.0.push((format!("stderr of {arguments:?}"), output.stderr));
        output.stdout
    }

    /// Sends a request and keeps the answer.
    fn http(&mut self, address: &str, request: &str, headers: &str, body: &str) {
        let mut stream = TcpStream::connect(address).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        let length = body.len();
        write!(stream, "{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: {length}\r\n\r\n{body}").unwrap();
        let mut answer = Vec::new();
        // A request that is no HTTP may be answered by an end.
        let _read = stream.read_to_end(&mut answer);
        self.0.push((format!("{request} at {address}"), answer));
    }
}

/// Whether this machine leaves core dumps of programs that do not forbid them.
fn leaves_dumps(folder: &Path) -> bool {
    let mut control = Command::new("sh");
    control.args(["-c", "ulimit -c unlimited && kill -SEGV $$"]).current_dir(folder);
    control.status().unwrap().core_dumped()
}

//
#[test]
fn no_key_passphrase_or_token_is_in_anything_that_a_node_says_answers_writes_or_leaves_when_it_crashes() {
    let mut alpha = Domain::init("alpha.test");
    let folder = alpha.folder.path().to_owned();
    std::fs::write(folder.join("backup-passphrase"), "another passphrase, of backups").unwrap();
    std::fs::write(folder.join("wrong-passphrase"), "not the passphrase at all").unwrap();
    let log = folder.join("node.log");
    alpha.tell(&log);
    alpha.up_with(&[("MARQUE_LOG", "trace"), ("MARQUE_ISSUE__DID_KEYS", "[\"ed25519\",\"p256\",\"p384\"]")]);

    let mut seen = Seen::default();
    for line in [
        "status",
        "owner create alice",
        "agent create bot --owner alice --cap calendar:read",
        "owner ls",
        "agent ls",
        "agent show bot",
        "agent rotate bot",
        "agent rotate bot --compromised",
        "credential ls",
        "config show --origin",
        "config check",
        "doctor",
        "peer ls",
        "peer invite",
        "trust ls",
        "verify --new-nonce",
        "store stats",
        "store verify",
        "agent create bot --owner nobody --cap a:b",
        "resolve did:webvh:nonsense",
        "owner show nobody",
        "--help",
        "agent create other --owner alice --cap mail:send",
        "agent suspend other",
        "agent resume other",
        "agent revoke other",
        "owner create eve",
        "owner revoke eve",
        "agent rotate other",
    ] {
        seen.command(&alpha, &line.split(' ').collect::<Vec<_>>());
        seen.command(&alpha, &line.split(' ').chain(["--json"]).collect::<Vec<_>>());
    }
    seen.command(&alpha, &["trust", "add", &alpha.did, "--cap", "calendar:read"]);
    let nonce: Value =
        serde_json::from_slice(&seen.command(&alpha, &["verify", "--new-nonce", "--json"])).unwrap();
    let (nonce, audience) = (nonce["nonce"].as_str().unwrap(), nonce["audience"].as_str().unwrap());
    let shown = seen.command(&alpha, &["present", "--agent", "bot", "--nonce", nonce, "--aud", audience]);
    assert!(!shown.is_empty(), "the agent presents");
    std::fs::write(folder.join("shown"), shown).unwrap();
    seen.command(&alpha, &["verify", folder.join("shown").to_str().unwrap(), "--json"]);
    let (backup, kept) = (folder.join("alpha.backup"), folder.join("alpha.keys"));
    let (backup, kept) = (backup.to_str().unwrap(), kept.to_str().unwrap());
    seen.command(&alpha, &["backup", "create", backup, "--keys", kept]);
    seen.command(&alpha, &["backup", "verify", kept]);
    assert!(Path::new(kept).exists());
    let wrong = folder.join("wrong-passphrase");
    let output =
        alpha.command(&["agent", "rotate", "bot"]).env("MARQUE_PASSPHRASE_FILE", &wrong).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "a wrong passphrase is refused");
    seen.0.extend([("stdout".to_owned(), output.stdout), ("stderr".to_owned(), output.stderr)]);

    let about = alpha.about();
    let place = |name: &str| about[name].as_str().unwrap().to_owned();
    let token = std::fs::read_to_string(alpha.data().join("admin.token")).unwrap().trim().to_owned();
    let right = format!("Authorization: Bearer {token}\r\nContent-Type: application/json\r\n");
    let almost = format!("Authorization: Bearer {}x\r\n", &token[..token.len() - 1]);
    for path in [
        "/v1/node",
        "/v1/owners",
        "/v1/agents",
        "/v1/agents/bot",
        "/v1/credentials",
        "/v1/decisions",
        "/v1/peers",
        "/v1/contested",
        "/v1/nothing",
        "/openapi.json",
        "/v1/agents/%00",
    ] {
        for headers in [right.as_str(), &almost, "", "Authorization: Basic eDp5\r\n"] {
            seen.http(&place("admin"), &format!("GET {path}"), headers, "");
        }
    }
    for body in ["", "{", "{\"name\":\"../x\"}", "{\"credential\":{\"issuer\":5},\"options\":{}}"] {
        for path in
            ["/v1/owners", "/v1/agents/bot/revoke", "/credentials/issue", "/v1/webvh/import", "/v1/bundles"]
        {
            seen.http(&place("admin"), &format!("POST {path}"), &right, body);
        }
    }
    for path in [
        "/status/revocation",
        "/status/aggregation",
        "/openapi.json",
        "/.well-known/did.jsonl",
        "/1.0/identifiers/x",
    ] {
        seen.http(&place("public"), &format!("GET {path}"), &right, "");
    }
    for path in ["/metrics", "/health/live", "/health/ready", "/x"] {
        seen.http(&place("health"), &format!("GET {path}"), &right, "");
    }
    seen.http(&place("admin"), "NONSENSE", &right, "");
    // Each has its lines in the log.
    for n in 0..400 {
        seen.http(&place("admin"), &format!("GET /v1/agents/nobody-{n}"), &right, "");
    }

    // Who may ask for a core dump gets none.
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", alpha.pid())).unwrap();
    let limit = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    assert_eq!(limit.split_whitespace().skip(4).take(2).collect::<Vec<_>>(), ["0", "0"], "{limit}");
    let status = alpha.crash();
    assert_eq!(status.signal(), Some(11), "it crashed");
    assert!(!status.core_dumped(), "its memory was dumped");
    if !leaves_dumps(&folder) {
        println!("this machine leaves no core dumps at all: only the limit was looked at");
    }

    let mut canaries = Canaries::default();
    let count = keys(&alpha, &mut canaries);
    assert!(count >= 17, "{count} keys");
    canaries.add("the passphrase", b"a passphrase for tests");
    canaries.add("the passphrase of backups", b"another passphrase, of backups");
    canaries.add("a wrong passphrase", b"not the passphrase at all");
    let own = alpha.data().join("admin.token");
    let mut left: Vec<PathBuf> = files(&folder);
    left.retain(|path| !path.starts_with(alpha.data().join("keys")) && !path.ends_with("passphrase"));
    left.retain(|path| !path.ends_with("backup-passphrase") && !path.ends_with("wrong-passphrase"));
    for path in left.iter().filter(|path| **path != own) {
        seen.0.push((path.display().to_string(), std::fs::read(path).unwrap()));
    }
    canaries.add("the admin token", token.as_bytes());
    canaries.add("the bytes of the admin token", &BASE64URL_NOPAD.decode(token.as_bytes()).unwrap());
    let node = std::fs::metadata(&log).unwrap().len();
    assert!(node > 100_000, "the log says much: {node}");
    let mut leaks = Vec::new();
    for (what, bytes) in &seen.0 {
        leaks.extend(canaries.in_bytes(bytes).into_iter().map(|(of, form)| format!("{what}: {of}, {form}")));
    }
    assert!(leaks.is_empty(), "{leaks:#?}");
    let all: usize = seen.0.iter().map(|(_, bytes)| bytes.len()).sum();
    println!(
        "{} things of {all} bytes, {node} of them the log, hold none of {count} keys, three passphrases, the token",
        seen.0.len()
    );

    // And it would have been found, in each form, wherever it begins.
    let secret = KeyFile::open(
        &alpha.data().join("keys/node.json"),
        &Passphrase::new("a passphrase for tests".to_owned()).unwrap(),
    )
    .unwrap();
    let secret = secret.get("assertion").unwrap().expose();
    let whole = |before: usize| [&b"{\"secretKey\":"[..before], secret, b"}}}"].concat();
    let multibase = codec::to_base58btc(&[&[0x80, 0x26][..], secret].concat());
    let mut leaky = vec![
        secret.to_vec(),
        format!("{secret:?}").into_bytes(),
        format!("{secret:02x?}").replace(", ", "").into_bytes(),
    ];
    leaky.extend(
        [HEXUPPER.encode(secret), codec::to_base58btc(secret), format!("z{multibase}")]
            .map(String::into_bytes),
    );
    leaky.push(serde_json::to_vec(secret).unwrap());
    for before in 0..13 {
        leaky.extend(
            [BASE64.encode(&whole(before)), BASE64URL_NOPAD.encode(&whole(before))].map(String::into_bytes),
        );
    }
    for text in leaky {
        let record = [b"{\"level\":\"TRACE\",\"message\":\"", &text[..], b"\"}"].concat();
        assert!(!canaries.in_bytes(&record).is_empty(), "not found: {}", String::from_utf8_lossy(&text));
    }
}
