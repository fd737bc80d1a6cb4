//! The codec of the house: LZ4 for what is long, AES-256-GCM under a keyring.
//!
//! ```text
//! sealed = flags ‖ (id's length ‖ key id ‖ salt, 12 bytes ‖ varint counter)? ‖ text ‖ (tag, 16 bytes)?
//! ```
//!
//! Each opening of a store draws a random salt of 96 bits. Its key is HKDF-SHA256 of the keyring's
//! key under that salt, and its nonces count from 0, so that no nonce is used twice under one key,
//! also where a directory was copied and both copies go on. Header and place are authenticated.
//!
//! Invariant: a counter is taken once. After 2^48 values under one salt the next salt is drawn;
//! NIST's bounds for GCM (2^64 blocks under a key) are far above.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::{Aes256Gcm, Nonce};
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::{CodecError, Key, Keyring, Place, ValueCodec};
use crate::record::{push_varint, read_varint};

const COMPRESSED: u8 = 1;
const ENCRYPTED: u8 = 2;
const TAG_BYTES: usize = 16;
const SALT_BYTES: usize = 12;
/// Shorter values gain less than compressing them costs.
const WORTH_COMPRESSING: usize = 512;
/// LZ4 cannot make more of a byte than this.
const MOST_FROM_A_BYTE: usize = 255;
/// Values under one salt.
const VALUES_A_SALT: u64 = 1 << 48;
/// Ciphers that are kept: one for each opening whose values are still read.
const MOST_CIPHERS: usize = 256;

type Salt = [u8; SALT_BYTES];

/// Compresses and encrypts values.
pub struct SealingCodec {
    keys: Option<Keyring>,
    compress: bool,
    writing: Mutex<Writing>,
    reading: RwLock<HashMap<(String, Salt), Arc<Aes256Gcm>>>,
}

/// What the next value is sealed with.
struct Writing {
    salt: Salt,
    cipher: Option<Arc<Aes256Gcm>>,
    counter: u64,
}

impl SealingCodec {
    /// Encrypts under the keyring's current key, and compresses what is worth it.
    ///
    /// Compression before encryption shows in a value's length how well it was compressed. Where
    /// somebody chooses a part of a value and sees its length, and another part is secret, use
    /// [`SealingCodec::uncompressed`].
    #[must_use]
    pub fn encrypted(keys: Keyring) -> Self {
        Self::new(Some(keys), true)
    }

    /// Compresses only.
    #[must_use]
    pub fn compressed() -> Self {
        Self::new(None, true)
    }

    /// The same without compression. What was compressed before is read all the same.
    #[must_use]
    pub fn uncompressed(self) -> Self {
        Self { compress: false, ..self }
    }

    fn new(keys: Option<Keyring>, compress: bool) -> Self {
        let writing = Mutex::new(Writing { salt: [0; SALT_BYTES], cipher: None, counter: 0 });
        Self { keys, compress, writing, reading: RwLock::default() }
    }

    /// A cipher, a salt and a counter that nobody had before.
    fn next(&self, key: &Key) -> (Arc<Aes256Gcm>, Salt, u64) {
        let mut writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let writing = &mut *writing;
        if writing.counter >= VALUES_A_SALT {
            writing.cipher = None;
        }
        let cipher = writing.cipher.get_or_insert_with(|| {
            writing.salt = rand::random();
            writing.counter = 0;
            Arc::new(cipher(key, &writing.salt))
        });
        let counter = writing.counter;
        writing.counter += 1;
        (Arc::clone(cipher), writing.salt, counter)
    }

    fn known(&self, id: &[u8], salt: Salt) -> Result<Arc<Aes256Gcm>, CodecError> {
        let key = self.keys.as_ref().and_then(|keys| keys.key(id)).ok_or_else(|| {
            CodecError::UnknownKey { id: String::from_utf8_lossy(id).into_owned() }
        })?;
        let name = (key.id().to_owned(), salt);
        let ciphers = self.reading.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(cipher) = ciphers.get(&name) {
            return Ok(Arc::clone(cipher));
        }
        drop(ciphers);
        let cipher = Arc::new(cipher(key, &salt));
        let mut ciphers = self.reading.write().unwrap_or_else(PoisonError::into_inner);
        if ciphers.len() >= MOST_CIPHERS {
            ciphers.clear();
        }
        ciphers.insert(name, Arc::clone(&cipher));
        Ok(cipher)
    }
}

impl fmt::Debug for SealingCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ids: Vec<_> = self.keys.iter().flat_map(Keyring::ids).collect();
        f.debug_struct("SealingCodec")
            .field("keys", &ids)
            .field("compress", &self.compress)
            .finish_non_exhaustive()
    }
}

fn cipher(key: &Key, salt: &Salt) -> Aes256Gcm {
    let mut derived = Zeroizing::new([0; 32]);
    let derivation = Hkdf::<Sha256>::new(Some(salt), key.secret());
    // HKDF gives up to 255 times 32 bytes; this asks for one.
    let expanded = derivation.expand(b"everstep value, AES-256-GCM", &mut *derived);
    debug_assert!(expanded.is_ok());
    Aes256Gcm::new((&*derived).into())
}

fn nonce(counter: u64) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[4..].copy_from_slice(&counter.to_be_bytes());
    nonce
}

/// What is authenticated beside the text: the header, and where the value belongs.
fn bound(header: &[u8], place: &Place<'_>) -> Vec<u8> {
    let mut bound = Vec::with_capacity(header.len() + place.key.len() + 14);
    bound.extend_from_slice(header);
    bound.push(place.table);
    bound.push(u8::from(place.appended));
    bound.extend_from_slice(&place.sequence.to_be_bytes());
    bound.extend_from_slice(&place.index.to_be_bytes());
    bound.extend_from_slice(place.key);
    bound
}

impl ValueCodec for SealingCodec {
    fn name(&self) -> &str {
        self.keys.as_ref().map_or("", |keys| keys.current().id())
    }

    fn seal(&self, place: &Place<'_>, value: &[u8], into: &mut Vec<u8>) {
        let compressed = (self.compress && value.len() >= WORTH_COMPRESSING)
            .then(|| lz4_flex::compress_prepend_size(value))
            .filter(|compressed| compressed.len() < value.len() / 8 * 7);
        let start = into.len();
        into.push(if compressed.is_some() { COMPRESSED } else { 0 });
        let text = compressed.as_deref().unwrap_or(value);
        let Some(keys) = &self.keys else {
            into.extend_from_slice(text);
            return;
        };
        let key = keys.current();
        let (cipher, salt, counter) = self.next(key);
        into[start] |= ENCRYPTED;
        // A key's id has at most 64 bytes.
        into.push(key.id().len() as u8);
        into.extend_from_slice(key.id().as_bytes());
        into.extend_from_slice(&salt);
        push_varint(into, counter);
        let bound = bound(&into[start..], place);
        let text_at = into.len();
        into.extend_from_slice(text);
        let nonce = Nonce::from(nonce(counter));
        let sealed = cipher.encrypt_inout_detached(&nonce, &bound, (&mut into[text_at..]).into());
        match sealed {
            Ok(tag) => into.extend_from_slice(&tag),
            // Only 64 GiB at once are refused. Leave nothing readable: it will not unseal.
            Err(_) => into.truncate(start),
        }
    }

    fn unseal(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, CodecError> {
        let flags = *sealed.first().ok_or(CodecError::Malformed)?;
        let text = if flags & ENCRYPTED != 0 {
            self.decrypt(place, sealed)?
        } else if self.keys.is_some() {
            // Whoever can write to the disk must not get round the keys.
            return Err(CodecError::Forged);
        } else {
            sealed[1..].to_vec()
        };
        if flags & COMPRESSED == 0 {
            return Ok(text);
        }
        let length = text.first_chunk().ok_or(CodecError::Malformed)?;
        // Checked before it is believed: so much memory would be taken.
        if u32::from_le_bytes(*length) as usize > text.len().saturating_mul(MOST_FROM_A_BYTE) {
            return Err(CodecError::Malformed);
        }
        lz4_flex::decompress_size_prepended(&text).map_err(|_| CodecError::Malformed)
    }
}

impl SealingCodec {
    fn decrypt(&self, place: &Place<'_>, sealed: &[u8]) -> Result<Vec<u8>, CodecError> {
        let malformed = || CodecError::Malformed;
        let id_length = usize::from(*sealed.get(1).ok_or_else(malformed)?);
        let (id, rest) = sealed[2..].split_at_checked(id_length).ok_or_else(malformed)?;
        let salt = *rest.first_chunk::<SALT_BYTES>().ok_or_else(malformed)?;
        let mut at = 2 + id_length + SALT_BYTES;
        let counter = read_varint(sealed, &mut at).map_err(|_| CodecError::Malformed)?;
        let (text, tag) = sealed[at..].split_last_chunk::<TAG_BYTES>().ok_or_else(malformed)?;
        let cipher = self.known(id, salt)?;
        let mut text = text.to_vec();
        let bound = bound(&sealed[..at], place);
        let nonce = Nonce::from(nonce(counter));
        cipher
            .decrypt_inout_detached(&nonce, &bound, (&mut *text).into(), tag.into())
            .map_err(|_| CodecError::Forged)?;
        Ok(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: Place<'_> =
        Place { table: 3, key: b"order-7", appended: false, sequence: 9, index: 2 };

    fn keyring(ids: &[(&str, u8)]) -> Keyring {
        let keys = ids.iter().map(|(id, byte)| Key::new(*id, [*byte; 32]).unwrap());
        Keyring::new(keys.collect()).unwrap()
    }

    fn sealed(codec: &SealingCodec, value: &[u8]) -> Vec<u8> {
        let mut sealed = Vec::new();
        codec.seal(&HERE, value, &mut sealed);
        sealed
    }

    #[test]
    fn values_come_back_and_no_two_look_alike() {
        let codec = SealingCodec::encrypted(keyring(&[("k1", 1)]));
        for length in [0, 1, 100, 5_000] {
            let value = vec![b'x'; length];
            let (one, other) = (sealed(&codec, &value), sealed(&codec, &value));
            assert_ne!(one, other);
            assert!(length < 5_000 || one.len() < 200, "long ones are compressed: {}", one.len());
            assert_eq!(codec.unseal(&HERE, &one), Ok(value));
        }
    }

    #[test]
    fn a_value_is_bound_to_its_place() {
        let codec = SealingCodec::encrypted(keyring(&[("k1", 1)]));
        let one = sealed(&codec, b"secret");
        for elsewhere in [
            Place { table: 4, ..HERE },
            Place { key: b"order-8", ..HERE },
            Place { appended: true, ..HERE },
            Place { sequence: 8, ..HERE },
            Place { index: 1, ..HERE },
        ] {
            assert_eq!(codec.unseal(&elsewhere, &one), Err(CodecError::Forged), "{elsewhere:?}");
        }
    }

    #[test]
    fn every_cut_and_every_flipped_bit_is_refused() {
        let codec = SealingCodec::encrypted(keyring(&[("k1", 1)]));
        let one = sealed(&codec, b"secret");
        for cut in 0..one.len() {
            assert!(codec.unseal(&HERE, &one[..cut]).is_err(), "cut at {cut}");
        }
        for bit in 0..one.len() * 8 {
            let mut flipped = one.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert!(codec.unseal(&HERE, &flipped).is_err(), "bit {bit}");
        }
        let plain = sealed(&SealingCodec::compressed(), b"chosen by somebody else");
        assert_eq!(codec.unseal(&HERE, &plain), Err(CodecError::Forged), "not sealed at all");
    }

    #[test]
    fn old_keys_read_and_unknown_ones_are_named() {
        let old = sealed(&SealingCodec::encrypted(keyring(&[("old", 1)])), b"secret");
        let rotated = SealingCodec::encrypted(keyring(&[("new", 2), ("old", 1)]));
        assert_eq!(rotated.unseal(&HERE, &old).as_deref(), Ok(&b"secret"[..]));
        assert_eq!(rotated.name(), "new");
        let without = SealingCodec::encrypted(keyring(&[("new", 2)]));
        let unknown = CodecError::UnknownKey { id: "old".into() };
        assert_eq!(without.unseal(&HERE, &old), Err(unknown));
        let other = SealingCodec::encrypted(keyring(&[("old", 3)]));
        assert_eq!(other.unseal(&HERE, &old), Err(CodecError::Forged));
    }

    #[test]
    fn a_length_that_lies_takes_no_memory() {
        let codec = SealingCodec::compressed();
        let mut lying = vec![COMPRESSED];
        lying.extend_from_slice(&u32::MAX.to_le_bytes());
        lying.extend_from_slice(b"few");
        assert_eq!(codec.unseal(&HERE, &lying), Err(CodecError::Malformed));
    }
}
