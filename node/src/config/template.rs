//! The file that `marque init` writes: `config.example.toml` at the root of the sources, with what is known.

use super::{Keys, KeysBackend, Listen};

/// Every key as a comment, with its default, its unit and its bounds.
pub const EXAMPLE: &str = include_str!("../../../config.example.toml");

/// What `init` writes: the domain, and every other key as a comment with its default; where the node
/// listens and where its keys are without the comment, if that is not the default.
#[must_use]
pub fn template(domain: &str, keys: &Keys, listen: Option<&Listen>) -> String {
    let mut known = vec![("domain", domain.to_owned())];
    if let Some(listen) = listen {
        known.extend([
            ("public", listen.public.to_string()),
            ("admin", listen.admin.to_string()),
            ("health", listen.health.to_string()),
            ("p2p", listen.p2p.clone()),
        ]);
    }
    if keys.backend != KeysBackend::File {
        known.push(("backend", keys.backend.as_str().to_owned()));
    }
    if keys.backend == KeysBackend::Pkcs11 {
        known.extend([
            ("pkcs11_module", keys.pkcs11_module.clone()),
            ("pkcs11_token", keys.pkcs11_token.clone()),
        ]);
    }
    let line = |line: &str| {
        let key = line.strip_prefix("# ").and_then(|rest| rest.split_once(" = "));
        let value = key.and_then(|(key, _)| known.iter().find(|(name, _)| *name == key));
        value.map_or_else(
            || format!("{line}\n"),
            |(key, value)| {
                // As TOML quotes it: a label may have any character.
                format!("{key} = {}\n", toml::Value::String(value.clone()))
            },
        )
    };
    EXAMPLE.lines().map(line).collect()
}
