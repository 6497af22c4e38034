//! The layers themselves: keys with their values and where each came from.

use super::nearest::nearest;
use super::{Config, MAX_FILE_BYTES, refused};
use crate::failure::{Failure, Local};
use crate::files;
use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use toml::{Table, Value};

/// What every variable of the program begins with.
const PREFIX: &str = "MARQUE_";

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nobody said otherwise.
    Default,
    /// A file.
    File(PathBuf),
    /// A variable of the environment.
    Variable(String),
    /// A flag of the command.
    Flag(&'static str),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Variable(name) => f.write_str(name),
            Self::Flag(name) => write!(f, "--{name}"),
        }
    }
}

/// Keys such as `listen.public`, each with its value and origin.
#[derive(Debug, Clone)]
pub struct Layers {
    keys: BTreeMap<String, (Value, Origin)>,
}

impl Layers {
    /// The defaults. What they have is what there is.
    ///
    /// # Errors
    /// None in practice: the defaults can be written as TOML.
    pub fn defaults() -> Result<Self, Failure> {
        let table = Table::try_from(Config::default()).map_err(|e| refused(e.to_string()))?;
        let mut keys = BTreeMap::new();
        flatten("", table, &mut |key, value| {
            keys.insert(key, (value, Origin::Default));
        });
        Ok(Self { keys })
    }

    /// Reads all layers below the flags. A file that is named must be there.
    ///
    /// # Errors
    /// [`Local::Configuration`] names the file or variable, and the key; [`Local::File`].
    pub fn read(
        system: &Path,
        user: Option<&Path>,
        named: Option<&Path>,
        own: &Path,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self, Failure> {
        let mut layers = Self::defaults()?;
        for path in [Some(system), user].into_iter().flatten() {
            if let Some(bytes) = files::read_if_there(path, MAX_FILE_BYTES)? {
                layers.add_file(path, &bytes)?;
            }
        }
        match named {
            Some(path) => {
                layers.add_file(path, &files::read(path, MAX_FILE_BYTES).map_err(Failure::by_caller)?)?
            }
            None => {
                if let Some(bytes) = files::read_if_there(own, MAX_FILE_BYTES)? {
                    layers.add_file(own, &bytes)?;
                }
            }
        }
        layers.add_environment(environment)?;
        Ok(layers)
    }

    /// Adds a file.
    ///
    /// # Errors
    /// [`Local::Configuration`].
    pub fn add_file(&mut self, path: &Path, bytes: &[u8]) -> Result<(), Failure> {
        let name = path.display();
        let text = std::str::from_utf8(bytes).map_err(|_| unreadable(format!("{name}: not UTF-8")))?;
        let table: Table = text.parse().map_err(|e: toml::de::Error| {
            let line = e.span().map(|span| text.get(..span.start).unwrap_or_default().lines().count().max(1));
            let at = line.map(|line| format!(", line {line}")).unwrap_or_default();
            unreadable(format!("{name}{at}: {}", e.message()))
        })?;
        let mut found = Vec::new();
        flatten("", table, &mut |key, value| found.push((key, value)));
        for (key, value) in found {
            self.set(&key, value, Origin::File(path.to_owned()))?;
        }
        Ok(())
    }

    /// Adds `MARQUE_SECTION__KEY` and `MARQUE_DOMAIN`. Other variables without a double underscore are
    /// not configuration.
    ///
    /// # Errors
    /// [`Local::Configuration`].
    pub fn add_environment(
        &mut self,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(), Failure> {
        for (name, text) in environment {
            let Some(rest) = name.strip_prefix(PREFIX) else { continue };
            if rest.contains("__") || rest == "DOMAIN" {
                let key = rest.to_ascii_lowercase().replace("__", ".");
                // As TOML writes it where that is TOML, else as plain text.
                let value = match (self.keys.get(&key), parse_value(&text)) {
                    (Some((Value::String(_), _)), _) | (_, None) => Value::String(text),
                    (_, Some(value)) => value,
                };
                self.set(&key, value, Origin::Variable(name))?;
            }
        }
        Ok(())
    }

    /// Sets one key.
    ///
    /// # Errors
    /// [`Local::Configuration`] for a key that is not known, or a value of another kind than its default.
    pub fn set(&mut self, key: &str, value: Value, origin: Origin) -> Result<(), Failure> {
        let Some(place) = self.keys.get_mut(key) else {
            let action = match nearest(key, self.keys.keys().map(String::as_str)) {
                Some(near) => format!("Did you mean {near}?"),
                None => "marque config show lists the keys.".to_owned(),
            };
            return Err(Failure::local(
                Local::Configuration,
                format!("{origin}: no such key: {key}"),
                action,
            ));
        };
        if !place.0.same_type(&value) {
            let (wanted, found) = (place.0.type_str(), value.type_str());
            return Err(unreadable(format!("{origin}: {key} is {found}, and must be {wanted}")));
        }
        *place = (value, origin);
        Ok(())
    }

    /// The configuration of all layers.
    ///
    /// # Errors
    /// [`Local::Configuration`] names the key and where its value came from.
    pub fn build(&self) -> Result<Config, Failure> {
        let values = self.keys.iter().map(|(key, (value, _))| (key, value));
        let config = read(values).map_err(|why| self.culprit().unwrap_or_else(|| refused(why)))?;
        config.check()?;
        Ok(config)
    }

    /// What is wrong with the first value that cannot be read even if all others have their defaults.
    fn culprit(&self) -> Option<Failure> {
        let usual = Self::defaults().ok()?;
        self.keys.iter().find_map(|(key, (value, origin))| {
            let values = usual.keys.iter().map(|(k, (v, _))| (k, if k == key { value } else { v }));
            let why = read(values).err()?;
            Some(unreadable(format!("{origin}: {key} is {value}: {why}")))
        })
    }

    /// Every key with its value and origin, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value, &Origin)> {
        self.keys.iter().map(|(key, (value, origin))| (key.as_str(), value, origin))
    }
}

/// What already says where it stands.
fn unreadable(reason: String) -> Failure {
    Failure::local(Local::Configuration, reason, "Mend it there: config.example.toml has every option.")
}

/// The keys of a configuration with their values.
pub(super) fn values(config: &Config) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    // What was read from TOML can be written as TOML.
    let table = Table::try_from(config).unwrap_or_default();
    flatten("", table, &mut |key, value| drop(found.insert(key, value)));
    found
}

/// The configuration that keys and values are, not checked yet.
fn read<'a>(values: impl Iterator<Item = (&'a String, &'a Value)>) -> Result<Config, String> {
    let mut table = Table::new();
    for (key, value) in values {
        match key.split_once('.') {
            None => drop(table.insert(key.clone(), value.clone())),
            Some((section, name)) => {
                let section = table.entry(section.to_owned()).or_insert_with(|| Value::Table(Table::new()));
                if let Some(section) = section.as_table_mut() {
                    section.insert(name.to_owned(), value.clone());
                }
            }
        }
    }
    table.try_into().map_err(|e: toml::de::Error| e.message().trim().replace('\n', " "))
}

fn parse_value(text: &str) -> Option<Value> {
    format!("value = {text}")
        .parse::<Table>()
        .ok()
        .filter(|t| t.len() == 1)
        .and_then(|mut t| t.remove("value"))
}

/// Calls `each` for every key of `table` that is no table itself. An empty table has none.
fn flatten(prefix: &str, table: Table, each: &mut impl FnMut(String, Value)) {
    for (name, value) in table {
        let key = if prefix.is_empty() { name } else { format!("{prefix}.{name}") };
        match value {
            Value::Table(inner) => flatten(&key, inner, each),
            value => each(key, value),
        }
    }
}
