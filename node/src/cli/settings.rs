//! `config`: what the configuration is, and where each value came from.

use super::session::Session;
use crate::config::Origin;
use crate::failure::Failure;
use crate::output::{self, Answer};
use clap::Subcommand;
use serde_json::{Map, Value, json};
use toml::Value as Toml;

/// The configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Every key and its value
    Show {
        /// And where the value came from
        #[arg(long)]
        origin: bool,
    },
    /// Whether every key is known and within its bounds, and this program starts with it
    Check,
}

impl ConfigCommand {
    pub(super) fn run(&self, session: &Session) -> Result<Answer, Failure> {
        let layers = session.layers()?;
        // What is wrong is shown too, with where it came from.
        let Self::Show { origin: with_origin } = self else {
            let config = layers.build()?;
            session.check_startable(&config)?;
            let set = layers.iter().filter(|(.., origin)| **origin != Origin::Default).count();
            let human = format!("the configuration is right; {set} keys are not at their defaults\n");
            return Ok(Answer::new(json!({"domain": config.domain, "set": set}), human));
        };
        let (mut rows, mut members) = (Vec::new(), Map::new());
        for (key, value, origin) in layers.iter() {
            let value = shown(key, value);
            let mut row = vec![key.to_owned(), value.to_string()];
            let value = json!(value);
            let shown = if *with_origin {
                row.push(origin.to_string());
                json!({"value": value, "origin": origin.to_string()})
            } else {
                value
            };
            rows.push(row);
            members.insert(key.to_owned(), shown);
        }
        let heads = if *with_origin { &["KEY", "VALUE", "ORIGIN"][..] } else { &["KEY", "VALUE"] };
        Ok(Answer::new(Value::Object(members), output::table(heads, &rows, "")))
    }
}

/// A value as it is shown: a password in a URL is not.
fn shown(key: &str, value: &Toml) -> Toml {
    match value {
        Toml::String(url) if key == "store.postgres_url" => Toml::String(without_password(url)),
        other => other.clone(),
    }
}

/// A URL with `…` where its password stands: before the host, or as a parameter.
fn without_password(url: &str) -> String {
    let (base, query) = url.split_once('?').map_or((url, None), |(base, query)| (base, Some(query)));
    let (scheme, rest) = base.split_once("://").unwrap_or(("", base));
    // A password may have a slash, which no host has.
    let base = match rest.rsplit_once('@') {
        Some((user, host)) => match user.split_once(':') {
            Some((user, _)) => format!("{scheme}://{user}:…@{host}"),
            None => base.to_owned(),
        },
        None => base.to_owned(),
    };
    let parameter = |one: &str| match one.split_once('=') {
        Some((name, _)) if name.to_ascii_lowercase().contains("password") => format!("{name}=…"),
        _ => one.to_owned(),
    };
    match query {
        Some(query) => format!("{base}?{}", query.split('&').map(parameter).collect::<Vec<_>>().join("&")),
        None => base,
    }
}

#[cfg(test)]
mod tests;
