//! One file of values.
//!
//! Invariant: it begins with its header from before anything in it is named.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use redb::StorageBackend;

use super::super::backend::Gauged;
use super::super::disk::{Discard, Disk};
use super::extent::Extent;
use super::room::Room;
use crate::error::StoreError;

/// What a file begins with.
pub(super) const HEADER: &[u8; 16] = b"everstep values\x01";

pub(super) struct ValueFile {
    file: Gauged,
    /// Gives back what nobody reads any more.
    discard: Box<dyn Discard>,
    /// Nobody reads any more: what lies there may be given back by another process.
    closed: AtomicBool,
}

pub(super) fn name_of(number: usize) -> String {
    match number {
        0 => "values.dat".to_owned(),
        _ => format!("values-{number}.dat"),
    }
}

impl ValueFile {
    /// Opens the file of this number, of which so many bytes are named; makes it if none are.
    pub(super) fn open(disk: &dyn Disk, number: usize, named: u64) -> Result<Self, StoreError> {
        let (name, action) = (name_of(number), "open values.dat");
        let file = match disk.open(&name).map_err(StoreError::io(action))? {
            // A later one that was never named is what a crash left.
            Some(file) if named > 0 || number == 0 => file,
            _ if named == 0 => disk.create(&name).map_err(StoreError::io("make values.dat"))?,
            _ => return Err(StoreError::corrupt(format!("{name} is gone"))),
        };
        let file = Gauged::new(file, Arc::default());
        let length = file.len().map_err(StoreError::io(action))?;
        let mut header = vec![0; length.min(HEADER.len() as u64) as usize];
        file.read(0, &mut header).map_err(StoreError::io(action))?;
        if length < named {
            return Err(StoreError::corrupt(format!(
                "{name} has {length} bytes, but the state file knows of {named}"
            )));
        }
        // What a crash left of a header that was never named may be anything of it.
        let torn = || named == 0 && header.iter().zip(HEADER).all(|(is, of)| [0, *of].contains(is));
        if header != HEADER && !torn() {
            return Err(StoreError::corrupt(format!("{name} is no file of values")));
        }
        if named == 0 {
            // All that is named from now on hangs on the file's own name.
            disk.sync_names().map_err(StoreError::io("sync the store's directory"))?;
        }
        let discard = disk.discard(&name).map_err(StoreError::io(action))?;
        Ok(Self { file, discard, closed: AtomicBool::new(false) })
    }

    /// Reads as many bytes as there is place for.
    pub(super) fn read(&self, offset: u64, out: &mut [u8]) -> Result<(), StoreError> {
        if self.closed.load(Ordering::Acquire) {
            return Err(StoreError::Stopped { reason: "closed".into() });
        }
        self.file.read(offset, out).map_err(StoreError::io("read values.dat"))
    }

    pub(super) fn write(&self, offset: u64, bytes: &[u8]) -> Result<(), StoreError> {
        self.file.write(offset, bytes).map_err(StoreError::io("write to values.dat"))
    }

    pub(super) fn sync(&self) -> Result<(), StoreError> {
        self.file.sync_data().map_err(StoreError::io("sync values.dat"))
    }

    /// Gives back parts of it in their order; `end`: how far it is named. One that cannot be given
    /// back does not keep the others.
    pub(super) fn give_back(
        &self,
        parts: impl Iterator<Item = Extent>,
        end: u64,
    ) -> Result<(), StoreError> {
        let mut room = Room::new(&self.file, &*self.discard, end);
        let mut given: io::Result<()> = Ok(());
        for part in parts {
            given = given.and(room.give_back(part));
        }
        given.and(room.finish()).map_err(StoreError::io("give back room in values.dat"))
    }

    pub(super) fn close(&self) -> Result<(), StoreError> {
        self.closed.store(true, Ordering::Release);
        self.file.close().map_err(StoreError::io("close values.dat"))
    }
}
