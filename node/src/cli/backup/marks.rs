//! What of a log an operator knows by name: the latest number of each own list, and the latest time that was seen.

use did_resolver::time::UnixSeconds;
use marque_flows::ports::records::Table;
use marque_store::backup::Marks;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// The record of the latest time.
const HIGH_WATER: &[u8] = b"high-water-time";

/// As far as the log went by.
#[derive(Debug, Default)]
pub(super) struct Marked {
    lists: BTreeMap<String, u64>,
    high_water: Option<u64>,
}

impl Marks for Marked {
    fn record(&mut self, table: Table, key: &[u8], value: Option<&[u8]>) {
        match table {
            // Beside the state of a list lie its tokens, whose keys have a second line.
            Table::ListStates if !key.contains(&b'\n') => {
                let state: Option<Value> = value.and_then(|value| serde_json::from_slice(value).ok());
                let sequence = state.as_ref().and_then(|state| state.get("sequence")).and_then(Value::as_u64);
                if let (Ok(name), Some(sequence)) = (std::str::from_utf8(key), sequence) {
                    self.lists.insert(name.to_owned(), sequence);
                }
            }
            Table::Node if key == HIGH_WATER => {
                self.high_water = value.and_then(|value| value.try_into().ok()).map(u64::from_be_bytes);
            }
            _ => {}
        }
    }

    fn marks(&self) -> Value {
        let high_water = self.high_water.map(|seconds| UnixSeconds::new(seconds).to_string());
        json!({"lists": self.lists, "highWater": high_water})
    }
}
