//! A row's key as the overlay keeps it.
//!
//! Keys of one table begin alike (namespace, then ids in order of time), so comparing them byte by
//! byte is most of what an ordered map costs. Short ones lie in the map's own nodes, as words that
//! compare as their bytes do.
//!
//! Invariant: keys compare as their bytes do.

use std::cmp::Ordering;

use bytes::Bytes;

const WORDS: usize = 5;
const SHORT: usize = WORDS * 8;

#[derive(Clone, Debug)]
pub(super) struct Key(Form);

#[derive(Clone, Debug)]
enum Form {
    /// Big endian words, with zeros behind the last byte.
    Short {
        words: [u64; WORDS],
        length: u8,
    },
    Long(Box<[u8]>),
}

impl Key {
    pub(super) fn new(bytes: &[u8]) -> Self {
        if bytes.len() > SHORT {
            return Self(Form::Long(bytes.into()));
        }
        let mut padded = [0; SHORT];
        padded[..bytes.len()].copy_from_slice(bytes);
        let mut words = [0; WORDS];
        for (word, bytes) in words.iter_mut().zip(padded.as_chunks::<8>().0) {
            *word = u64::from_be_bytes(*bytes);
        }
        Self(Form::Short { words, length: bytes.len() as u8 })
    }

    /// Lends the bytes.
    pub(super) fn read<T>(&self, reader: impl FnOnce(&[u8]) -> T) -> T {
        match &self.0 {
            Form::Long(bytes) => reader(bytes),
            Form::Short { words, length } => {
                let mut bytes = [0; SHORT];
                for (bytes, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(words) {
                    *bytes = word.to_be_bytes();
                }
                reader(&bytes[..usize::from(*length)])
            }
        }
    }

    pub(super) fn to_bytes(&self) -> Bytes {
        self.read(Bytes::copy_from_slice)
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> Ordering {
        match (&self.0, &other.0) {
            (
                Form::Short { words, length },
                Form::Short { words: other_words, length: other_length },
            ) => {
                for (word, other) in words.iter().zip(other_words) {
                    if word != other {
                        return word.cmp(other);
                    }
                }
                // Alike up to zeros: the one with fewer of them is the other one's prefix.
                length.cmp(other_length)
            }
            _ => self.read(|own| other.read(|other| own.cmp(other))),
        }
    }
}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Key {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::Random;

    #[test]
    fn keys_compare_and_come_back_as_their_bytes() {
        let random = &mut Random::new(1);
        let keys: Vec<Vec<u8>> = (0..600)
            .map(|_| {
                let length = *random.pick(&[0, 1, 7, 8, 9, 39, 40, 41, 60]);
                (0..length).map(|_| *random.pick(&[0, 0, 0, 1, 0xff])).collect()
            })
            .collect();
        for one in &keys {
            assert_eq!(&Key::new(one).to_bytes()[..], &one[..]);
            for other in &keys {
                assert_eq!(
                    Key::new(one).cmp(&Key::new(other)),
                    one.cmp(other),
                    "{one:?} {other:?}"
                );
            }
        }
    }
}
