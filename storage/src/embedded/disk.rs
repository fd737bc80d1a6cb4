//! Where the files are: a directory, or a simulation of one.
//!
//! Invariant: a file under its final name is complete; whatever a crash leaves half made has a
//! temporary name.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use redb::backends::FileBackend;
use redb::{DatabaseError, StorageBackend};

use crate::error::StoreError;

/// The few things that the store does with files besides reading and writing them.
pub trait Disk: Send + Sync + 'static {
    /// Opens a file, if there is one of this name.
    ///
    /// # Errors
    /// The operating system's.
    fn open(&self, name: &str) -> io::Result<Option<Box<dyn StorageBackend>>>;

    /// Makes an empty file of this name.
    ///
    /// # Errors
    /// The operating system's.
    fn create(&self, name: &str) -> io::Result<Box<dyn StorageBackend>>;

    /// Makes a finished file's content durable and gives it its final name.
    ///
    /// # Errors
    /// The operating system's.
    fn publish(&self, temporary: &str, name: &str) -> io::Result<()>;

    /// Makes names durable: what was published and removed stays so over a crash.
    ///
    /// # Errors
    /// The operating system's.
    fn sync_names(&self) -> io::Result<()>;

    /// Removes a file, if there is one of this name.
    ///
    /// # Errors
    /// The operating system's.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// A way to give back parts of a file of this name.
    ///
    /// # Errors
    /// The operating system's.
    fn discard(&self, name: &str) -> io::Result<Box<dyn Discard>>;

    /// How much more may be written.
    ///
    /// # Errors
    /// The operating system's.
    fn free_bytes(&self) -> io::Result<u64>;
}

/// Gives the room of parts of a file back to the disk.
pub trait Discard: Send + Sync {
    /// What stands there is not needed any more: it may read as zeros from now on, and need no
    /// room. The file is as long as before.
    ///
    /// # Errors
    /// The operating system's.
    fn discard(&self, offset: u64, length: u64) -> io::Result<()>;
}

/// A directory that this store alone uses, as long as this value lives.
#[derive(Debug)]
pub struct DirectoryDisk {
    dir: PathBuf,
    /// Held, not read: closing it gives the directory free.
    _lock: File,
}

impl DirectoryDisk {
    /// Makes the directory if it is missing and takes its lock.
    ///
    /// # Errors
    /// [`StoreError::AlreadyOpen`] if someone has the lock; I/O errors.
    pub fn open(dir: &Path) -> Result<Self, StoreError> {
        make_directory(dir).map_err(StoreError::io("make the store's directory"))?;
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .open(dir.join("store.lock"))
            .map_err(StoreError::io("open the store's lock file"))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { dir: dir.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => Err(StoreError::AlreadyOpen { dir: dir.to_owned() }),
            Err(TryLockError::Error(error)) => {
                Err(StoreError::io("lock the store's directory")(error))
            }
        }
    }

    fn backend(file: File) -> io::Result<Box<dyn StorageBackend>> {
        match FileBackend::new(file) {
            Ok(backend) => Ok(Box::new(backend)),
            Err(DatabaseError::Storage(redb::StorageError::Io(error))) => Err(error),
            Err(error) => Err(io::Error::other(error)),
        }
    }
}

/// Makes a directory, and the ones above it, durably.
fn make_directory(dir: &Path) -> io::Result<()> {
    if dir.is_dir() {
        return Ok(());
    }
    let above = match dir.parent() {
        Some(above) if above.as_os_str().is_empty() => Path::new("."),
        Some(above) => above,
        None => return Ok(()),
    };
    make_directory(above)?;
    match fs::create_dir(dir) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    File::open(above)?.sync_all()
}

impl Disk for DirectoryDisk {
    fn open(&self, name: &str) -> io::Result<Option<Box<dyn StorageBackend>>> {
        match OpenOptions::new().read(true).write(true).open(self.dir.join(name)) {
            Ok(file) => Self::backend(file).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn StorageBackend>> {
        let path = self.dir.join(name);
        Self::backend(
            OpenOptions::new().read(true).write(true).create(true).truncate(true).open(path)?,
        )
    }

    fn publish(&self, temporary: &str, name: &str) -> io::Result<()> {
        let from = self.dir.join(temporary);
        File::open(&from)?.sync_all()?;
        fs::rename(from, self.dir.join(name))
    }

    fn sync_names(&self) -> io::Result<()> {
        File::open(&self.dir)?.sync_all()
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match fs::remove_file(self.dir.join(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    fn discard(&self, name: &str) -> io::Result<Box<dyn Discard>> {
        let file = OpenOptions::new().read(true).write(true).open(self.dir.join(name))?;
        Ok(Box::new(Holes(file)))
    }

    fn free_bytes(&self) -> io::Result<u64> {
        let stat = rustix::fs::statvfs(&self.dir)?;
        Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
    }
}

/// A file that gets holes, where the system has such.
struct Holes(File);

impl Discard for Holes {
    #[cfg(target_os = "linux")]
    fn discard(&self, offset: u64, length: u64) -> io::Result<()> {
        use rustix::fs::{FallocateFlags, fallocate};
        let flags = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        match fallocate(&self.0, flags, offset, length) {
            // A file system without holes keeps what it has.
            Err(rustix::io::Errno::OPNOTSUPP) => Ok(()),
            done => Ok(done?),
        }
    }

    #[cfg(not(target_os = "linux"))]
    fn discard(&self, _offset: u64, _length: u64) -> io::Result<()> {
        let _keeps_its_room = &self.0;
        Ok(())
    }
}
