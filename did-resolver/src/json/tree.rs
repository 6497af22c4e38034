//! JSON that was read and is looked at in place: one text, and in one list what stands where in it.
//!
//! What is presented is read once, member by member, and dropped. An owned text for each name and each
//! value would cost more than all that is then asked of them.

use super::nodes::{Builder, Extent, Node, Span};
use serde_json::{Map, Number, Value, map};
use std::slice;
use std::sync::OnceLock;

/// A JSON value that was read strictly, with the text that it was read from.
#[derive(Debug, Clone)]
pub struct Tree {
    /// What was read, and after it the texts that had escapes in it.
    text: String,
    nodes: Vec<Node>,
    value: OnceLock<Value>,
}

impl Tree {
    pub(super) const fn new(text: String, nodes: Vec<Node>) -> Self {
        Self { text, nodes, value: OnceLock::new() }
    }

    /// The whole, to be looked at.
    #[must_use]
    pub const fn root(&self) -> Json<'_> {
        Json::Node(At { tree: self, at: 0 })
    }

    /// The whole in owned parts, made when it is first asked for.
    #[must_use]
    pub fn value(&self) -> &Value {
        self.value.get_or_init(|| self.root().to_value())
    }

    /// Takes the member `name` out of an object.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        let mut at = 1;
        let root = At { tree: self, at: 0 };
        let taken = loop {
            let (found, value) = root.member(at)?;
            if found == name {
                break value.to_value();
            }
            at = root.after_member(at);
        };
        let end = root.after_member(at);
        let gone = u32::try_from(end - at).ok()?;
        let Some(Node::Object(extent)) = self.nodes.first_mut() else { return None };
        *extent = Extent { items: extent.items.checked_sub(1)?, nodes: extent.nodes.checked_sub(gone)? };
        self.nodes.drain(at..end);
        self.value = OnceLock::new();
        Some(taken)
    }

    /// The bytes of memory that it takes, without [`Self::value`].
    #[must_use]
    pub const fn weight(&self) -> usize {
        self.text.capacity() + self.nodes.capacity() * size_of::<Node>()
    }

    fn node(&self, at: usize) -> Node {
        self.nodes.get(at).copied().unwrap_or(Node::Null)
    }

    fn text(&self, span: Span) -> &str {
        let from = span.from as usize;
        self.text.get(from..from + span.length as usize).unwrap_or_default()
    }
}

impl PartialEq for Tree {
    fn eq(&self, other: &Self) -> bool {
        self.value() == other.value()
    }
}

impl Eq for Tree {}

impl Builder {
    /// The whole.
    #[must_use]
    pub fn finish(self) -> Tree {
        let (text, nodes) = self.into_parts();
        Tree::new(text, nodes)
    }
}

/// A value that is looked at, wherever it is held.
#[derive(Debug, Clone, Copy)]
pub enum Json<'a> {
    /// In owned parts.
    Value(&'a Value),
    /// In a [`Tree`].
    Node(At<'a>),
}

/// A place in a [`Tree`].
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    tree: &'a Tree,
    at: usize,
}

impl<'a> At<'a> {
    fn node(self) -> Node {
        self.tree.node(self.at)
    }

    fn other(self, at: usize) -> Self {
        Self { tree: self.tree, at }
    }

    /// The node after the value there.
    fn after(self) -> usize {
        self.at + 1 + self.node().below()
    }

    /// The member of this object whose name is there, unless the object ended before.
    fn member(self, at: usize) -> Option<(&'a str, Json<'a>)> {
        if !matches!(self.node(), Node::Object(_)) || at >= self.after() {
            return None;
        }
        let Node::Text(name) = self.tree.node(at) else { return None };
        Some((self.tree.text(name), Json::Node(self.other(at + 1))))
    }

    /// The value of the member `name` of this object.
    fn find(self, name: &str) -> Option<Self> {
        let Node::Object(Extent { items, .. }) = self.node() else { return None };
        let mut at = self.at + 1;
        for _ in 0..items {
            let Some(Node::Text(span)) = self.tree.nodes.get(at) else { return None };
            if span.length as usize == name.len() && self.tree.text(*span) == name {
                return Some(self.other(at + 1));
            }
            at = self.after_member(at);
        }
        None
    }

    fn after_member(self, at: usize) -> usize {
        self.other(at + 1).after()
    }
}

impl<'a> From<&'a Value> for Json<'a> {
    fn from(value: &'a Value) -> Self {
        Self::Value(value)
    }
}

impl<'a> From<&'a Tree> for Json<'a> {
    fn from(tree: &'a Tree) -> Self {
        tree.root()
    }
}

impl<'a> Json<'a> {
    /// The text, of a text.
    #[must_use]
    pub fn as_str(self) -> Option<&'a str> {
        match self {
            Self::Value(value) => value.as_str(),
            Self::Node(at) => match at.node() {
                Node::Text(span) => Some(at.tree.text(span)),
                _ => None,
            },
        }
    }

    /// The number, of a whole one that is not negative.
    #[must_use]
    pub fn as_u64(self) -> Option<u64> {
        match self {
            Self::Value(value) => value.as_u64(),
            Self::Node(at) => match at.node() {
                Node::Unsigned(number) => Some(number),
                _ => None,
            },
        }
    }

    /// The number, of a whole one.
    #[must_use]
    pub fn as_i64(self) -> Option<i64> {
        match self {
            Self::Value(value) => value.as_i64(),
            Self::Node(at) => match at.node() {
                Node::Unsigned(number) => i64::try_from(number).ok(),
                Node::Negative(number) => Some(number),
                _ => None,
            },
        }
    }

    /// The truth value, of one.
    #[must_use]
    pub fn as_bool(self) -> Option<bool> {
        match self {
            Self::Value(value) => value.as_bool(),
            Self::Node(at) => match at.node() {
                Node::Bool(value) => Some(value),
                _ => None,
            },
        }
    }

    /// Whether it is an object.
    #[must_use]
    pub fn is_object(self) -> bool {
        match self {
            Self::Value(value) => value.is_object(),
            Self::Node(at) => matches!(at.node(), Node::Object(_)),
        }
    }

    /// The member `name`, of an object that has it.
    #[must_use]
    pub fn get(self, name: &str) -> Option<Self> {
        match self {
            Self::Value(value) => value.as_object()?.get(name).map(Self::Value),
            Self::Node(at) => at.find(name).map(Self::Node),
        }
    }

    /// The items, of an array.
    #[must_use]
    pub fn items(self) -> Option<Items<'a>> {
        match self {
            Self::Value(value) => value.as_array().map(|items| Items::Values(items.iter())),
            Self::Node(at) => match at.node() {
                Node::Array(extent) => Some(Items::Nodes(at.other(at.at + 1), extent.items as usize)),
                _ => None,
            },
        }
    }

    /// The names and values of the members, of an object.
    #[must_use]
    pub fn members(self) -> Option<Members<'a>> {
        match self {
            Self::Value(value) => value.as_object().map(|members| Members::Values(members.iter())),
            Self::Node(at) => match at.node() {
                Node::Object(_) => Some(Members::Nodes(at, at.at + 1)),
                _ => None,
            },
        }
    }

    /// Whether it is an array of just these texts.
    #[must_use]
    pub fn is_texts(self, texts: &[&str]) -> bool {
        let Some(items) = self.items() else { return false };
        items.len() == texts.len() && items.zip(texts).all(|(item, text)| item.as_str() == Some(*text))
    }

    /// The value in owned parts.
    #[must_use]
    pub fn to_value(self) -> Value {
        let at = match self {
            Self::Value(value) => return value.clone(),
            Self::Node(at) => at,
        };
        match at.node() {
            Node::Null => Value::Null,
            Node::Bool(value) => Value::Bool(value),
            Node::Unsigned(number) => Value::Number(number.into()),
            Node::Negative(number) => Value::Number(number.into()),
            Node::Float(number) => Number::from_f64(number).map_or(Value::Null, Value::Number),
            Node::Text(span) => Value::String(at.tree.text(span).to_owned()),
            Node::Array(_) => self.items().into_iter().flatten().map(Json::to_value).collect(),
            Node::Object(_) => {
                let members = self.members().into_iter().flatten();
                let members: Map<_, _> =
                    members.map(|(name, value)| (name.to_owned(), value.to_value())).collect();
                Value::Object(members)
            }
        }
    }
}

/// The items of an array.
#[derive(Debug, Clone)]
pub enum Items<'a> {
    /// In owned parts.
    Values(slice::Iter<'a, Value>),
    /// The next, and how many there are.
    Nodes(At<'a>, usize),
}

impl<'a> Iterator for Items<'a> {
    type Item = Json<'a>;

    fn next(&mut self) -> Option<Json<'a>> {
        match self {
            Self::Values(values) => values.next().map(Json::Value),
            Self::Nodes(at, left) => {
                *left = left.checked_sub(1)?;
                let item = *at;
                *at = item.other(item.after());
                Some(Json::Node(item))
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = match self {
            Self::Values(values) => values.len(),
            Self::Nodes(_, left) => *left,
        };
        (left, Some(left))
    }
}

impl ExactSizeIterator for Items<'_> {}

/// The members of an object.
#[derive(Debug, Clone)]
pub enum Members<'a> {
    /// In owned parts.
    Values(map::Iter<'a>),
    /// The object, and where the name of the next stands.
    Nodes(At<'a>, usize),
}

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, Json<'a>);

    fn next(&mut self) -> Option<(&'a str, Json<'a>)> {
        match self {
            Self::Values(members) => members.next().map(|(name, value)| (name.as_str(), Json::Value(value))),
            Self::Nodes(object, at) => {
                let member = object.member(*at)?;
                *at = object.after_member(*at);
                Some(member)
            }
        }
    }
}
