//! Texts in fewer bytes than they have characters. JSON has no strings of bytes, so in the compact form a
//! string of bytes stands for a text: one byte for a term, else a byte that says the form and what it
//! needs. Each text has exactly one form, the shortest; the reader holds the writer to it.

use super::terms;
use crate::secure::SecureError;
use did_resolver::codec;
use did_resolver::time::UnixSeconds;

/// Forms: what follows the byte that names it, and the text that it stands for.
const UUID: u8 = 0;
const INSTANT: u8 = 1;
const DIGEST: u8 = 2;
const WEBVH: u8 = 3;
const DID_KEY: u8 = 4;
const HTTPS: u8 = 5;
const DECIMAL: u8 = 6;
const COMPACT_CREDENTIAL: u8 = 7;
const COSE_CREDENTIAL: u8 = 8;
const SHARED: u8 = 9;

/// What the texts of these forms begin with.
const PREFIXES: [(u8, &str); 7] = [
    (UUID, "urn:uuid:"),
    (DIGEST, "u"),
    (WEBVH, "did:webvh:"),
    (DID_KEY, "did:key:"),
    (HTTPS, "https://"),
    (COMPACT_CREDENTIAL, "data:application/vnd.marque.vc+cose;base64,"),
    (COSE_CREDENTIAL, "data:application/vc+cose;base64,"),
];

/// A SHA-256 multihash begins so.
const SHA2_256: [u8; 2] = [0x12, 0x20];

/// Texts that later ones may share a beginning with: DIDs and URLs of some length.
const MAX_SHARED: usize = 32;
const SHARED_BYTES: std::ops::RangeInclusive<usize> = 16..=255;
const SHARED_STARTS: [&str; 2] = ["did:", "https://"];

/// The fewest characters that a form can be shorter than.
const MIN_PACKED: usize = 3;

/// How a text is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Itself,
    Term(u8),
    Form,
    Shared { place: u8, kept: u8 },
}

/// The texts of one document, in the order in which they stand in it.
#[derive(Debug, Default)]
pub(super) struct Texts {
    /// What later ones may share a beginning with.
    known: Vec<String>,
}

impl Texts {
    /// The bytes that stand for `text`, `None` where it stands for itself.
    pub(super) fn pack(&mut self, text: &str) -> Option<Vec<u8>> {
        let form = form(text);
        match self.choose(text, || form.as_ref().map(Vec::len)) {
            Way::Itself => None,
            Way::Term(number) => Some(vec![number]),
            Way::Form => form,
            Way::Shared { place, kept } => {
                let rest = text.get(usize::from(kept)..).unwrap_or_default();
                Some([&[SHARED, place, kept], rest.as_bytes()].concat())
            }
        }
    }

    /// Whether `text` stands for itself.
    pub(super) fn is_itself(&mut self, text: &str) -> bool {
        self.choose(text, || form(text).map(|form| form.len())) == Way::Itself
    }

    /// The text that `bytes` stand for.
    ///
    /// # Errors
    /// [`SecureError::Terms`] for a term or a form that is not known; [`SecureError::Malformed`] for bytes
    /// that the text would not be written as.
    pub(super) fn unpack(&mut self, bytes: &[u8]) -> Result<String, SecureError> {
        let malformed = SecureError::Malformed;
        let (text, way, chosen) = match bytes {
            [] | [SHARED, _] => return Err(malformed),
            [number] => return terms::term(u64::from(*number)).map(str::to_owned).ok_or(SecureError::Terms),
            [SHARED, place, kept, rest @ ..] => {
                let known = self.known.get(usize::from(*place));
                let start = known.and_then(|known| known.get(..usize::from(*kept))).ok_or(malformed)?;
                let text = [start, std::str::from_utf8(rest).map_err(|_| malformed)?].concat();
                let chosen = self.choose(&text, || form(&text).map(|form| form.len()));
                (text, Way::Shared { place: *place, kept: *kept }, chosen)
            }
            [form, rest @ ..] if *form < SHARED => {
                let text = expand(*form, rest).ok_or(malformed)?;
                // These bytes are the form that the text has.
                let chosen = self.choose(&text, || Some(bytes.len()));
                (text, Way::Form, chosen)
            }
            _ => return Err(SecureError::Terms),
        };
        if way == chosen { Ok(text) } else { Err(malformed) }
    }

    /// The shortest way to write `text`, whose form is so many bytes.
    fn choose(&mut self, text: &str, form: impl FnOnce() -> Option<usize>) -> Way {
        if let Some(number) = terms::number(text) {
            return Way::Term(number);
        }
        if text.len() < MIN_PACKED {
            return Way::Itself;
        }
        let may_share = SHARED_STARTS.iter().any(|start| text.starts_with(start));
        let shared = if may_share { self.share(text) } else { None };
        let shared = shared.map(|(place, kept)| (MIN_PACKED + text.len() - usize::from(kept), place, kept));
        // No form of a text that long is as short as the whole of one that stood before.
        let whole = matches!(shared, Some((MIN_PACKED, ..))) && SHARED_BYTES.contains(&text.len());
        // One byte is a term.
        let form = if whole { None } else { form().filter(|length| (2..text.len()).contains(length)) };
        if may_share {
            self.remember(text);
        }
        match (form, shared.filter(|(length, ..)| *length < text.len())) {
            (form, Some((length, place, kept))) if form.is_none_or(|form| length < form) => {
                Way::Shared { place, kept }
            }
            (Some(_), _) => Way::Form,
            (None, _) => Way::Itself,
        }
    }

    /// The place of the text with which `text` shares the longest beginning, the first of those, and how
    /// many bytes that has.
    fn share(&self, text: &str) -> Option<(u8, u8)> {
        let mut best = (0, 0);
        for (place, known) in (0_u8..).zip(&self.known) {
            let same = common(known.as_bytes(), text.as_bytes());
            let kept = (0..=same).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
            if kept > best.1 {
                best = (place, kept);
            }
        }
        let (place, kept) = best;
        u8::try_from(kept).ok().filter(|kept| *kept > 0).map(|kept| (place, kept))
    }

    fn remember(&mut self, text: &str) {
        let new = self.known.len() < MAX_SHARED && SHARED_BYTES.contains(&text.len());
        if new && !self.known.iter().any(|known| known == text) {
            self.known.push(text.to_owned());
        }
    }
}

/// How many bytes two texts begin with alike.
fn common(a: &[u8], b: &[u8]) -> usize {
    const STEP: usize = 8;
    let steps = a.chunks_exact(STEP).zip(b.chunks_exact(STEP)).take_while(|(a, b)| a == b).count() * STEP;
    let rest = a.iter().skip(steps).zip(b.iter().skip(steps));
    steps + rest.take_while(|(a, b)| a == b).count()
}

/// The bytes of the one form that `text` has, beside that of what it shares.
fn form(text: &str) -> Option<Vec<u8>> {
    if text.as_bytes().first().is_some_and(u8::is_ascii_digit) {
        return decimal(text).or_else(|| instant(text));
    }
    let (form, rest) =
        PREFIXES.iter().find_map(|(form, prefix)| Some((*form, text.strip_prefix(prefix)?)))?;
    let bytes = match form {
        UUID => data_encoding::HEXLOWER.decode(rest.replace('-', "").as_bytes()).ok()?,
        DIGEST => codec::from_digest_multibase(text).ok()?.to_vec(),
        WEBVH => {
            let (scid, rest) = rest.split_once(':')?;
            let digest = codec::from_base58btc(scid).ok()?;
            [digest.strip_prefix(&SHA2_256).filter(|digest| digest.len() == 32)?, rest.as_bytes()].concat()
        }
        DID_KEY => codec::from_multibase_z(rest).ok()?,
        HTTPS => rest.as_bytes().to_vec(),
        COMPACT_CREDENTIAL | COSE_CREDENTIAL => codec::from_base64(rest).ok()?,
        _ => return None,
    };
    let packed = [&[form], &bytes[..]].concat();
    // Whatever else could be written for the text, such as hyphens elsewhere, is no form of it.
    (!bytes.is_empty() && expand(form, &bytes).as_deref() == Some(text)).then_some(packed)
}

fn decimal(text: &str) -> Option<Vec<u8>> {
    let number: u64 = text.parse().ok().filter(|number: &u64| *number > 0 && number.to_string() == text)?;
    Some([&[DECIMAL], &shortest(number)[..]].concat())
}

fn instant(text: &str) -> Option<Vec<u8>> {
    let instant = UnixSeconds::parse_utc(text).ok().filter(|instant| instant.to_string() == text)?;
    if instant.get() == 0 {
        return None;
    }
    Some([&[INSTANT], &shortest(instant.get())[..]].concat())
}

/// A number from the most significant byte on, without leading zeros.
fn shortest(number: u64) -> Vec<u8> {
    number.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect()
}

/// The text of a form, where these are the bytes that the form has for it.
fn expand(form: u8, bytes: &[u8]) -> Option<String> {
    let number = || {
        let shortest = bytes.len() <= 8 && bytes.first().is_none_or(|byte| *byte != 0);
        shortest.then(|| bytes.iter().fold(0_u64, |number, byte| number << 8 | u64::from(*byte)))
    };
    let prefix = PREFIXES.iter().find(|(other, _)| *other == form).map_or("", |(_, prefix)| prefix);
    let mut text = String::with_capacity(prefix.len() + 2 * bytes.len() + 16);
    text.push_str(prefix);
    match form {
        UUID => {
            let hex = codec::to_hex(<&[u8; 16]>::try_from(bytes).ok()?);
            for (from, to) in [(0, 8), (8, 12), (12, 16), (16, 20), (20, 32)] {
                text.push_str(if from == 0 { "" } else { "-" });
                text.push_str(hex.get(from..to)?);
            }
        }
        INSTANT => {
            let seconds = number()?;
            let instant = Some(UnixSeconds::new(seconds)).filter(|instant| instant.get() == seconds)?;
            text.push_str(&instant.to_string());
        }
        DECIMAL => text.push_str(&number()?.to_string()),
        DIGEST => return Some(codec::digest_multibase(&bytes.try_into().ok()?)),
        WEBVH => {
            let (digest, rest) = bytes.split_at_checked(32)?;
            text.push_str(&codec::to_base58btc(&[&SHA2_256[..], digest].concat()));
            text.push(':');
            text.push_str(std::str::from_utf8(rest).ok()?);
        }
        DID_KEY if bytes.len() <= codec::MAX_BASE58_BYTES => {
            let key = codec::to_base58btc(bytes);
            // What is longer is not read as base58btc, and so has no form.
            if key.len() > codec::MAX_BASE58_BYTES {
                return None;
            }
            text.push('z');
            text.push_str(&key);
        }
        HTTPS => text.push_str(std::str::from_utf8(bytes).ok()?),
        COMPACT_CREDENTIAL | COSE_CREDENTIAL => data_encoding::BASE64.encode_append(bytes, &mut text),
        _ => return None,
    }
    Some(text)
}
