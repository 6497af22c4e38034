//! Tests of the configuration.

use super::*;
use std::path::Path;

fn with_file(text: &str) -> Result<Config, Failure> {
    let mut layers = Layers::defaults()?;
    layers.add_file(Path::new("config.toml"), text.as_bytes())?;
    layers.build()
}

fn variables(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn each_layer_overrides_single_keys_of_those_below() {
    let dir = tempfile::tempdir().unwrap();
    let put = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let system =
        put("system.toml", "domain = \"a.example\"\n[status]\nttl_seconds = 10\nmax_age_seconds = 11");
    let user = put("user.toml", "[status]\nttl_seconds = 20\n[verify]\nskew_seconds = 21");
    let own = put("own.toml", "[mesh]\nsync_seconds = 30\n[verify]\nskew_seconds = 31");
    let environment = variables(&[("MARQUE_MESH__SYNC_SECONDS", "40"), ("OTHER", "1"), ("MARQUE_DATA", "x")]);
    let mut layers = Layers::read(&system, Some(&user), None, &own, environment.clone()).unwrap();
    let listen = toml::Value::String("127.0.0.1:0".to_owned());
    layers.set("listen.public", listen, Origin::Flag("listen")).unwrap();
    let config = layers.build().unwrap();
    assert_eq!(config.domain, "a.example");
    assert_eq!((config.status.ttl_seconds, config.status.max_age_seconds), (20, 11));
    assert_eq!((config.verify.skew_seconds, config.mesh.sync_seconds), (31, 40));
    assert_eq!(config.listen.public.port(), 0);
    assert_eq!(config.listen.admin, Config::default().listen.admin);
    let origin = layers.iter().find(|(key, ..)| *key == "mesh.sync_seconds").unwrap().2.to_string();
    assert_eq!(origin, "MARQUE_MESH__SYNC_SECONDS");

    let named = put("named.toml", "[verify]\nskew_seconds = 50");
    let config =
        Layers::read(&system, Some(&user), Some(&named), &own, environment).unwrap().build().unwrap();
    assert_eq!(config.verify.skew_seconds, 50, "--config stands in for the node's own file");
}

#[test]
fn a_named_file_must_be_there_and_the_others_need_not() {
    let none = Path::new("/nonexistent/marque.toml");
    assert!(Layers::read(none, Some(none), None, none, []).is_ok());
    assert!(Layers::read(none, None, Some(none), none, []).is_err());
}

#[test]
fn an_unknown_key_is_an_error_that_suggests_the_nearest() {
    let error = with_file("[listen]\npubilc = \"127.0.0.1:1\"").unwrap_err();
    assert!(error.reason.contains("listen.pubilc"), "{error}");
    assert_eq!(error.action, "Did you mean listen.public?");
    let mut layers = Layers::defaults().unwrap();
    let error = layers.add_environment(variables(&[("MARQUE_VERIFY__SKEW_SECOND", "1")])).unwrap_err();
    assert_eq!(error.action, "Did you mean verify.skew_seconds?");
    assert!(with_file("[gateway]\nupstream = 1").unwrap_err().action.contains("lists the keys"));
    assert!(with_file("[listen.public]\nport = 1").is_err());
    assert!(with_file("[[mesh]]\nsync_seconds = 1").is_err());
}

#[test]
fn a_value_of_the_wrong_kind_or_out_of_bounds_names_its_key() {
    for text in [
        "[verify]\nskew_seconds = 301",
        "[mesh]\nsync_seconds = 0",
        "[mesh]\nsync_seconds = -1",
        "[mesh]\nsync_seconds = \"1\"",
        "[mesh]\npeers = [\"127.0.0.1:1\"]",
        "[mesh]\npeers = [1]",
        "[mesh]\nexternal = [\"marque.acme.example:8643\"]",
        "[mesh]\nlisten = [\"0.0.0.0:8643\"]",
        "[mesh]\nrelay = \"yes\"",
        "[mesh]\nshared_networks = [\"10.0.0.0/33\"]",
        "[mesh]\nshared_networks = [\"cluster.local\"]",
        "[listen]\npublic = \"localhost\"",
        "[listen]\np2p = \"127.0.0.1:1\"",
        "[keys]\nkdf_kib = 7",
        "[keys]\nbackend = \"hsm\"",
        "[keys]\nbackend = \"pkcs11\"",
        "[keys]\nbackend = \"pkcs11\"\npkcs11_module = \"/usr/lib/module.so\"",
        "[keys]\nbackend = \"pkcs11\"\npkcs11_module = \"module.so\"\npkcs11_token = \"marque\"",
        "[keys]\npkcs11_token = \"marque\"",
        "[issue]\npublic_url = \"marque.acme.example\"",
        "[issue]\npublic_url = \"https://marque.acme.example/?a=b\"",
        "[issue]\npublic_url = \"ftp://marque.acme.example\"",
        "[issue]\ndid_keys = [\"secp256k1\"]",
        "[issue]\ndid_keys = [\"p256\", \"p256\"]",
        "[resolve]\ndeadline_seconds = 0",
        "[resolve]\ndeadline_seconds = 9",
        "[resolve]\ncache_mib = 65537",
        "[resolve]\nweb = \"on\"",
        "[publish]\nfolder = \"public\"",
        "[publish]\nbucket = \"acme-public\"",
        "[publish]\nbucket = \"s3://acme-public\"",
        "[publish]\nbucket_region = \"\"",
        "[publish]\nbucket_region = \"EU\"",
        "[publish]\nbucket_credentials = \"keys\"",
        "[publish]\nbucket_roots = \"roots.pem\"",
        "[interop]\nprogram = \"marque-interop\"",
        "[interop]\nprogram = \"./marque-interop\"",
        "[interop]\ncontexts = \"/etc/marque/contexts.json\"",
        "[interop]\nprogram = \"/bin/worker\"\ncontexts = \"contexts.json\"",
        "[limits]\naddress_per_minute = 1000001",
        "[limits]\nproxies = [\"proxy.example\"]",
        "[log]\nformat = \"loud\"",
        "[log]\nfilter = \"marque=loud\"",
        "[log]\nfilter = \"\"",
        "domain = \"localhost\"",
        "domain = \"127.0.0.1\"",
        "domain = [",
    ] {
        assert!(with_file(text).is_err(), "{text}");
    }
    let error = with_file("[mesh]\nsync_seconds = \"1\"").unwrap_err();
    assert_eq!(error.reason, "config.toml: mesh.sync_seconds is string, and must be integer");
    let error = with_file("[keys]\nkdf_kib = 7").unwrap_err();
    assert!(error.reason.contains("keys.kdf_kib"), "{error}");
    assert_eq!(error.exit, crate::exit::Exit::Usage);
    let error = with_file("[listen]\nadmin = \"localhost\"\n[log]\nformat = \"plain\"").unwrap_err();
    assert!(error.reason.starts_with("config.toml: listen.admin is \"localhost\": "), "{error}");
    let error = with_file("[log]\nformat = \"loud\"").unwrap_err();
    assert!(error.reason.starts_with("config.toml: log.format is \"loud\": "), "{error}");
}

#[test]
fn the_environment_is_read_as_toml_or_as_text() {
    let mut layers = Layers::defaults().unwrap();
    let pairs = [
        ("MARQUE_DOMAIN", "b.example"),
        ("MARQUE_MESH__PEERS", "[\"/ip4/127.0.0.1/tcp/1\"]"),
        ("MARQUE_LISTEN__P2P", "/ip4/0.0.0.0/tcp/0"),
    ];
    layers.add_environment(variables(&pairs)).unwrap();
    let config = layers.build().unwrap();
    assert_eq!(config.domain, "b.example");
    assert_eq!(config.mesh.peers, ["/ip4/127.0.0.1/tcp/1"]);
    assert_eq!(config.listen.p2p, "/ip4/0.0.0.0/tcp/0");
}

#[test]
fn what_init_writes_is_the_default_also_once_every_key_is_uncommented() {
    let text = template("acme.example", &Keys::default(), None);
    let expected = Config { domain: "acme.example".to_owned(), ..Config::default() };
    assert_eq!(with_file(&text).unwrap(), expected);
    let keys = Layers::defaults().unwrap();
    let names: Vec<String> = keys
        .iter()
        .filter_map(|(key, ..)| key.split_once('.'))
        .map(|(_, name)| format!("# {name} = "))
        .collect();
    let uncommented: Vec<&str> = text
        .lines()
        .map(|l| if names.iter().any(|n| l.starts_with(n)) { l.trim_start_matches("# ") } else { l })
        .collect();
    let mut layers = Layers::defaults().unwrap();
    layers.add_file(Path::new("c"), uncommented.join("\n").as_bytes()).unwrap();
    assert_eq!(layers.build().unwrap(), expected);
    assert!(layers.iter().all(|(_, _, origin)| *origin != Origin::Default), "every key stands in it");
}

#[test]
fn a_folder_that_is_made_for_other_ports_says_so_in_its_configuration() {
    let listen = Listen::on_loopback(9_000);
    let config = with_file(&template("acme.example", &Keys::default(), Some(&listen))).unwrap();
    assert_eq!(config, Config { domain: "acme.example".to_owned(), listen, ..Config::default() });
    assert_eq!((config.listen.public.port(), config.listen.health.port()), (9_000, 9_002));
    assert_eq!(config.listen.p2p, "/ip4/127.0.0.1/tcp/9003");
}

#[test]
fn a_folder_whose_keys_are_made_in_a_token_says_so_in_its_configuration() {
    let keys = Keys {
        backend: KeysBackend::Pkcs11,
        pkcs11_module: "/usr/lib/module.so".to_owned(),
        pkcs11_token: "a \"label\"".to_owned(),
        ..Keys::default()
    };
    assert_eq!(with_file(&template("acme.example", &keys, None)).unwrap().keys, keys);
    let keys = Keys { backend: KeysBackend::Keyring, ..Keys::default() };
    assert_eq!(with_file(&template("acme.example", &keys, None)).unwrap().keys, keys);
}

#[test]
fn a_domain_is_a_lower_case_name_with_a_dot() {
    assert!(check_domain("acme.example").is_ok());
    for name in ["", "acme", "Acme.example", "10.0.0.1", "acme.example:80", "-a.example", "a..b"] {
        assert!(check_domain(name).is_err(), "{name}");
    }
}

/// Each key of the example with its section, its value and the comment above it.
fn explained() -> Vec<(String, String, String)> {
    let (mut section, mut comment, mut keys) = (String::new(), String::new(), Vec::new());
    let names: Vec<String> = Layers::defaults().unwrap().iter().map(|(key, ..)| key.to_owned()).collect();
    for line in EXAMPLE.lines() {
        let text = line.trim_start_matches("# ");
        if let Some(name) = line.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            section = format!("{name}.");
        } else if line.is_empty() {
            comment.clear();
        } else if let Some((name, value)) = text.split_once(" = ")
            && names.contains(&format!("{section}{name}"))
        {
            keys.push((format!("{section}{name}"), value.to_owned(), std::mem::take(&mut comment)));
        } else {
            comment.push_str(text);
            comment.push(' ');
        }
    }
    keys
}

/// The configuration with one key at this value.
fn with(key: &str, value: &str) -> Result<Config, Failure> {
    let (section, name) = key.split_once('.').unwrap();
    with_file(&format!("[{section}]\n{name} = {value}"))
}

#[test]
fn the_example_says_of_every_key_what_it_is_and_its_default() {
    let defaults = Layers::defaults().unwrap();
    let (explained, names): (Vec<_>, Vec<&str>) =
        (explained(), defaults.iter().map(|(key, ..)| key).collect());
    let mut seen: Vec<&str> = explained.iter().map(|(key, ..)| key.as_str()).collect();
    seen.sort_unstable();
    assert_eq!(seen, names, "each key once, and no other");
    for (key, value, comment) in &explained {
        assert!(comment.len() > 20, "{key}: {comment}");
        let default = defaults.iter().find(|(name, ..)| name == key).unwrap().1;
        assert_eq!(*value, default.to_string(), "{key}");
        assert_eq!(default.is_integer(), comment.contains("Unit: "), "{key}: {comment}");
    }
    // As it stands, nothing is set.
    assert_eq!(with_file(EXAMPLE).unwrap(), Config::default());
}

#[test]
fn the_example_says_which_keys_a_running_node_takes() {
    let says: Vec<_> =
        explained().into_iter().filter(|(.., comment)| comment.contains("Reloaded.")).collect();
    let mut says: Vec<&str> = says.iter().map(|(key, ..)| key.as_str()).collect();
    says.sort_unstable();
    assert_eq!(says, LIVE);
}

#[test]
fn what_changed_is_told_apart_by_whether_a_running_node_takes_it() {
    let before = Config::default();
    assert_eq!(changed(&before, &before), Changed::default());
    let after =
        with_file("[verify]\nskew_seconds = 1\n[mesh]\nrelay = false\npeers = [\"/dns4/a.example/tcp/1\"]");
    let changed = changed(&before, &after.unwrap());
    assert_eq!(changed.live, ["mesh.peers", "verify.skew_seconds"]);
    assert_eq!(changed.fixed, ["mesh.relay"]);
}

/// What a list can have at this place.
type Item = fn(usize) -> String;

#[test]
fn the_bounds_in_the_example_are_those_that_hold() {
    let mut seen = 0;
    for (key, _, comment) in explained() {
        if let Some((_, bounds)) = comment.split_once("Bounds: ") {
            let mut words = bounds.split([' ', '.']).filter_map(|word| word.parse::<i64>().ok());
            let (least, most) = (words.next().unwrap(), words.next().unwrap());
            for (value, holds) in [(least - 1, false), (least, true), (most, true), (most + 1, false)] {
                assert_eq!(with(&key, &value.to_string()).is_ok(), holds, "{key} = {value}");
            }
            seen += 1;
        }
        let items: [(&str, Item); 3] = [
            ("multiaddrs", |at| format!("\"/dns4/p{at}.example/tcp/8643\"")),
            ("networks", |at| format!("\"10.{at}.0.0/16\"")),
            ("capabilities", |at| format!("\"calendar:read{at}\"")),
        ];
        for (what, item) in items {
            let Some(most) =
                comment.split(&format!(" {what}")).next().filter(|_| comment.contains("At most"))
            else {
                continue;
            };
            let Some(most) = most.rsplit(' ').next().and_then(|word| word.parse::<usize>().ok()) else {
                continue;
            };
            let list = |count: usize| format!("[{}]", (0..count).map(item).collect::<Vec<_>>().join(", "));
            assert!(with(&key, &list(most)).is_ok(), "{key}: {most} {what}");
            assert!(with(&key, &list(most + 1)).is_err(), "{key}: {} {what}", most + 1);
            seen += 1;
        }
    }
    assert_eq!(seen, 12 + 6, "numbers and lists");
}

#[cfg(feature = "s3")]
#[test]
fn a_bucket_is_named_by_an_https_url_but_on_this_machine() {
    for (url, holds) in [
        ("https://s3.eu-central-1.amazonaws.com/acme-public/a", true),
        ("http://127.0.0.1:9000/acme-public", true),
        ("http://s3.example/acme-public", false),
        ("https://s3.example", false),
        ("https://key:secret@s3.example/acme-public", false),
    ] {
        assert_eq!(with("publish.bucket", &format!("\"{url}\"")).is_ok(), holds, "{url}");
    }
}
