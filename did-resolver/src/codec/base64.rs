//! Base64 read eight characters at a time: what is presented is mostly base64, in base64, so that reading
//! it digit by digit would cost more than all that is read from it.

/// A character that is none of the alphabet, beside the 24 bits that four characters make.
const NONE: u32 = 1 << 31;

/// What each character is worth, by its place among four.
type Values = [[u32; 256]; 4];

/// RFC 4648, section 5.
pub(super) const URL_SAFE: &Values = &values(b'-', b'_');

/// RFC 4648, section 4.
pub(super) const STANDARD: &Values = &values(b'+', b'/');

#[expect(clippy::indexing_slicing, reason = "out of bounds would not build")]
const fn values(sixty_two: u8, sixty_three: u8) -> Values {
    let mut values = [[NONE; 256]; 4];
    let mut place = 0;
    while place < 4 {
        let mut value = 0;
        while value < 64 {
            let character = match value as u8 {
                upper @ 0..26 => b'A' + upper,
                lower @ 26..52 => b'a' + lower - 26,
                digit @ 52..62 => b'0' + digit - 52,
                62 => sixty_two,
                _ => sixty_three,
            };
            values[place][character as usize] = value << (18 - 6 * place);
            value += 1;
        }
        place += 1;
    }
    values
}

/// The bytes that unpadded `text` stands for. Bits to spare must be zero: one value has one text.
pub(super) fn decode(values: &Values, text: &[u8]) -> Option<Vec<u8>> {
    let [first, second, third, fourth] = values;
    let value = |of: &[u32; 256], character: u8| of.get(usize::from(character)).copied().unwrap_or(NONE);
    let (fours, rest) = text.as_chunks::<4>();
    let mut bytes = vec![0; text.len() / 4 * 3 + rest.len() * 3 / 4];
    let (threes, last) = bytes.as_chunks_mut::<3>();
    let mut all = 0;
    for ([a, b, c, d], three) in fours.iter().zip(threes) {
        let group = value(first, *a) | value(second, *b) | value(third, *c) | value(fourth, *d);
        all |= group;
        let [_, bytes @ ..] = group.to_be_bytes();
        *three = bytes;
    }
    let group = match *rest {
        [] => 0,
        [a, b] => value(first, a) | value(second, b),
        [a, b, c] => value(first, a) | value(second, b) | value(third, c),
        _ => NONE,
    };
    all |= group;
    let [_, rest_bytes @ ..] = group.to_be_bytes();
    let (kept, spare) = rest_bytes.split_at_checked(last.len())?;
    last.copy_from_slice(kept);
    (all & NONE == 0 && spare.iter().all(|byte| *byte == 0)).then_some(bytes)
}
