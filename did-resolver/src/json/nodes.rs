//! What stands where in a JSON text, in one list, made value by value.

use super::{JsonError, MAX_DEPTH, MAX_INTEGER};
use std::collections::BTreeSet;

/// Names of an object that are compared one by one; with more of them a set is kept.
const FEW: usize = 16;

/// Nodes that there is room made for at first: those of most credentials.
const ROOM: usize = 96;

/// What stands in an array or object follows it: values, or names and values in turn.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Node {
    Null,
    Bool(bool),
    Unsigned(u64),
    Negative(i64),
    Float(f64),
    Text(Span),
    Array(Extent),
    Object(Extent),
}

/// A part of the text, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) from: u32,
    pub(super) length: u32,
}

/// How many items or members there are, and how many nodes all of them take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    pub(super) items: u32,
    pub(super) nodes: u32,
}

impl Node {
    /// How many nodes stand between it and the next beside it.
    pub(super) const fn below(self) -> usize {
        match self {
            Self::Array(extent) | Self::Object(extent) => extent.nodes as usize,
            _ => 0,
        }
    }
}

/// Makes a [`super::Tree`], value by value in the order of its text.
#[derive(Debug, Default)]
pub struct Builder {
    /// The length of a text that some of the texts stand in.
    before: u32,
    text: String,
    nodes: Vec<Node>,
}

/// Where an array or an object began that is not ended yet.
#[derive(Debug)]
pub struct Place(usize);

impl Builder {
    /// Of texts that stand in one of so many bytes, and others.
    pub(super) fn beside(bytes: usize) -> Result<Self, JsonError> {
        let before = u32::try_from(bytes).map_err(|_| JsonError::TooLong)?;
        Ok(Self { before, text: String::new(), nodes: Vec::with_capacity(ROOM.min(bytes / 4 + 1)) })
    }

    /// The texts that stand nowhere else, and the nodes.
    pub(super) fn into_parts(self) -> (String, Vec<Node>) {
        (self.text, self.nodes)
    }

    /// `null`.
    pub fn null(&mut self) {
        self.nodes.push(Node::Null);
    }

    /// `true` or `false`.
    pub fn bool(&mut self, value: bool) {
        self.nodes.push(Node::Bool(value));
    }

    /// An integer.
    ///
    /// # Errors
    /// [`JsonError::Integer`] where not every reader holds it exactly.
    pub fn unsigned(&mut self, value: u64) -> Result<(), JsonError> {
        if value > MAX_INTEGER {
            return Err(JsonError::Integer);
        }
        self.nodes.push(Node::Unsigned(value));
        Ok(())
    }

    /// An integer.
    ///
    /// # Errors
    /// [`JsonError::Integer`] where not every reader holds it exactly.
    pub fn integer(&mut self, value: i64) -> Result<(), JsonError> {
        match u64::try_from(value) {
            Ok(value) => self.unsigned(value),
            Err(_) if value.unsigned_abs() > MAX_INTEGER => Err(JsonError::Integer),
            Err(_) => {
                self.nodes.push(Node::Negative(value));
                Ok(())
            }
        }
    }

    /// A number with a fraction, or one that is written as if it had one.
    ///
    /// # Errors
    /// [`JsonError::Integer`] where it is not finite, or an integer that not every reader holds exactly.
    pub fn float(&mut self, value: f64) -> Result<(), JsonError> {
        #[expect(clippy::cast_precision_loss, reason = "2^53 - 1 is exact as a double")]
        let integer_too_large = value.fract() == 0.0 && value.abs() > MAX_INTEGER as f64;
        if integer_too_large || !value.is_finite() {
            return Err(JsonError::Integer);
        }
        self.nodes.push(Node::Float(value));
        Ok(())
    }

    /// A text, or the name of the member whose value comes next.
    ///
    /// # Errors
    /// [`JsonError::TooLong`] beyond 4 GiB of text.
    pub fn text(&mut self, text: &str) -> Result<(), JsonError> {
        let from = self.text.len();
        self.text.push_str(text);
        self.span(from + self.before as usize, text.len())
    }

    /// A text that stands in the one beside.
    pub(super) fn span(&mut self, from: usize, length: usize) -> Result<(), JsonError> {
        let number = |number| u32::try_from(number).map_err(|_| JsonError::TooLong);
        number(from + length)?;
        self.nodes.push(Node::Text(Span { from: number(from)?, length: number(length)? }));
        Ok(())
    }

    /// Begins an array or object, `depth` levels below the root; what stands in it comes next.
    ///
    /// # Errors
    /// [`JsonError::TooDeep`].
    pub fn begin(&mut self, depth: usize) -> Result<Place, JsonError> {
        if depth > MAX_DEPTH {
            return Err(JsonError::TooDeep);
        }
        self.nodes.push(Node::Null);
        Ok(Place(self.nodes.len() - 1))
    }

    /// Ends an array of so many items.
    ///
    /// # Errors
    /// [`JsonError::TooLong`] beyond 2^32 of them.
    pub fn end_array(&mut self, Place(at): Place, items: usize) -> Result<(), JsonError> {
        let extent = self.extent(at, items)?;
        self.nodes.get_mut(at).map_or(Err(JsonError::Malformed), |node| {
            *node = Node::Array(extent);
            Ok(())
        })
    }

    /// Ends an object of so many members. That no name stands in it twice is for the caller to see to.
    ///
    /// # Errors
    /// As [`Self::end_array`].
    pub fn end_object(&mut self, Place(at): Place, members: usize) -> Result<(), JsonError> {
        let extent = self.extent(at, members)?;
        self.nodes.get_mut(at).map_or(Err(JsonError::Malformed), |node| {
            *node = Node::Object(extent);
            Ok(())
        })
    }

    fn extent(&self, at: usize, items: usize) -> Result<Extent, JsonError> {
        let number = |number| u32::try_from(number).map_err(|_| JsonError::TooLong);
        Ok(Extent { items: number(items)?, nodes: number(self.nodes.len() - at - 1)? })
    }

    /// The text that a node stands for; `beside` is the text beside.
    fn text_of<'a>(&'a self, at: usize, beside: &'a str) -> &'a str {
        let Some(Node::Text(span)) = self.nodes.get(at) else { return "" };
        let (from, length) = (span.from as usize, span.length as usize);
        match from.checked_sub(self.before as usize) {
            None => beside.get(from..from + length),
            Some(from) => self.text.get(from..from + length),
        }
        .unwrap_or_default()
    }

    /// Whether the name that came last stands in this object before, among `members` others.
    pub(super) fn repeats(&self, names: &mut Names, members: usize, beside: &str) -> bool {
        let last = self.nodes.len().saturating_sub(1);
        let name = self.text_of(last, beside);
        if members >= FEW {
            if names.many.is_empty() {
                names.many = self.names(names.object, last, beside).map(str::to_owned).collect();
            }
            return !names.many.insert(name.to_owned());
        }
        self.names(names.object, last, beside).any(|known| known == name)
    }

    /// The names of the object there, up to a place in it.
    fn names<'a>(&'a self, object: usize, until: usize, beside: &'a str) -> impl Iterator<Item = &'a str> {
        let next = |at: &usize| Some(at + 2 + self.nodes.get(at + 1)?.below());
        std::iter::successors(Some(object + 1), next)
            .take_while(move |at| *at < until)
            .map(move |at| self.text_of(at, beside))
    }
}

/// The names of an object that is being read.
pub(super) struct Names {
    object: usize,
    many: BTreeSet<String>,
}

impl Names {
    pub(super) const fn of(Place(object): &Place) -> Self {
        Self { object: *object, many: BTreeSet::new() }
    }
}
