//! How bytes get from node to node: TCP with Noise and yamux, where it is configured QUIC, and connections
//! through relays, which are secured end to end like any other. Each is metered below what it carries.

use crate::limits::{HANDSHAKE, MAX_STREAMS, QUIC_CONNECTION_BYTES, QUIC_STREAM_BYTES};
use crate::meter::{Metered, MeteredStreams, Meters};
use crate::names::Names;
use futures::future::Either;
use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::Boxed;
use libp2p::core::transport::timeout::TransportTimeout;
use libp2p::core::upgrade::Version;
use libp2p::identity::Keypair;
use libp2p::multiaddr::Protocol;
use libp2p::{Multiaddr, PeerId, Transport, noise, quic, relay, tcp, yamux};

/// What the swarm dials and listens with.
pub(crate) type Whole = Boxed<(PeerId, StreamMuxerBox)>;

/// The transport of the node with this key, and the behaviour that its connections through relays need.
///
/// # Errors
/// Where Noise does not take the key.
pub(crate) fn transport(
    key: &Keypair,
    meters: &Meters,
    with_quic: bool,
) -> Result<(Whole, relay::client::Behaviour), String> {
    let (relayed, circuits) = relay::client::new(key.public().to_peer_id());
    let mut mux = yamux::Config::default();
    mux.set_max_num_streams(MAX_STREAMS);
    let noise = noise::Config::new(key).map_err(|e| e.to_string())?;
    let of_tcp = meters.clone();
    let streams = relayed
        .or_transport(tcp::tokio::Transport::new(tcp::Config::default().nodelay(true)))
        .upgrade(Version::V1Lazy)
        .authenticate(noise)
        .multiplex_ext(move |peer, _| Metered::new(mux, of_tcp.of(*peer)))
        .map(|(peer, connection), _| (peer, StreamMuxerBox::new(connection)));
    let whole = if with_quic {
        let of_quic = meters.clone();
        let datagrams = quic::tokio::Transport::new(quic_config(key)).map(move |(peer, connection), _| {
            (peer, StreamMuxerBox::new(MeteredStreams::new(connection, of_quic.of(peer))))
        });
        let both = streams.or_transport(datagrams);
        both.map(|either, _| match either {
            Either::Left(connection) | Either::Right(connection) => connection,
        })
        .boxed()
    } else {
        streams.boxed()
    };
    // The time for a handshake is also that for looking up a name.
    Ok((TransportTimeout::new(Names::new(whole), HANDSHAKE).boxed(), circuits))
}

fn quic_config(key: &Keypair) -> quic::Config {
    let mut config = quic::Config::new(key);
    config.handshake_timeout = HANDSHAKE;
    config.max_concurrent_stream_limit = u32::try_from(MAX_STREAMS).unwrap_or(u32::MAX);
    config.max_stream_data = QUIC_STREAM_BYTES;
    config.max_connection_data = QUIC_CONNECTION_BYTES;
    config
}

/// Whether an address is one of QUIC.
pub(crate) fn is_quic(address: &Multiaddr) -> bool {
    address.iter().any(|part| part == Protocol::QuicV1)
}
