//! What is asked about the recognition of domains: whom this one recognises, and what others state.

use crate::limits::MAX_BODY_BYTES;
use crate::operation::Operation;
use crate::table::Table;
use crate::trust;
use vc_schemas::code::Code;

pub(super) fn all() -> Table {
    let codes = [Code::DidMalformed, Code::NotFound, Code::StateConflict];
    let said = |id: String, summary| Operation::new(id, summary).refuses(&codes);
    let mut table = Table::of("Trust")
        .get(
            "/v1/trust",
            trust::list,
            said("listTrust".to_owned(), "Domains that are recognised here.").answers("TrustedDomains"),
        )
        .post(
            "/v1/trust",
            trust::add,
            said("addTrust".to_owned(), "Recognise a domain, and say what its owners may root here.")
                .takes("ToTrust", MAX_BODY_BYTES)
                .creates("Trusted")
                .refuses(&[Code::CapabilityMalformed]),
        )
        .get(
            "/v1/trust/{did}",
            trust::show,
            said("readTrust".to_owned(), "A domain that is recognised.").answers("Trusted"),
        )
        .get(
            "/v1/trust/{did}/credential",
            trust::credential,
            said("readRecognition".to_owned(), "That it is recognised, as a credential for others.")
                .query(&["format"])
                .answers("IssuedCredential"),
        )
        .get(
            "/v1/recognitions",
            trust::recognised_by,
            said("listRecognisedBy".to_owned(), "Domains that state that they recognise this one.")
                .answers("RecognisedBy"),
        )
        .get(
            "/v1/recognitions/{did}",
            trust::stated,
            said(
                "readRecognitions".to_owned(),
                "Whom a domain states that it recognises; it grants nothing.",
            )
            .answers("Recognitions"),
        );
    for (act, summary) in [
        ("suspend", "Let nothing of the domain count for the time being."),
        ("resume", "Let it count again."),
        ("remove", "Recognise it no longer."),
    ] {
        let operation = said(format!("{act}Trust"), summary);
        let operation = operation.takes("Nothing", MAX_BODY_BYTES).answers("Trusted");
        table = table.post(&format!("/v1/trust/{{did}}/{act}"), trust::act, operation);
    }
    table
}
