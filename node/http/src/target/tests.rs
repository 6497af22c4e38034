//! Targets as clients write them.

use super::*;
use proptest::prelude::*;

fn uri(text: &str) -> Uri {
    text.parse().unwrap()
}

#[test]
fn a_segment_is_decoded_once_and_strictly() {
    let name = |text: &str| segment(&uri(text), 2).ok();
    assert_eq!(name("/v1/agents/al%69ce").as_deref(), Some("alice"));
    assert_eq!(name("/v1/credentials/urn%3Auuid%3A1").as_deref(), Some("urn:uuid:1"));
    assert_eq!(name("/v1/agents/%2569").as_deref(), Some("%69"));
    for broken in ["/v1/agents/%", "/v1/agents/%4", "/v1/agents/%zz", "/v1/agents/%ff", "/v1/agents/%+1"] {
        assert_eq!(name(broken), None, "{broken}");
    }
}

#[test]
fn an_identifier_may_be_written_plainly_or_encoded() {
    let plain = "did:webvh:Qm1:localhost%3A8080:agents:bot";
    let encoded = "did:webvh:Qm1:localhost%253A8080:agents:bot";
    let whole = "did%3Awebvh%3AQm1%3Alocalhost%253A8080%3Aagents%3Abot";
    for text in [plain, encoded, whole] {
        assert_eq!(identifier(text).as_deref(), Some(plain));
    }
    assert_eq!(identifier("did%3"), None);
}

#[test]
fn a_query_parameter_stands_once_and_is_known() {
    let read = |text: &str| options(&uri(text), ["after", "limit"]).ok();
    assert_eq!(read("/x?limit=5&after=a%2Bb+c"), Some([Some("a+b+c".to_owned()), Some("5".to_owned())]));
    assert_eq!(read("/x"), Some([None, None]));
    for refused in ["/x?limit=1&limit=2", "/x?other=1", "/x?limit=%f"] {
        assert_eq!(read(refused), None, "{refused}");
    }
}

proptest! {
    #[test]
    fn decoding_what_was_encoded_gives_it_back(text in ".{0,40}") {
        let encoded: String = text.bytes().map(|byte| format!("%{byte:02X}")).collect();
        prop_assert_eq!(decode(&encoded), Some(text));
    }
}
