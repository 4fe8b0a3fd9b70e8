//! Integers of any size as decimal digits, and back. Pure.
//!
//! The work grows with the square of the length, so what is longer than [`LONGEST`] is left to the
//! caller.

/// Bytes of the largest integer that is written in digits.
pub(crate) const LONGEST: usize = 256;

/// Digits of a step.
const STEP: u32 = 1_000_000_000;

/// The digits of an integer, whose most significant byte comes first, after adding `plus`. `None` if
/// it is too long.
pub(crate) fn to_decimal(bytes: &[u8], plus: u8) -> Option<String> {
    let leading = bytes.iter().take_while(|byte| **byte == 0).count();
    let bytes = &bytes[leading..];
    if bytes.len() > LONGEST {
        return None;
    }
    // Groups of nine digits, the least significant first.
    let mut groups: Vec<u32> = vec![0];
    for byte in bytes {
        multiply_and_add(&mut groups, 256, u32::from(*byte));
    }
    multiply_and_add(&mut groups, 1, u32::from(plus));
    let mut text = groups.pop().unwrap_or(0).to_string();
    groups
        .iter()
        .rev()
        .for_each(|group| text.push_str(&format!("{group:09}")));
    Some(text)
}

fn multiply_and_add(groups: &mut Vec<u32>, factor: u32, mut carry: u32) {
    for group in groups.iter_mut() {
        let value = u64::from(*group) * u64::from(factor) + u64::from(carry);
        *group = (value % u64::from(STEP)) as u32;
        carry = (value / u64::from(STEP)) as u32;
    }
    if carry > 0 {
        groups.push(carry);
    }
}

/// The bytes of an integer in digits, the most significant first and not zero. `None` if it is too
/// long, or has other characters.
pub(crate) fn from_decimal(digits: &str) -> Option<Vec<u8>> {
    // A byte is worth more than two digits.
    if digits.len() > 2 * LONGEST || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let mut bytes: Vec<u8> = Vec::new();
    for digit in digits.bytes() {
        let mut carry = u32::from(digit - b'0');
        for byte in &mut bytes {
            let value = u32::from(*byte) * 10 + carry;
            *byte = value as u8;
            carry = value >> 8;
        }
        if carry > 0 {
            bytes.push(carry as u8);
        }
    }
    bytes.reverse();
    Some(bytes)
}

/// One less than an integer of at least one, in bytes.
pub(crate) fn minus_one(mut bytes: Vec<u8>) -> Vec<u8> {
    for byte in bytes.iter_mut().rev() {
        let (less, borrows) = byte.overflowing_sub(1);
        *byte = less;
        if !borrows {
            break;
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn integers_become_digits() {
        for (bytes, plus, digits) in [
            (&[][..], 0, "0"),
            (&[], 1, "1"),
            (&[0, 0, 7], 0, "7"),
            (&[1, 0, 0, 0, 0, 0, 0, 0, 0], 0, "18446744073709551616"),
            (&[1, 0, 0, 0, 0, 0, 0, 0, 0], 1, "18446744073709551617"),
            (&[0x3b, 0x9a, 0xc9, 0xff], 1, "1000000000"),
        ] {
            assert_eq!(to_decimal(bytes, plus).as_deref(), Some(digits));
        }
        assert_eq!(to_decimal(&[1; LONGEST + 1], 0), None);
        let largest = to_decimal(&[255; LONGEST], 0).unwrap();
        assert_eq!(largest.len(), 617);
    }

    #[test]
    fn one_is_taken_away() {
        assert_eq!(minus_one(vec![1, 0, 0]), [0, 255, 255]);
        assert_eq!(minus_one(vec![1]), [0]);
    }

    proptest! {
        #[test]
        fn digits_are_read_back(value: u128) {
            let bytes = from_decimal(&value.to_string()).unwrap();
            prop_assert_eq!(to_decimal(&value.to_be_bytes(), 0), Some(value.to_string()));
            prop_assert_eq!(to_decimal(&bytes, 0), Some(value.to_string()));
            prop_assert!(bytes.first() != Some(&0));
        }
    }
}
