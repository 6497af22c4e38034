"""What schemathesis cannot know of a node's answers by itself."""

import json

import schemathesis

# Errors of Controlled Identifiers 1.0, which the HTTP binding of DID Resolution 1.0 gives no status of its own.
METHOD_ERRORS = {
    "https://w3id.org/security#INVALID_VERIFICATION_METHOD",
    "https://w3id.org/security#INVALID_RELATIONSHIP_FOR_VERIFICATION_METHOD",
}


@schemathesis.deserializer(
    "application/did",
    "application/did+json",
    "application/did+ld+json",
    "application/did-resolution",
    "application/did-url-dereferencing",
)
def did_json(_context, response):
    return json.loads(response.content)


@schemathesis.check
def a_500_is_no_defect(_context, response, _case):
    """Of the few 500 that are answers: they say what is wrong with the DID URL or the document."""
    if response.status_code != 500:
        return
    error = response.json()
    error = (error.get("dereferencingMetadata") or error.get("didResolutionMetadata") or {}).get("error", {})
    named = error.get("type", "")
    assert named in METHOD_ERRORS or named.endswith("#INVALID_DID_DOCUMENT"), response.text
