"""Marque and the Python libraries sd-jwt and pycose verify each other's credentials, and refuse forged ones.

    python3 test.py PROGRAM
"""

import base64
import json
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import cbor2
import compact
from jwcrypto.jwk import JWK
from pycose.headers import KID, Algorithm, ContentType
from pycose.keys import EC2Key, OKPKey
from pycose.messages import Sign1Message
from sd_jwt.common import SDObj
from sd_jwt.holder import SDJWTHolder
from sd_jwt.issuer import SDJWTIssuer
from sd_jwt.verifier import SDJWTVerifier

ISSUER = "did:web:issuer.example"
AUDIENCE, NONCE = "did:web:verifier.example", "nonce-1"
# By their curves.
ALGORITHMS = {"EdDSA": "Ed25519", "ES256": "P-256", "ES384": "P-384"}
FORMATS = ["vc+sd-jwt", "dc+sd-jwt", "vc+cose", "vnd.marque.vc+cose", "vnd.marque.vp+cose"]
# COSE header parameter: the media type of the whole (RFC 9596).
TYPE = 16

marque = subprocess.Popen([sys.argv[1]], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
counts = Counter()


def ask(**question):
    marque.stdin.write(json.dumps({"now": int(time.time()), **question}) + "\n")
    marque.stdin.flush()
    return json.loads(marque.stdout.readline())


def done(**question):
    answer = ask(**question)
    assert "refused" not in answer, (question["do"], question.get("format"), answer)
    return answer


def refused_by_marque(what, **question):
    assert "refused" in ask(do="verify", **question), f"{question['format']}: Marque takes {what}"
    counts["refused by Marque"] += 1


def refused_by_them(what, verify, *arguments):
    try:
        verify(*arguments)
    except Exception:
        counts["refused by them"] += 1
        return
    raise AssertionError(f"they take {what}")


def credential(profile, holder):
    claims = {
        "cnf": {"jwk": holder},
        "credentialSubject": {
            "id": "did:web:agent.example",
            "name": "Zoë",
            "address": {"city": "Anytown", "code": "12345"},
            "nationalities": ["AA", "BB", "CC"],
        },
    }
    if profile == "dc+sd-jwt":
        return {"iss": ISSUER, "vct": "https://issuer.example/type", "exp": 4_000_000_000, **claims}
    return {
        "@context": ["https://www.w3.org/ns/credentials/v2"],
        "type": ["VerifiableCredential"],
        "issuer": ISSUER,
        "validFrom": "2026-01-01T00:00:00Z",
        **claims,
    }


HIDDEN = [
    "/credentialSubject/name",
    "/credentialSubject/address/city",
    "/credentialSubject/address",
    "/credentialSubject/nationalities/1",
]


def hidden_for_them(document):
    """The same document as sd-jwt is told what can be held back."""
    subject = dict(document["credentialSubject"])
    address = dict(subject.pop("address"))
    name = subject.pop("name")
    subject[SDObj("name")] = name
    subject[SDObj("address")] = {SDObj("city"): address["city"], "code": address["code"]}
    first, second, third = subject["nationalities"]
    subject["nationalities"] = [first, SDObj(second), third]
    return {**{k: v for k, v in document.items() if k != "cnf"}, "credentialSubject": subject}


def opened(document, chosen):
    """What a verifier sees of `document` where `chosen` of HIDDEN is disclosed."""
    seen = json.loads(json.dumps(document))
    subject = seen["credentialSubject"]
    if "/credentialSubject/name" not in chosen:
        del subject["name"]
    if "/credentialSubject/address" not in chosen:
        del subject["address"]
    elif "/credentialSubject/address/city" not in chosen:
        del subject["address"]["city"]
    if "/credentialSubject/nationalities/1" not in chosen:
        del subject["nationalities"][1]
    return seen


# What the holder discloses: by pointers for Marque, by shape for sd-jwt.
CHOICES = [
    ([], {}),
    (["/credentialSubject/name"], {"credentialSubject": {"name": True}}),
    (
        ["/credentialSubject/address", "/credentialSubject/address/city", "/credentialSubject/nationalities/1"],
        {"credentialSubject": {"address": {"city": True}, "nationalities": [False, True, False]}},
    ),
    (["/credentialSubject/address"], {"credentialSubject": {"address": {"city": False}}}),
]


def verified_by_them(text, jwk, nonce=NONCE, audience=AUDIENCE):
    key = JWK.from_json(json.dumps(jwk))
    verifier = SDJWTVerifier(text, lambda *_: key, audience if nonce else None, nonce)
    return verifier.get_verified_payload()


def without_digests(payload):
    return {name: value for name, value in payload.items() if name != "_sd_alg"}


def flipped(text, at):
    return text[:at] + ("A" if text[at] != "A" else "B") + text[at + 1 :]


def sd_jwts(ours, alg, curve):
    theirs = JWK.generate(kty="OKP" if alg == "EdDSA" else "EC", crv=curve)
    holder = JWK.generate(kty="EC", crv="P-256")
    public = theirs.export_public(as_dict=True)
    for profile in ["vc+sd-jwt", "dc+sd-jwt"]:
        # Issued and presented by Marque, verified by sd-jwt.
        document = credential(profile, ours["ES256"]["jwk"])
        whole = done(do="issue", format=profile, alg=alg, document=document, hidden=HIDDEN)["text"]
        assert without_digests(verified_by_them(whole, ours[alg]["jwk"], None)) == document
        for wanted, _ in CHOICES:
            bound = {"audience": AUDIENCE, "nonce": NONCE}
            shown = done(do="present", text=whole, wanted=wanted, alg="ES256", **bound)["text"]
            assert without_digests(verified_by_them(shown, ours[alg]["jwk"])) == opened(document, wanted), wanted
            counts[profile] += 1
            refused_by_them("another nonce", verified_by_them, shown, ours[alg]["jwk"], "nonce-2")
            refused_by_them("another audience", verified_by_them, shown, ours[alg]["jwk"], NONCE, "x")
            refused_by_them("another key", verified_by_them, shown, public)
            refused_by_them("a changed signature", verified_by_them, flipped(shown, shown.index("~") - 9), ours[alg]["jwk"])
            refused_by_them("a changed binding", verified_by_them, flipped(shown, len(shown) - 9), ours[alg]["jwk"])

        # Issued and presented by sd-jwt, verified by Marque.
        document = credential(profile, holder.export_public(as_dict=True))
        kid = f"{ISSUER}#key-of-the-library"
        for decoys in [False, True]:
            issuer = SDJWTIssuer(
                hidden_for_them(document), theirs, holder, alg, decoys,
                extra_header_parameters={"kid": kid, "typ": profile},
            )
            issued = issuer.sd_jwt_issuance
            verify = {"format": profile, "jwk": public}
            assert without_digests(done(do="verify", text=issued, **verify)["document"]) == document
            for wanted, shape in CHOICES:
                presenter = SDJWTHolder(issued)
                presenter.create_presentation(shape, NONCE, AUDIENCE, holder, "ES256")
                shown = presenter.sd_jwt_presentation
                bound = {**verify, "audience": AUDIENCE, "nonce": NONCE}
                seen = done(do="verify", text=shown, **bound)["document"]
                assert without_digests(seen) == opened(document, wanted), wanted
                counts[profile] += 1
                jwt, *disclosures, binding = shown.split("~")
                refused_by_marque("another nonce", text=shown, **{**bound, "nonce": "nonce-2"})
                refused_by_marque("another audience", text=shown, **{**bound, "audience": "x"})
                refused_by_marque("no binding", text=shown[: shown.rindex("~") + 1], **bound)
                refused_by_marque("a binding without its end", text=shown[:-4], **bound)
                refused_by_marque("another key", text=shown, **{**bound, "jwk": ours[alg]["jwk"]})
                refused_by_marque("the key of the holder", text=shown, **{**bound, "jwk": holder.export_public(as_dict=True)})
                refused_by_marque("a changed signature", text=flipped(shown, len(jwt) - 9), **bound)
                refused_by_marque("a changed binding", text=flipped(shown, len(shown) - 9), **bound)
                foreign = base64.urlsafe_b64encode(b'["salt","name","forged"]').decode().rstrip("=")
                refused_by_marque("a foreign disclosure", text="~".join([jwt, *disclosures, foreign, binding]), **bound)
                refused_by_marque("the other profile", text=shown, **{**bound, "format": {"vc+sd-jwt": "dc+sd-jwt"}.get(profile, "vc+sd-jwt")})
                if disclosures:
                    refused_by_marque("a disclosure less", text="~".join([jwt, *disclosures[1:], binding]), **bound)
                    refused_by_marque("a disclosure twice", text="~".join([jwt, disclosures[0], *disclosures, binding]), **bound)


def base64url(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def cose_key(jwk):
    part = {name: base64url(jwk[name]) for name in ("x", "y", "d") if name in jwk}
    if jwk["kty"] == "OKP":
        return OKPKey(crv="ED25519", **part)
    return EC2Key(crv=jwk["crv"].replace("-", "_"), **part)


def cose_verified(text, jwk):
    message = Sign1Message.decode(base64url(text))
    message.key = cose_key(jwk)
    assert message.verify_signature()
    return json.loads(message.payload)


def coses(ours, alg, curve):
    document = {k: v for k, v in credential("vc+sd-jwt", {}).items() if k != "cnf"}
    text = done(do="issue", format="vc+cose", alg=alg, document=document)["text"]
    assert cose_verified(text, ours[alg]["jwk"]) == document
    refused_by_them("a changed signature", cose_verified, flipped(text, len(text) - 9), ours[alg]["jwk"])
    key = JWK.generate(kty="OKP" if alg == "EdDSA" else "EC", crv=curve)
    message = Sign1Message(
        phdr={
            Algorithm: alg.upper(),
            ContentType: "application/vc",
            KID: f"{ISSUER}#key-of-the-library".encode(),
            TYPE: "application/vc+cose",
        },
        payload=json.dumps(document).encode(),
    )
    message.key = cose_key(key.export(as_dict=True))
    theirs = base64.urlsafe_b64encode(message.encode()).decode().rstrip("=")
    verify = {"format": "vc+cose", "jwk": key.export_public(as_dict=True)}
    assert done(do="verify", text=theirs, **verify)["document"] == document
    refused_by_marque("a changed signature", text=flipped(theirs, len(theirs) - 9), **verify)
    refused_by_marque("another key", text=theirs, **{**verify, "jwk": ours[alg]["jwk"]})
    counts["vc+cose"] += 2


VECTORS = json.loads((Path(__file__).parents[2] / "vectors/compact/documents.json").read_text())["cases"]


def compacts(ours, alg, curve):
    """The compact form, by an encoder and a decoder that know docs/compact.md alone."""
    key = JWK.generate(kty="OKP" if alg == "EdDSA" else "EC", crv=curve)
    own_id = f"{ISSUER}#key-of-the-library"
    verify = {"jwk": key.export_public(as_dict=True)}

    def sealed(document, payload, format, kid=None, content=None):
        kid = kid or compact.key_id(document, own_id)
        header = {Algorithm: alg.upper(), ContentType: content, KID: kid.encode(), TYPE: f"application/{format}"}
        header = {label: value for label, value in header.items() if value}
        message = Sign1Message(phdr=header, payload=payload)
        message.key = cose_key(key.export(as_dict=True))
        return base64.urlsafe_b64encode(message.encode()).decode().rstrip("=")

    documents = [case["document"] for case in VECTORS if case["document"].get("issuer")]
    assert len(documents) > 3
    documents.append({k: v for k, v in credential("vc+sd-jwt", {}).items() if k != "cnf"})
    for format, documents in [("vnd.marque.vc+cose", documents), ("vnd.marque.vp+cose", presented(ours, alg))]:
        for document in documents:
            text = done(do="issue", format=format, alg=alg, document=document)["text"]
            message = compact_verified(text, ours[alg]["jwk"])
            assert compact.decode(message.payload) == document, document
            assert compact.encode(document) == message.payload, document
            assert message.phdr[KID].decode() == compact.key_id(document, ours[alg]["id"])
            assert message.phdr[TYPE] == f"application/{format}" and not message.uhdr and len(message.phdr) == 3
            refused_by_them("a changed signature", compact_verified, flipped(text, len(text) - 9), ours[alg]["jwk"])
            refused_by_them("another key", compact_verified, text, verify["jwk"])

            theirs = sealed(document, compact.encode(document), format)
            question = {**verify, "format": format}
            assert done(do="verify", text=theirs, **question)["document"] == document
            counts[format] += 2
            refused_by_marque("a changed signature", text=flipped(theirs, len(theirs) - 9), **question)
            refused_by_marque("another key", text=theirs, **{**question, "jwk": ours[alg]["jwk"]})
            whole = cbor2.dumps([1, document], canonical=True)
            refused_by_marque("terms spelled out", text=sealed(document, whole, format), **question)
            refused_by_marque("JSON", text=sealed(document, json.dumps(document).encode(), format), **question)
            later = bytes([0x82, 2]) + compact.encode(document)[2:]
            refused_by_marque("another table", text=sealed(document, later, format), **question)
            payload = compact.encode(document)
            refused_by_marque("bytes after it", text=sealed(document, payload + b"\0", format), **question)
            content = sealed(document, payload, format, content="application/vc")
            refused_by_marque("a content type", text=content, **question)
            refused_by_marque("another type", text=sealed(document, payload, "vc+cose"), **question)
            if ISSUER in (document.get("issuer"), document.get("holder")):
                long = sealed(document, payload, format, own_id)
                refused_by_marque("a key id spelled out", text=long, **question)


def compact_verified(text, jwk):
    message = Sign1Message.decode(base64url(text))
    message.key = cose_key(jwk)
    assert message.verify_signature()
    return message


def presented(ours, alg):
    """A presentation of one credential in each envelope of COSE."""
    document = {k: v for k, v in credential("vc+sd-jwt", {}).items() if k != "cnf"}
    held = []
    for format in ["vnd.marque.vc+cose", "vc+cose"]:
        text = done(do="issue", format=format, alg=alg, document=document)["text"]
        url = f"data:application/{format};base64,{base64.b64encode(base64url(text)).decode()}"
        held.append({"@context": document["@context"], "type": "EnvelopedVerifiableCredential", "id": url})
    return [
        {
            "@context": document["@context"],
            "type": ["VerifiablePresentation"],
            "holder": ISSUER,
            "verifiableCredential": held,
            "aud": AUDIENCE,
            "nonce": NONCE,
        }
    ]


def main():
    ours = done(do="keys")
    for case in VECTORS:
        assert compact.encode(case["document"]).hex() == case["payload"], case["name"]
        assert compact.decode(bytes.fromhex(case["payload"])) == case["document"], case["name"]
    for alg, curve in ALGORITHMS.items():
        sd_jwts(ours, alg, curve)
        coses(ours, alg, curve)
        compacts(ours, alg, curve)
    marque.stdin.close()
    verified = ", ".join(f"{name} {counts[name]}" for name in FORMATS)
    print(
        f"credentials, Marque with sd-jwt and pycose: verified, both ways: {verified}; bad ones refused: "
        f"{counts['refused by Marque']} by Marque, {counts['refused by them']} by them"
    )


main()
