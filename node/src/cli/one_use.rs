//! One use of a capability, as it is typed: what a verifier is asked about, and what an owner approves.

use super::arguments::{amount, workflow};
use crate::failure::{Failure, Local};
use clap::Args;
use did_resolver::json;
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use vc_schemas::delegation::budget::Amount;
use vc_schemas::delegation::constraints::Workflow;
use vc_schemas::delegation::scope::Capability;
use vc_schemas::facts::Request;

/// Longest value of an argument.
const MAX_VALUE_BYTES: usize = 64 * 1024;

/// What a use is, beside its capability.
#[derive(Debug, Default, Args)]
pub(super) struct OneUse {
    /// On this resource
    #[arg(long)]
    resource: Option<String>,
    /// For this purpose
    #[arg(long)]
    purpose: Option<String>,
    /// Within this workflow, ID or ID/STEP
    #[arg(long, value_parser = workflow, value_name = "ID[/STEP]")]
    workflow: Option<Workflow>,
    /// With this argument, once for each: a value that is JSON counts as that, any other as text
    #[arg(long = "argument", value_parser = argument, value_name = "NAME=VALUE")]
    arguments: Vec<(String, Value)>,
    /// For this much, such as 5000EUR
    #[arg(long, value_parser = amount)]
    amount: Option<Amount>,
}

impl OneUse {
    /// What is asked of a mandate.
    pub(super) fn request(&self, capability: Option<Capability>) -> Result<Request, Failure> {
        let mut arguments = BTreeMap::new();
        for (name, value) in &self.arguments {
            if arguments.insert(name.clone(), value.clone()).is_some() {
                return Err(Failure::local(Local::Usage, format!("the argument {name} has two values"), ""));
            }
        }
        Ok(Request {
            capability,
            resource: self.resource.clone(),
            purpose: self.purpose.clone(),
            workflow: self.workflow.clone(),
            arguments,
            amount: self.amount.clone(),
        })
    }
}

/// The members by which a node is asked the same.
pub(super) fn members(request: &Request) -> Map<String, Value> {
    let arguments: Map<String, Value> = request.arguments.clone().into_iter().collect();
    let members = [
        ("capability", request.capability.as_ref().map(|capability| capability.as_str().into())),
        ("resource", request.resource.clone().map(Value::String)),
        ("purpose", request.purpose.clone().map(Value::String)),
        ("workflow", request.workflow.as_ref().map(Workflow::to_json)),
        ("arguments", (!arguments.is_empty()).then_some(Value::Object(arguments))),
        ("amount", request.amount.as_ref().map(Amount::to_json)),
    ];
    members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
}

/// `NAME=VALUE`.
fn argument(text: &str) -> Result<(String, Value), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| "write it as NAME=VALUE".to_owned())?;
    let json = json::parse(value.as_bytes(), MAX_VALUE_BYTES).ok();
    Ok((name.to_owned(), json.unwrap_or_else(|| Value::String(value.to_owned()))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_argument_is_json_where_it_is_that_and_text_otherwise() {
        let cases = [
            ("n=5", json!(5)),
            ("n=true", json!(true)),
            ("n=\"5\"", json!("5")),
            ("n=[1,2]", json!([1, 2])),
            ("n=did:web:a.example", json!("did:web:a.example")),
            ("n=a=b", json!("a=b")),
            ("n=", json!("")),
            ("n={\"a\":1,\"a\":2}", json!("{\"a\":1,\"a\":2}")),
        ];
        for (text, value) in cases {
            assert_eq!(argument(text), Ok(("n".to_owned(), value)), "{text}");
        }
        assert!(argument("n").is_err());
    }

    #[test]
    fn an_argument_with_two_values_is_refused() {
        let one = |value: &str| ("n".to_owned(), json!(value));
        let of = |arguments| OneUse { arguments, ..OneUse::default() };
        assert!(of(vec![one("a"), one("a")]).request(None).is_err());
        let request = of(vec![one("a")]).request(Some("a:b".parse().unwrap())).unwrap();
        assert_eq!(Value::Object(members(&request)), json!({"capability": "a:b", "arguments": {"n": "a"}}));
    }
}
