//! Ordered rows in tables, changed by one atomic batch at a time: the store under Everstep.
//!
//! ```
//! use everstep_storage::{Batch, MemoryStore, Range, Snapshot, Store, StoreError, Table};
//!
//! const RUNS: Table = Table::new(1, "runs");
//!
//! let store = MemoryStore::new();
//! let mut batch = Batch::new();
//! batch.assert_absent(RUNS, b"order-1");
//! batch.put(RUNS, b"order-1", b"open");
//! let commit = store.commit(batch.clone())?;
//!
//! let snapshot = store.snapshot()?;
//! assert_eq!(snapshot.sequence(), commit.sequence);
//! assert_eq!(snapshot.get(RUNS, b"order-1")?.as_deref(), Some(&b"open"[..]));
//! assert_eq!(snapshot.range(Range::prefix(RUNS, b"order-"))?.len(), 1);
//!
//! assert!(matches!(store.commit(batch), Err(StoreError::Refused(_))), "the row is there now");
//! # Ok::<(), StoreError>(())
//! ```
//!
//! # Invariants
//!
//! - **It knows no workflow.** Tables, keys and values are bytes; their meaning is the engine's.
//! - **One batch, all or nothing.** Everything in it is checked before anything of it is written.
//! - **Acknowledged is durable**, and visible to every snapshot taken afterwards.
//! - **A snapshot is one sequence number**; it never sees half a batch nor an unsynced one.
//! - **No closures cross the seam**, so that a SQL database can stand behind it.
//! - **A failed sync stops the store.** It says what is unknown, and never goes on.
//!
//! # Modules
//!
//! | module | what it owns |
//! | --- | --- |
//! | `store` | the seam: [`Store`], [`Snapshot`], [`Commit`] |
//! | `batch`, `range`, `table` | what is asked: [`Batch`], [`Range`], [`Table`] |
//! | `error`, `stats` | what is answered: [`StoreError`], [`StoreStats`] |
//! | `record` | the bytes of one declaration |
//! | [`codec`] | how values rest on disk: [`codec::ValueCodec`] |
//! | `embedded` | [`EmbeddedStore`]: a journal, a redb file and an overlay |
//! | [`log`] | events in streams, found by stream, type, tag and correlation |
//! | `copy` | [`copy_store`]: everything into another store, as that one encodes it |
//! | `memory` | [`MemoryStore`]: a map behind a lock, the oracle |
//! | [`testing`] | the suite every store must pass, and a disk that fails |

mod batch;
pub mod codec;
mod copy;
mod digest;
mod embedded;
mod error;
pub mod log;
mod memory;
mod range;
mod record;
mod stats;
mod store;
mod table;
pub mod testing;

pub use batch::{Assertion, Batch, Fence, Write};
pub use copy::copy_store;
pub use digest::{ContentDigest, digest};
pub use embedded::{DirectoryDisk, Discard, Disk, EmbeddedConfig, EmbeddedStore, Threads};
pub use error::{CodingMismatch, Refusal, StoreError};
pub use memory::MemoryStore;
pub use range::Range;
/// What a file on a [`Disk`] answers to.
pub use redb::StorageBackend;
pub use stats::{Health, StoreStats};
pub use store::{Commit, Completion, Snapshot, Store};
pub use table::{LEASES, Table};
