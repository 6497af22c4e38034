//! `config`: what the configuration is, and where each value came from.

use super::session::Session;
use crate::config::Origin;
use crate::failure::Failure;
use crate::output::{self, Answer};
use clap::Subcommand;
use serde_json::{Map, Value, json};

/// The configuration.
#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Every key and its value
    Show {
        /// And where the value came from
        #[arg(long)]
        origin: bool,
    },
    /// Whether every key is known and within its bounds
    Check,
}

impl ConfigCommand {
    pub(super) fn run(&self, session: &Session) -> Result<Answer, Failure> {
        let layers = session.layers()?;
        let config = layers.build()?;
        let Self::Show { origin: with_origin } = self else {
            let set = layers.iter().filter(|(.., origin)| **origin != Origin::Default).count();
            let human = format!("the configuration is right; {set} keys are not at their defaults\n");
            return Ok(Answer::new(json!({"domain": config.domain, "set": set}), human));
        };
        let (mut rows, mut members) = (Vec::new(), Map::new());
        for (key, value, origin) in layers.iter() {
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
