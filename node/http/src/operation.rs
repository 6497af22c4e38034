//! What is said of an endpoint to those who call it: parameters, bodies, answers, and every code it refuses with.

use vc_schemas::code::Code;

/// A body that is taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Payload {
    /// Its media types.
    pub(crate) media_types: &'static [&'static str],
    /// The schema of JSON; what is of another type is bytes.
    pub(crate) schema: &'static str,
    /// Longest, in bytes.
    pub(crate) max_bytes: usize,
    /// Whether there must be one.
    pub(crate) is_required: bool,
}

/// An answer that is no problem.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) media_types: &'static [&'static str],
    /// Empty where it is text or bytes.
    pub(crate) schema: &'static str,
}

/// An endpoint as callers are told of it. Schemas and parameters are named: they stand in
/// `openapi/components.json`.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) summary: &'static str,
    pub(crate) query: &'static [&'static str],
    pub(crate) payload: Option<Payload>,
    pub(crate) answers: Vec<Answer>,
    /// Beside those of every endpoint of its kind.
    pub(crate) codes: Vec<Code>,
    /// Whether refusals of documents are answered as the VC-API says.
    pub(crate) is_vc_api: bool,
}

/// The media type of nearly everything.
pub(crate) const JSON: &[&str] = &["application/json"];

impl Operation {
    /// By the name that a generated client calls it.
    pub(crate) fn new(id: impl Into<String>, summary: &'static str) -> Self {
        Self {
            id: id.into(),
            summary,
            query: &[],
            payload: None,
            answers: Vec::new(),
            codes: Vec::new(),
            is_vc_api: false,
        }
    }

    /// With these query parameters.
    pub(crate) const fn query(mut self, names: &'static [&'static str]) -> Self {
        self.query = names;
        self
    }

    /// Takes JSON of this schema.
    pub(crate) const fn takes(self, schema: &'static str, max_bytes: usize) -> Self {
        self.payload(Payload { media_types: JSON, schema, max_bytes, is_required: true })
    }

    /// Takes this.
    pub(crate) const fn payload(mut self, payload: Payload) -> Self {
        self.payload = Some(payload);
        self
    }

    /// Answers JSON of this schema with 200.
    pub(crate) fn answers(self, schema: &'static str) -> Self {
        self.gives(200, JSON, schema)
    }

    /// Answers JSON of this schema with 201.
    pub(crate) fn creates(self, schema: &'static str) -> Self {
        self.gives(201, JSON, schema)
    }

    /// Answers this.
    pub(crate) fn gives(
        mut self,
        status: u16,
        media_types: &'static [&'static str],
        schema: &'static str,
    ) -> Self {
        self.answers.push(Answer { status, media_types, schema });
        self
    }

    /// Refuses with these codes, beside those of every endpoint of its kind.
    pub(crate) fn refuses(mut self, codes: &[Code]) -> Self {
        self.codes.extend_from_slice(codes);
        self
    }

    /// Answers refusals of documents as the VC-API says.
    pub(crate) const fn of_vc_api(mut self) -> Self {
        self.is_vc_api = true;
        self
    }
}
