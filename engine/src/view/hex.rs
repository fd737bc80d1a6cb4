//! Bytes as hexadecimal digits: hashes, and keys in tokens of pages.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Two digits for each byte.
pub(in crate::view) fn to_digits<const N: usize>(bytes: &[u8; N]) -> [[u8; 2]; N] {
    bytes.map(|byte| [byte >> 4, byte & 15].map(|digit| DIGITS[usize::from(digit)]))
}

/// Two digits for each byte, as text.
pub(in crate::view) fn to_hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        text.extend(to_digits(&[*byte]).as_flattened().iter().copied().map(char::from));
    }
    text
}

/// The bytes of such a text; nothing where it is none.
pub(in crate::view) fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digit = |digit: &u8| char::from(*digit).to_digit(16).and_then(|of| u8::try_from(of).ok());
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let bytes = pairs.iter().map(|[high, low]| Some(digit(high)? << 4 | digit(low)?));
    rest.is_empty().then(|| bytes.collect()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_and_nothing_else_is_taken() {
        let every: Vec<u8> = (0..=u8::MAX).collect();
        assert_eq!(from_hex(&to_hex(&every)).as_ref(), Some(&every));
        assert_eq!((to_hex(&[0, 0xa7]), from_hex("")), ("00a7".to_owned(), Some(Vec::new())));
        for text in ["0", "0g", "+1", "é"] {
            assert_eq!(from_hex(text), None, "{text}");
        }
    }
}
