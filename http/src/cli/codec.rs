//! The flags that say how values rest on disk, and `rekey`, which copies a store under others.
//!
//! Invariant: a key is read from its file and goes nowhere but into the codec.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use everstep_storage::codec::{Keyring, SealingCodec, ValueCodec};
use everstep_storage::{
    CodingMismatch, EmbeddedConfig, EmbeddedStore, Store, StoreError, copy_store,
};

use super::remote::{CliError, print, print_json};

/// How values rest on disk.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct CodecArgs {
    /// Encrypt what rests on disk: a file with a line `id:base64` for each key of 32 bytes. The
    /// first one encrypts, all of them decrypt.
    #[arg(long, env = "EVERSTEP_ENCRYPTION_KEYS", value_name = "FILE", value_parser = keyring)]
    pub encryption_keys: Option<Keyring>,
    /// Compress what rests on disk; with --encryption-keys that is done anyway.
    #[arg(long)]
    pub compress: bool,
    /// Do not compress before encrypting: lengths then say nothing about what repeats.
    #[arg(long, requires = "encryption_keys", conflicts_with = "compress")]
    pub no_compression: bool,
}

/// A mistake in the file is the command line's. Neither it nor the error shows a key.
fn keyring(file: &str) -> Result<Keyring, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    Keyring::parse(&text).map_err(|error| format!("{file}: {error}"))
}

impl CodecArgs {
    /// The codec that the flags ask for.
    pub fn codec(&self) -> Option<Arc<dyn ValueCodec>> {
        let codec = match (&self.encryption_keys, self.compress) {
            (Some(keys), _) => SealingCodec::encrypted(keys.clone()),
            (None, true) => SealingCodec::compressed(),
            (None, false) => return None,
        };
        Some(Arc::new(if self.no_compression { codec.uncompressed() } else { codec }))
    }
}

/// The flags of `rekey`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct RekeyArgs {
    /// The directory of the store; no server may be running on it. It keeps what it holds, and
    /// opens with the same keys as here.
    #[arg(long, value_name = "DIR")]
    data: PathBuf,
    /// The directory to make, with everything under the first key of --encryption-keys.
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
    #[command(flatten)]
    codec: CodecArgs,
    /// Leave values readable in the copy.
    #[arg(long, conflicts_with_all = ["compress", "no_compression"])]
    plain: bool,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl RekeyArgs {
    /// Copies the store, and says on stdout how many rows it has.
    pub(super) fn run(&self) -> ExitCode {
        let done = self.copy().and_then(|rows| match self.json {
            true => print_json(&serde_json::json!({ "rows": rows, "into": self.into })),
            false => print(&format!("copied {rows} rows into {}", self.into.display())),
        });
        match done {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => error.report(self.json),
        }
    }

    fn copy(&self) -> Result<u64, CliError> {
        let failed = |dir: &PathBuf, error: &dyn std::fmt::Display| {
            CliError::Failed(format!("failed to copy {}: {error}", dir.display()))
        };
        if !self.data.is_dir() {
            return Err(failed(&self.data, &"no such directory"));
        }
        if self.into.exists() {
            return Err(failed(&self.into, &"it exists; name a directory that does not"));
        }
        let config = |codec| EmbeddedConfig { codec, ..EmbeddedConfig::default() };
        let from = match EmbeddedStore::open(&self.data, config(self.codec.codec())) {
            Err(StoreError::Coding(CodingMismatch::PlainStore)) => {
                EmbeddedStore::open(&self.data, config(None))
            }
            opened => opened,
        };
        let from = from.map_err(|error| failed(&self.data, &error))?;
        let target = if self.plain { None } else { self.codec.codec() };
        let to = EmbeddedStore::open(&self.into, config(target));
        let to = to.map_err(|error| failed(&self.into, &error))?;
        let copied = copy_store(&from, &to).map_err(|error| failed(&self.data, &error))?;
        to.checkpoint().map_err(|error| failed(&self.into, &error))?;
        to.close();
        from.close();
        Ok(copied)
    }
}
