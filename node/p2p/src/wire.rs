//! The two request-response protocols as libp2p codecs (MESH.md D1, D6, D10): bounded bytes in and
//! out. What the bytes say is read by `marque_rules::replica::message`.
//!
//! One message fills one direction of one substream, from its opening to its end.

use futures::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use libp2p::StreamProtocol;
use libp2p::request_response::Codec;
use marque_rules::replica::limits::{MAX_HELLO_BYTES, MAX_SYNC_REQUEST_BYTES, MAX_SYNC_RESPONSE_BYTES};
use marque_rules::replica::message::{HELLO_PROTOCOL, SYNC_PROTOCOL};
use std::io;

/// Bytes both ways, within bounds.
#[derive(Debug, Clone, Copy)]
pub struct Bounded {
    request: usize,
    response: usize,
}

impl Bounded {
    /// The bounds of `/marque/hello/1`.
    pub const HELLO: Self = Self { request: MAX_HELLO_BYTES, response: MAX_HELLO_BYTES };

    /// The bounds of `/marque/sync/1`.
    pub const SYNC: Self = Self { request: MAX_SYNC_REQUEST_BYTES, response: MAX_SYNC_RESPONSE_BYTES };
}

/// `/marque/hello/1`.
pub const HELLO: StreamProtocol = StreamProtocol::new(HELLO_PROTOCOL);

/// `/marque/sync/1`.
pub const SYNC: StreamProtocol = StreamProtocol::new(SYNC_PROTOCOL);

impl Codec for Bounded {
    type Protocol = StreamProtocol;
    type Request = Vec<u8>;
    type Response = Vec<u8>;

    /// Reads a request. Where there is more than its bound, it is cut one byte beyond it: libp2p tells
    /// nobody whose request could not be read, and whoever decodes this one refuses it as too large.
    async fn read_request<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        read(io, self.request).await
    }

    async fn read_response<T>(&mut self, _: &StreamProtocol, io: &mut T) -> io::Result<Vec<u8>>
    where
        T: AsyncRead + Unpin + Send,
    {
        let bytes = read(io, self.response).await?;
        if bytes.len() > self.response { Err(too_long()) } else { Ok(bytes) }
    }

    async fn write_request<T>(&mut self, _: &StreamProtocol, io: &mut T, bytes: Vec<u8>) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write(io, &bytes, self.request).await
    }

    async fn write_response<T>(&mut self, _: &StreamProtocol, io: &mut T, bytes: Vec<u8>) -> io::Result<()>
    where
        T: AsyncWrite + Unpin + Send,
    {
        write(io, &bytes, self.response).await
    }
}

/// Reads to the end of the stream, or `most` bytes and one.
async fn read<T: AsyncRead + Unpin + Send>(io: &mut T, most: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    io.take(most as u64 + 1).read_to_end(&mut bytes).await?;
    Ok(bytes)
}

async fn write<T: AsyncWrite + Unpin + Send>(io: &mut T, bytes: &[u8], most: usize) -> io::Result<()> {
    if bytes.len() > most {
        return Err(too_long());
    }
    io.write_all(bytes).await
}

fn too_long() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "message over its bound")
}

#[cfg(test)]
mod tests;
