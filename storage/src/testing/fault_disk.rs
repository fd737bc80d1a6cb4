//! A disk in memory that fails when it is told to, the way disks fail.
//!
//! All files share one clock: every operation that changes something is a tick, and a fault comes
//! at a tick. After a loss of power, what was synced is there; of what was not, any part may be:
//! each write is torn into sectors, and each sector, each change of length, each rename is kept or
//! lost by chance.
//!
//! Invariant: the same calls and the same seed give the same disk.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use redb::StorageBackend;

use super::random::Random;
use crate::embedded::{Discard, Disk};

/// What happens at a tick.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The power goes: this operation may happen in part, everything after it fails.
    PowerLoss,
    /// No space is left, for this operation only.
    NoSpace,
    /// An input or output error, for this operation only.
    Io,
}

/// Whether the disk does what a sync promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Honesty {
    /// It does.
    Honest,
    /// It says so, and keeps the data in its cache.
    LiesAboutSync,
}

/// A directory on a simulated disk. Clones are the same disk.
#[derive(Clone, Debug)]
pub struct FaultDisk {
    state: Arc<Mutex<State>>,
}

type Directory = BTreeMap<String, Arc<Mutex<Content>>>;

#[derive(Debug)]
struct State {
    files: Directory,
    /// What the directory is after a loss of power, if nothing unsynced survives.
    durable: Directory,
    ticks: u64,
    fault: Option<(u64, Fault)>,
    fired: bool,
    dead: bool,
    honesty: Honesty,
    free_bytes: u64,
}

#[derive(Clone, Debug, Default)]
struct Content {
    now: Vec<u8>,
    durable: Vec<u8>,
    unsynced: Vec<Change>,
}

#[derive(Clone, Debug)]
enum Change {
    Write(usize, Vec<u8>),
    Length(usize),
}

#[derive(Debug)]
struct SimulatedFile {
    content: Arc<Mutex<Content>>,
    disk: FaultDisk,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl FaultDisk {
    /// An empty disk.
    #[must_use]
    pub fn new(honesty: Honesty) -> Self {
        Self::with_files(Directory::new(), honesty)
    }

    fn with_files(files: Directory, honesty: Honesty) -> Self {
        let state = State {
            durable: files.clone(),
            files,
            ticks: 0,
            fault: None,
            fired: false,
            dead: false,
            honesty,
            free_bytes: u64::MAX,
        };
        Self { state: Arc::new(Mutex::new(state)) }
    }

    /// Lets a fault happen at the operation that comes after `ticks` more.
    pub fn fail_after(&self, ticks: u64, fault: Fault) {
        let mut state = lock(&self.state);
        state.fault = Some((state.ticks + ticks + 1, fault));
        state.fired = false;
    }

    /// Whether the fault has happened.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        lock(&self.state).fired
    }

    /// How many operations have changed something.
    #[must_use]
    pub fn ticks(&self) -> u64 {
        lock(&self.state).ticks
    }

    /// Sets what [`Disk::free_bytes`] answers.
    pub fn set_free_bytes(&self, free_bytes: u64) {
        lock(&self.state).free_bytes = free_bytes;
    }

    /// The disk after a loss of power now: what was synced, and what chance left of the rest. This
    /// one is dead then.
    #[must_use]
    pub fn after_power_loss(&self, random: &mut Random) -> Self {
        let mut state = lock(&self.state);
        state.dead = true;
        // From "everything unsynced is lost" to "nothing is", in quarters.
        let kept = random.below(5);
        let directory = if random.below(4) < kept { &state.files } else { &state.durable };
        let files = directory
            .iter()
            .map(|(name, content)| {
                let survived = lock(content).after_power_loss(kept, random);
                let content =
                    Content { now: survived.clone(), durable: survived, unsynced: Vec::new() };
                (name.clone(), Arc::new(Mutex::new(content)))
            })
            .collect();
        Self::with_files(files, state.honesty)
    }

    /// The disk as the next process finds it when this one was killed: everything written is
    /// there, synced or not. This one is dead then.
    #[must_use]
    pub fn after_kill(&self) -> Self {
        let mut state = lock(&self.state);
        state.dead = true;
        let copy = |files: &Directory| -> Directory {
            let copied = |content: &Arc<_>| Arc::new(Mutex::new(Content::clone(&lock(content))));
            files.iter().map(|(name, content)| (name.clone(), copied(content))).collect()
        };
        let next = Self::with_files(copy(&state.files), state.honesty);
        lock(&next.state).durable.retain(|name, _| state.durable.contains_key(name));
        next
    }

    /// Flips a bit of a file, for good.
    ///
    /// # Panics
    /// If there is no such file or no such byte.
    pub fn flip_bit(&self, name: &str, byte: usize, bit: u8) {
        let state = lock(&self.state);
        let mut content = lock(&state.files[name]);
        content.now[byte] ^= 1 << (bit % 8);
        content.durable = content.now.clone();
    }

    /// The bytes of a file as they are now.
    #[must_use]
    pub fn bytes(&self, name: &str) -> Option<Vec<u8>> {
        lock(&self.state).files.get(name).map(|content| lock(content).now.clone())
    }

    /// Puts a file there, durably.
    pub fn set_bytes(&self, name: &str, bytes: &[u8]) {
        let content =
            Content { now: bytes.to_vec(), durable: bytes.to_vec(), unsynced: Vec::new() };
        let content = Arc::new(Mutex::new(content));
        let mut state = lock(&self.state);
        state.files.insert(name.to_owned(), content.clone());
        state.durable.insert(name.to_owned(), content);
    }

    /// The names of the files that there are.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        lock(&self.state).files.keys().cloned().collect()
    }

    fn alive(&self) -> io::Result<MutexGuard<'_, State>> {
        let state = lock(&self.state);
        if state.dead { Err(io::Error::other("the power is off")) } else { Ok(state) }
    }
}

/// What becomes of the operation at this tick.
enum Tick {
    Happens,
    /// It may happen, but nobody is told so.
    Cut(io::Error),
    Fails(io::Error),
}

impl State {
    fn tick(&mut self) -> Tick {
        self.ticks += 1;
        match self.fault {
            Some((at, fault)) if at == self.ticks => {
                self.fired = true;
                match fault {
                    Fault::PowerLoss => {
                        self.dead = true;
                        Tick::Cut(io::Error::other("the power is off"))
                    }
                    Fault::NoSpace => Tick::Fails(io::ErrorKind::StorageFull.into()),
                    Fault::Io => Tick::Fails(io::Error::other("injected error")),
                }
            }
            _ => Tick::Happens,
        }
    }
}

impl Content {
    fn after_power_loss(&self, kept: u64, random: &mut Random) -> Vec<u8> {
        let sector = *random.pick(&[64, 512, 4096]);
        let mut survived = self.durable.clone();
        for change in &self.unsynced {
            match change {
                Change::Length(length) => {
                    if random.below(4) < kept {
                        survived.resize(*length, 0);
                    }
                }
                Change::Write(offset, bytes) => {
                    let mut done = 0;
                    while done < bytes.len() {
                        let at = offset + done;
                        let size = (sector - at % sector).min(bytes.len() - done);
                        if random.below(4) < kept {
                            // What a file grows by may be there without what comes before it.
                            survived.resize(survived.len().max(at + size), 0);
                            survived[at..at + size].copy_from_slice(&bytes[done..done + size]);
                        }
                        done += size;
                    }
                }
            }
        }
        survived
    }

    fn apply(&mut self, change: Change) {
        match &change {
            Change::Length(length) => self.now.resize(*length, 0),
            Change::Write(offset, bytes) => {
                let end = offset + bytes.len();
                if end > self.now.len() {
                    self.now.resize(end, 0);
                }
                self.now[*offset..end].copy_from_slice(bytes);
            }
        }
        self.unsynced.push(change);
    }

    fn sync(&mut self) {
        // The same changes again, instead of a copy of the whole file.
        for change in std::mem::take(&mut self.unsynced) {
            match change {
                Change::Length(length) => self.durable.resize(length, 0),
                Change::Write(offset, bytes) => {
                    let end = offset + bytes.len();
                    if end > self.durable.len() {
                        self.durable.resize(end, 0);
                    }
                    self.durable[offset..end].copy_from_slice(&bytes);
                }
            }
        }
    }
}

impl SimulatedFile {
    fn change(&self, change: Change) -> io::Result<()> {
        let mut state = self.disk.alive()?;
        match state.tick() {
            Tick::Fails(error) => Err(error),
            Tick::Cut(error) => {
                lock(&self.content).apply(change);
                Err(error)
            }
            Tick::Happens => {
                lock(&self.content).apply(change);
                Ok(())
            }
        }
    }
}

impl StorageBackend for SimulatedFile {
    fn len(&self) -> io::Result<u64> {
        let _alive = self.disk.alive()?;
        Ok(lock(&self.content).now.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let _alive = self.disk.alive()?;
        let content = lock(&self.content);
        let start = offset as usize;
        let found = content.now.get(start..start + out.len());
        out.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        self.change(Change::Length(length as usize))
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.change(Change::Write(offset as usize, data.to_vec()))
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.disk.alive()?;
        match state.tick() {
            Tick::Happens => {}
            Tick::Cut(error) => return Err(error),
            // As systems do it: what a failed sync has not written is believed to be clean. Readers
            // see it, and no later sync writes it, until it is written again.
            Tick::Fails(error) => {
                lock(&self.content).unsynced.clear();
                return Err(error);
            }
        }
        if state.honesty == Honesty::Honest {
            lock(&self.content).sync();
        }
        Ok(())
    }
}

impl Discard for SimulatedFile {
    /// Zeros, so that whoever still reads there is found out.
    fn discard(&self, offset: u64, length: u64) -> io::Result<()> {
        self.change(Change::Write(offset as usize, vec![0; length as usize]))
    }
}

impl Disk for FaultDisk {
    fn open(&self, name: &str) -> io::Result<Option<Box<dyn StorageBackend>>> {
        let state = self.alive()?;
        Ok(state.files.get(name).map(|content| -> Box<dyn StorageBackend> {
            Box::new(SimulatedFile { content: content.clone(), disk: self.clone() })
        }))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn StorageBackend>> {
        let mut state = self.alive()?;
        if let Tick::Cut(error) | Tick::Fails(error) = state.tick() {
            return Err(error);
        }
        let content = Arc::new(Mutex::new(Content::default()));
        state.files.insert(name.to_owned(), content.clone());
        Ok(Box::new(SimulatedFile { content, disk: self.clone() }))
    }

    fn publish(&self, temporary: &str, name: &str) -> io::Result<()> {
        let mut state = self.alive()?;
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        // Sync the file and rename it: two chances to fail.
        if let Tick::Cut(error) | Tick::Fails(error) = state.tick() {
            return Err(error);
        }
        let content = state.files.get(temporary).cloned().ok_or_else(missing)?;
        lock(&content).sync();
        if let Tick::Cut(error) | Tick::Fails(error) = state.tick() {
            return Err(error);
        }
        state.files.remove(temporary);
        state.files.insert(name.to_owned(), content);
        Ok(())
    }

    fn sync_names(&self) -> io::Result<()> {
        let mut state = self.alive()?;
        if let Tick::Cut(error) | Tick::Fails(error) = state.tick() {
            return Err(error);
        }
        state.durable = state.files.clone();
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        let mut state = self.alive()?;
        if !state.files.contains_key(name) {
            return Ok(());
        }
        if let Tick::Cut(error) | Tick::Fails(error) = state.tick() {
            return Err(error);
        }
        state.files.remove(name);
        Ok(())
    }

    fn discard(&self, name: &str) -> io::Result<Box<dyn Discard>> {
        let state = self.alive()?;
        let content = state.files.get(name).cloned();
        let content = content.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
        Ok(Box::new(SimulatedFile { content, disk: self.clone() }))
    }

    fn free_bytes(&self) -> io::Result<u64> {
        Ok(self.alive()?.free_bytes)
    }
}
