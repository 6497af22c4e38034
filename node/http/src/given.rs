//! The body of an answer on its way out: bytes that are kept, of which nothing is copied, or whatever the router gives.

use crate::heads::Answering;
use axum::body::{Body, Bytes};
use hyper::body::{Buf, Frame, SizeHint};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

/// The rest of some bytes that are shared.
#[derive(Debug)]
pub(crate) struct Piece {
    bytes: Arc<[u8]>,
    at: usize,
}

/// A body, as long as it is being given.
#[derive(Debug)]
pub(crate) struct Given {
    body: Kind,
    _answering: Answering,
}

#[derive(Debug)]
enum Kind {
    /// `None` once it was taken, and where there is nothing.
    Kept(Option<Piece>),
    Made(Body),
}

/// Bytes of a body.
#[derive(Debug)]
pub(crate) enum Chunk {
    Kept(Piece),
    Made(Bytes),
}

impl Piece {
    /// What of `bytes` is there from `at` on.
    pub(crate) const fn new(bytes: Arc<[u8]>, at: usize) -> Self {
        Self { bytes, at }
    }

    pub(crate) fn rest(&self) -> &[u8] {
        self.bytes.get(self.at..).unwrap_or_default()
    }
}

impl Given {
    pub(crate) fn kept(piece: Option<Piece>, answering: Answering) -> Self {
        let piece = piece.filter(|piece| !piece.rest().is_empty());
        Self { body: Kind::Kept(piece), _answering: answering }
    }

    pub(crate) const fn made(body: Body, answering: Answering) -> Self {
        Self { body: Kind::Made(body), _answering: answering }
    }
}

impl From<Piece> for Body {
    fn from(piece: Piece) -> Self {
        piece.rest().to_vec().into()
    }
}

impl hyper::body::Body for Given {
    type Data = Chunk;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Chunk>, axum::Error>>> {
        match &mut self.body {
            Kind::Kept(piece) => Poll::Ready(piece.take().map(|piece| Ok(Frame::data(Chunk::Kept(piece))))),
            Kind::Made(body) => {
                let made = |frame: Frame<Bytes>| frame.map_data(Chunk::Made);
                Pin::new(body).poll_frame(context).map(|frame| frame.map(|frame| frame.map(made)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.body {
            Kind::Kept(piece) => piece.is_none(),
            Kind::Made(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.body {
            Kind::Kept(piece) => {
                let bytes = piece.as_ref().map_or(0, |piece| piece.rest().len());
                SizeHint::with_exact(u64::try_from(bytes).unwrap_or(u64::MAX))
            }
            Kind::Made(body) => body.size_hint(),
        }
    }
}

impl Buf for Chunk {
    fn remaining(&self) -> usize {
        self.chunk().len()
    }

    fn chunk(&self) -> &[u8] {
        match self {
            Self::Kept(piece) => piece.rest(),
            Self::Made(bytes) => bytes,
        }
    }

    fn advance(&mut self, count: usize) {
        match self {
            Self::Kept(piece) => piece.at = piece.at.saturating_add(count).min(piece.bytes.len()),
            Self::Made(bytes) => bytes.advance(count),
        }
    }
}

#[cfg(test)]
mod tests;
