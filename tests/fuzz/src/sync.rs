//! What peers say to each other, in one spelling each, and ranges of ids.

use marque_rules::replica::view::range::{Part, Prefix, are_apart, around};
use marque_rules::replica::view::{Item, ItemKind, View};
use marque_rules::replica::{Envelope, Hello, HelloAnswer, Refusal, Request, Response};

/// Whatever is read is written back as it came, and answering or taking it does not panic.
pub fn sync(bytes: &[u8]) {
    if let Ok(request) = Request::decode(bytes) {
        assert_eq!(request.encode(), bytes);
        if let Request::Ranges { prefixes, .. } | Request::Items { prefixes, .. } = &request {
            let view = held();
            assert!(are_apart(prefixes));
            let (items, more) = view.page(prefixes, None);
            assert!(!more && items.iter().all(|item| around(prefixes, &item.id()).is_some()));
            let told = |prefix: &Prefix| prefix.nibbles() <= 8;
            let parts: Vec<Part> =
                prefixes.iter().filter(|p| told(p)).map(|prefix| view.part(prefix)).collect();
            let answer = Response::Ranges(parts);
            assert_eq!(Response::decode(&answer.encode()), Ok(answer));
        }
    }
    if let Ok(response) = Response::decode(bytes) {
        // Of a reason that only later releases have, the name is not kept.
        if response != Response::Refused(Refusal::UnknownReason) {
            assert_eq!(response.encode(), bytes);
        }
        let mut view = held();
        if let Response::Digest(theirs) = &response {
            let _ = view.differing(theirs);
        }
        if let Response::Ranges(parts) = &response {
            for (byte, part) in (0..=u8::MAX).zip(parts) {
                let narrowed = view.narrow(&Prefix::byte(byte), part);
                assert!(are_apart(&narrowed.compare) && are_apart(&narrowed.list));
            }
        }
    }
    if let Ok(hello) = Hello::decode(bytes) {
        assert_eq!(hello.encode(), bytes);
    }
    if let Ok(answer) = HelloAnswer::decode(bytes)
        && answer != HelloAnswer::Refused(Refusal::UnknownReason)
    {
        assert_eq!(answer.encode(), bytes);
    }
    if let Ok(envelope) = Envelope::decode(bytes) {
        assert_eq!(envelope.bytes(), bytes);
    }
}

fn held() -> View {
    let mut view = View::default();
    for n in 0..300 {
        let item = Item { kind: ItemKind::Log, subject: format!("did:example:{n}"), seq: n, digest: [7; 32] };
        view.replace(vec![item]).expect("it fits");
    }
    view
}
