//! Answers to what peers ask (MESH.md D1, D6, D10).

use super::effect::Effect;
use super::io::{ChannelId, Peer};
use super::metrics::Metric;
use super::{Now, State};
use crate::replica::view::DomainDigest;
use crate::replica::{Refusal, Request, Response};

impl State {
    pub(super) fn serve(&mut self, peer: Peer, channel: ChannelId, request: Request, now: Now) {
        if let (Request::Digest { domain, .. }, Some(from)) = (&request, self.peers.get_mut(&peer)) {
            from.replicates(domain, true);
        }
        let response = match self.may_ask(&peer, &request, now) {
            Err(reason) => Response::Refused(reason),
            Ok(()) => match request {
                Request::Digest { domain, root } => match self.domains.get_mut(&domain) {
                    Some(domain) => {
                        let digest = domain.view.digest();
                        let same = root == Some(digest.root);
                        Response::Digest(if same {
                            DomainDigest { buckets: Vec::new(), ..digest }
                        } else {
                            digest
                        })
                    }
                    None => Response::Refused(Refusal::NotSubscribed),
                },
                Request::Ranges { domain, prefixes } => match self.domains.get(&domain) {
                    Some(domain) => Response::Ranges(prefixes.iter().map(|p| domain.view.part(p)).collect()),
                    None => Response::Refused(Refusal::NotSubscribed),
                },
                Request::Items { domain, prefixes, after } => match self.domains.get(&domain) {
                    Some(domain) => {
                        let (items, more) = domain.view.page(&prefixes, after);
                        Response::Items { items, more }
                    }
                    None => Response::Refused(Refusal::NotSubscribed),
                },
                Request::Objects { .. }
                | Request::Log { .. }
                | Request::Resolve { .. }
                | Request::List { .. } => {
                    self.out.push(Effect::Lookup { peer, channel, request });
                    return;
                }
            },
        };
        if let Response::Refused(reason) = response {
            self.out.push(Effect::Count { metric: Metric::SyncRefused, kind: None, reason: Some(reason) });
        }
        self.out.push(Effect::Answer { peer, channel, response });
    }

    fn may_ask(&mut self, peer: &Peer, request: &Request, now: Now) -> Result<(), Refusal> {
        let from = self.peers.get_mut(peer).ok_or(Refusal::NotAdmitted)?;
        let public = match request {
            Request::Resolve { .. } | Request::List { .. } => true,
            Request::Digest { .. }
            | Request::Ranges { .. }
            | Request::Items { .. }
            | Request::Objects { .. }
            | Request::Log { .. } => false,
        };
        if !public && from.admission.is_none() {
            return Err(Refusal::NotAdmitted);
        }
        if from.sync.take(now.mono) { Ok(()) } else { Err(Refusal::RateLimited) }
    }
}
