"""What schemathesis cannot know of a node's answers by itself."""

import json

import schemathesis

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
    """DID Resolution 1.0 has a 500 of its own: the document of a DID that is somebody else's is invalid."""
    if response.status_code != 500:
        return
    error = response.json()
    error = (error.get("dereferencingMetadata") or error.get("didResolutionMetadata") or {}).get("error", {})
    named = error.get("type", "")
    assert named.endswith("#INVALID_DID_DOCUMENT"), response.text
