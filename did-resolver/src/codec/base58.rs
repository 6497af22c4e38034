//! base58btc, five digits at a time: the square of the length costs a twentieth of digit by digit.

/// The digits, by value.
const ALPHABET: &[u8; 58] = b"123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz";

/// Not a digit.
const NONE: u8 = 0xff;

/// The values, by digit.
#[expect(clippy::indexing_slicing, reason = "out of bounds would not build")]
const VALUES: [u8; 256] = {
    let mut values = [NONE; 256];
    let mut value = 0;
    while value < 58 {
        values[ALPHABET[value] as usize] = value as u8;
        value += 1;
    }
    values
};

/// How many digits fit into 32 bits.
const DIGITS: usize = 5;

/// What that many digits count to.
const STEP: u64 = 58_u64.pow(DIGITS as u32);

/// Zero, which is written for each leading zero byte.
const ZERO: u8 = b'1';

pub(super) fn encode(bytes: &[u8]) -> String {
    let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
    let significant = bytes.get(zeros..).unwrap_or_default();
    // Of base STEP, lowest first. The first group of bytes is the short one.
    let mut limbs: Vec<u32> = Vec::with_capacity(significant.len() / 3 + 1);
    let (short, groups) = significant.split_at(significant.len() % 4);
    for group in std::iter::once(short).chain(groups.chunks(4)) {
        let mut carry = group.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        let shift = 8 * group.len();
        for limb in &mut limbs {
            let sum = (u64::from(*limb) << shift) + carry;
            (*limb, carry) = (low(sum % STEP), sum / STEP);
        }
        while carry > 0 {
            limbs.push(low(carry % STEP));
            carry /= STEP;
        }
    }
    let mut digits = Vec::with_capacity(limbs.len() * DIGITS + zeros);
    for mut limb in limbs {
        for _ in 0..DIGITS {
            digits.push(ALPHABET.get(limb as usize % 58).copied().unwrap_or(ZERO));
            limb /= 58;
        }
    }
    let leading = digits.iter().rev().take_while(|digit| **digit == ZERO).count();
    digits.truncate(digits.len() - leading);
    digits.resize(digits.len() + zeros, ZERO);
    digits.iter().rev().map(|digit| char::from(*digit)).collect()
}

/// `None` for a character that is no digit.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    let zeros = text.bytes().take_while(|digit| *digit == ZERO).count();
    let significant = text.as_bytes().get(zeros..).unwrap_or_default();
    // Of base 2^32, lowest first.
    let mut limbs: Vec<u32> = Vec::with_capacity(significant.len() / DIGITS + 1);
    for group in significant.chunks(DIGITS) {
        let (mut carry, mut step) = (0, 1);
        for digit in group {
            let value = VALUES.get(usize::from(*digit)).copied().filter(|value| *value != NONE)?;
            (carry, step) = (carry * 58 + u64::from(value), step * 58);
        }
        for limb in &mut limbs {
            let sum = u64::from(*limb) * step + carry;
            (*limb, carry) = (low(sum & 0xffff_ffff), sum >> 32);
        }
        if carry > 0 {
            limbs.push(low(carry));
        }
    }
    let mut bytes: Vec<u8> = limbs.iter().flat_map(|limb| limb.to_le_bytes()).collect();
    let leading = bytes.iter().rev().take_while(|byte| **byte == 0).count();
    bytes.truncate(bytes.len() - leading);
    bytes.resize(bytes.len() + zeros, 0);
    bytes.reverse();
    Some(bytes)
}

/// A number below 2^32.
fn low(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}
