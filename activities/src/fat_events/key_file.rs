//! The keys of subjects, in a small file of their own.
//!
//! ```text
//! file = "everstep keys 1\n" ‖ slot*
//! slot = id, 16 bytes ‖ key, 32 bytes ‖ checksum, 16 bytes     all zeros where a key was shredded
//! ```
//!
//! Slots are written ahead by the dozen and synced before one is given out, so a subject's first
//! event waits for no sync. A shred overwrites its slot in place and syncs; the slot is used again. A
//! key that was given out in a transaction that was refused in the end stays unused: it is handed to
//! the same subject when it comes again.
//!
//! Invariant: a key that was given out is durable. The file is never copied by the server, and a key
//! that was overwritten is nowhere else: what a disk keeps of overwritten sectors is the disk's to
//! say, so put the file on one that is encrypted where that matters.

use std::collections::HashMap;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

const HEAD: &[u8; 16] = b"everstep keys 1\n";
const SLOT: usize = 64;
/// Keys that are written ahead at once.
const AHEAD: usize = 64;

/// Why the key file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// The disk refuses.
    #[error("failed to {action} key file `{path}`: {source}")]
    Io {
        /// What was tried.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// Why not.
        source: io::Error,
    },
    /// The file is another one, or damaged.
    #[error("`{path}` is no key file, or it is damaged: {why}")]
    Malformed {
        /// The file.
        path: PathBuf,
        /// What was found.
        why: String,
    },
}

/// The keys of the subjects of one store.
pub struct SubjectKeys {
    path: PathBuf,
    inner: Mutex<Inner>,
}

struct Inner {
    /// None where the keys are kept in memory alone.
    file: Option<File>,
    slots: HashMap<[u8; 16], (u64, Zeroizing<[u8; 32]>)>,
    /// Ids that were written ahead and given to nobody.
    spare: Vec<[u8; 16]>,
    /// Places of slots that are zeros.
    free: Vec<u64>,
    end: u64,
}

/// A key's id, as it stands beside what the key seals.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct KeyId(pub(super) [u8; 16]);

impl KeyId {
    pub(super) fn text(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok().map(Self)
    }
}

impl SubjectKeys {
    /// Keys that end with the process: for tests, and beside a store in memory.
    pub fn in_memory() -> Self {
        let inner = Inner {
            file: None,
            slots: HashMap::new(),
            spare: Vec::new(),
            free: Vec::new(),
            end: HEAD.len() as u64,
        };
        Self { path: PathBuf::from("memory"), inner: Mutex::new(inner) }
    }

    /// Opens the key file, or makes it: readable by its owner alone.
    ///
    /// # Errors
    /// [`KeyFileError`].
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, KeyFileError> {
        let path = path.into();
        let failed = |action| {
            let path = path.clone();
            move |source| KeyFileError::Io { action, path, source }
        };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&path).map_err(failed("open"))?;
        let mut stored = Zeroizing::new(Vec::new());
        file.read_to_end(&mut stored).map_err(failed("read"))?;
        if stored.is_empty() {
            file.write_all(HEAD).map_err(failed("write"))?;
            file.sync_all().map_err(failed("sync"))?;
            sync_directory(&path).map_err(failed("sync the directory of"))?;
            stored.extend_from_slice(HEAD);
        }
        let inner = read(&stored, file)
            .map_err(|why| KeyFileError::Malformed { path: path.clone(), why: why.to_owned() })?;
        Ok(Self { path, inner: Mutex::new(inner) })
    }

    /// How many keys there are.
    pub fn count(&self) -> usize {
        let inner = self.lock();
        inner.slots.len() - inner.spare.len()
    }

    /// A key that nobody has yet.
    pub(super) fn give_out(&self) -> Result<KeyId, KeyFileError> {
        let mut inner = self.lock();
        if inner.spare.is_empty() {
            inner.write_ahead().map_err(|source| self.failed("write", source))?;
        }
        match inner.spare.pop() {
            Some(id) => Ok(KeyId(id)),
            None => Err(self.failed("write", io::Error::other("no key was made"))),
        }
    }

    /// The key's bytes, unless it was shredded.
    pub(super) fn key(&self, id: KeyId) -> Option<Zeroizing<[u8; 32]>> {
        self.lock().slots.get(&id.0).map(|(_, key)| key.clone())
    }

    /// Overwrites the key. Durable when it returns; one that is gone already stays gone.
    pub(super) fn destroy(&self, id: KeyId) -> Result<(), KeyFileError> {
        let mut inner = self.lock();
        let Some((place, _)) = inner.slots.get(&id.0) else { return Ok(()) };
        let place = *place;
        inner.overwrite(place).map_err(|source| self.failed("overwrite a key in", source))?;
        inner.slots.remove(&id.0);
        inner.spare.retain(|spare| *spare != id.0);
        inner.free.push(place);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self, action: &'static str, source: io::Error) -> KeyFileError {
        KeyFileError::Io { action, path: self.path.clone(), source }
    }
}

impl fmt::Debug for SubjectKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SubjectKeys").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Drop for SubjectKeys {
    /// What was written ahead for nobody need not stay.
    fn drop(&mut self) {
        let mut inner = self.lock();
        for id in std::mem::take(&mut inner.spare) {
            if let Some((place, _)) = inner.slots.remove(&id) {
                // A spare that stays is 64 bytes that nobody uses.
                let _ = inner.overwrite(place);
            }
        }
    }
}

impl Inner {
    fn write_ahead(&mut self) -> io::Result<()> {
        let mut fresh = Vec::with_capacity(AHEAD);
        for _ in 0..AHEAD {
            let (id, key): ([u8; 16], [u8; 32]) = (rand::random(), rand::random());
            let key = Zeroizing::new(key);
            let place = self.free.pop().unwrap_or_else(|| {
                self.end += SLOT as u64;
                self.end - SLOT as u64
            });
            if let Some(file) = &mut self.file {
                let mut slot = Zeroizing::new([0; SLOT]);
                slot[..16].copy_from_slice(&id);
                slot[16..48].copy_from_slice(&*key);
                slot[48..].copy_from_slice(&checksum(&id, &key));
                file.seek(SeekFrom::Start(place))?;
                file.write_all(&*slot)?;
            }
            fresh.push((id, place, key));
        }
        if let Some(file) = &self.file {
            file.sync_all()?;
        }
        for (id, place, key) in fresh {
            self.slots.insert(id, (place, key));
            self.spare.push(id);
        }
        Ok(())
    }

    fn overwrite(&mut self, place: u64) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        file.seek(SeekFrom::Start(place))?;
        file.write_all(&[0; SLOT])?;
        file.sync_all()
    }
}

fn read(stored: &[u8], file: File) -> Result<Inner, &'static str> {
    let slots = stored.strip_prefix(HEAD).ok_or("its head is another one")?;
    let mut inner = Inner {
        file: Some(file),
        slots: HashMap::new(),
        spare: Vec::new(),
        free: Vec::new(),
        end: HEAD.len() as u64,
    };
    for slot in slots.chunks(SLOT) {
        let place = inner.end;
        inner.end += SLOT as u64;
        let fields =
            slot.first_chunk::<16>().zip(slot.get(16..48).and_then(|key| key.first_chunk()));
        match fields {
            Some((id, key)) if slot.get(48..) == Some(&checksum(id, key)) => {
                inner.slots.insert(*id, (place, Zeroizing::new(*key)));
            }
            // Overwritten; or cut off by a crash before it was given out, or while it was overwritten.
            _ => inner.free.push(place),
        }
    }
    Ok(inner)
}

fn checksum(id: &[u8; 16], key: &[u8; 32]) -> [u8; 16] {
    let mut hash = Sha256::new();
    hash.update(b"everstep subject key");
    hash.update(id);
    hash.update(key);
    let hash: [u8; 32] = hash.finalize().into();
    let mut short = [0; 16];
    short.copy_from_slice(&hash[..16]);
    short
}

fn sync_directory(path: &Path) -> io::Result<()> {
    match path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        Some(parent) => File::open(parent)?.sync_all(),
        None => Ok(()),
    }
}
