"""The compact form, written from docs/compact.md alone: JSON documents as deterministic CBOR and back."""

import base64
import re
from datetime import datetime, timezone
from pathlib import Path

import cbor2

TERMS = (Path(__file__).parents[3] / "vc-schemas/terms/compact-v1.txt").read_text().splitlines()
NUMBERS = {term: number for number, term in enumerate(TERMS)}
BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
SHA2_256 = bytes([0x12, 0x20])
COMPACT = "data:application/vnd.marque.vc+cose;base64,"
COSE = "data:application/vc+cose;base64,"
UUID = re.compile(r"urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
SHARED = 9


def to_base58(data):
    number, text = int.from_bytes(data, "big"), ""
    while number:
        number, digit = divmod(number, 58)
        text = BASE58[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


def from_base58(text):
    number = 0
    for character in text:
        number = number * 58 + BASE58.index(character)
    zeros = len(text) - len(text.lstrip("1"))
    return bytes(zeros) + number.to_bytes((number.bit_length() + 7) // 8, "big")


def base64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def expanded(form, data):
    """The text that the bytes of a form stand for."""
    match form:
        case 0:
            at = data.hex()
            return f"urn:uuid:{at[:8]}-{at[8:12]}-{at[12:16]}-{at[16:20]}-{at[20:]}"
        case 1:
            instant = datetime.fromtimestamp(int.from_bytes(data, "big"), timezone.utc)
            return instant.strftime("%Y-%m-%dT%H:%M:%SZ")
        case 2:
            return "u" + base64url(SHA2_256 + data)
        case 3:
            return f"did:webvh:{to_base58(SHA2_256 + data[:32])}:{data[32:].decode()}"
        case 4:
            return "did:key:z" + to_base58(data)
        case 5:
            return "https://" + data.decode()
        case 6:
            return str(int.from_bytes(data, "big"))
        case 7:
            return COMPACT + base64.b64encode(data).decode()
        case 8:
            return COSE + base64.b64encode(data).decode()
    raise ValueError("an unknown form")


def shortest(number):
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


def packed(text):
    """The one form that a text may have beside itself, a term and what it shares."""
    try:
        if UUID.fullmatch(text):
            form = bytes([0]) + bytes.fromhex(text.removeprefix("urn:uuid:").replace("-", ""))
        elif re.fullmatch(r"[1-9][0-9]{0,19}", text) and int(text) < 2**64:
            form = bytes([6]) + shortest(int(text))
        elif re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z", text):
            seconds = int(datetime.fromisoformat(text).timestamp())
            form = bytes([1]) + shortest(seconds)
        elif text.startswith("did:webvh:"):
            scid, place = text.removeprefix("did:webvh:").split(":", 1)
            digest = from_base58(scid)
            if len(digest) != 34 or not digest.startswith(SHA2_256):
                return None
            form = bytes([3]) + digest[2:] + place.encode()
        elif text.startswith("did:key:z"):
            encoded = text.removeprefix("did:key:z")
            if len(encoded) > 256:
                return None
            form = bytes([4]) + from_base58(encoded)
        elif text.startswith("https://"):
            form = bytes([5]) + text.removeprefix("https://").encode()
        elif text.startswith(COMPACT):
            form = bytes([7]) + base64.b64decode(text.removeprefix(COMPACT), validate=True)
        elif text.startswith(COSE):
            form = bytes([8]) + base64.b64decode(text.removeprefix(COSE), validate=True)
        elif text.startswith("u"):
            digest = base64.urlsafe_b64decode(text[1:] + "=" * (-len(text[1:]) % 4))
            if len(digest) != 34 or not digest.startswith(SHA2_256):
                return None
            form = bytes([2]) + digest[2:]
        else:
            return None
        return form if len(form) > 1 and expanded(form[0], form[1:]) == text else None
    except (ValueError, OverflowError):
        return None


class Known:
    """The texts that stood before, of those that another can share a beginning with."""

    def __init__(self):
        self.texts = []

    def met(self, text):
        long_enough = 16 <= len(text.encode()) <= 255
        may = text.startswith(("did:", "https://")) and long_enough
        if may and text not in self.texts and len(self.texts) < 32:
            self.texts.append(text)

    def shared(self, text):
        """Form 9: as much as it can share, with the earliest that it can share so much with."""
        if not text.startswith(("did:", "https://")):
            return None
        best, place = 0, None
        for at, known in enumerate(self.texts):
            same = 0
            for ours, theirs in zip(text, known):
                if ours != theirs:
                    break
                same += len(ours.encode())
            if same > best:
                best, place = same, at
        return None if place is None else bytes([SHARED, place, best]) + text.encode()[best:]

    def pack(self, text):
        """The bytes that stand for a text, or none where it is written as itself."""
        if text in NUMBERS:
            return bytes([NUMBERS[text]])
        size = len(text.encode())
        if size < 3:
            return None
        form, shared = packed(text), self.shared(text)
        self.met(text)
        # Of two that are equally short the one that is named first.
        choices = [(size, 0, None), *((len(c), n, c) for n, c in [(1, form), (2, shared)] if c)]
        return min(choices, key=lambda choice: choice[:2])[2]

    def unpack(self, data):
        if len(data) == 1:
            return TERMS[data[0]]
        if data[0] == SHARED:
            text = (self.texts[data[1]].encode()[: data[2]] + data[3:]).decode()
        else:
            text = expanded(data[0], data[1:])
        self.met(text)
        return text


def head(major, count):
    """The head of an array (4) or a map (5): that of an unsigned integer, of another major type."""
    number = cbor2.dumps(count)
    return bytes([number[0] | major << 5]) + number[1:]


def encode(document):
    known = Known()

    def write(value):
        match value:
            case dict():
                named = {cbor2.dumps(NUMBERS.get(name, name)): member for name, member in value.items()}
                return head(5, len(named)) + b"".join(name + write(named[name]) for name in sorted(named))
            case list():
                return head(4, len(value)) + b"".join(write(item) for item in value)
            case str():
                return cbor2.dumps(known.pack(value) or value)
            case _:
                return cbor2.dumps(value, canonical=True)

    return head(4, 2) + cbor2.dumps(1) + write(document)


def decode(payload):
    known = Known()
    version, document = cbor2.loads(payload)
    assert version == 1

    def read(value):
        match value:
            case dict():
                return {TERMS[n] if isinstance(n, int) else n: read(member) for n, member in value.items()}
            case list():
                return [read(item) for item in value]
            case bytes():
                return known.unpack(value)
            case str():
                known.met(value)
        return value

    return read(document)


def key_id(document, full):
    """How the key id is written: by its fragment where it is the issuer's or the holder's."""
    actor = document.get("issuer", document.get("holder", ""))
    actor = actor["id"] if isinstance(actor, dict) else actor
    if not full.startswith(f"{actor}#"):
        return full
    fragment = full.removeprefix(actor)
    return "#" if actor == f"did:key:{fragment[1:]}" else fragment
