//! `backup`, `restore`, `verify`.

use std::path::PathBuf;
use std::process::ExitCode;

use everstep_storage::{EmbeddedConfig, EmbeddedStore, Store};

use super::codec::CodecArgs;
use super::remote::{CliError, RemoteArgs, print, print_json};
use crate::Timestamp;
use crate::backup::{
    BackupError, Manifest, make_backup, restore_backup, verify_backup, verify_store,
};

/// The flags of `backup`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct BackupArgs {
    /// The directory to make, on the server's machine; it may not exist.
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
    /// Back up this data directory of a stopped server, instead of asking a running one.
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    #[command(flatten)]
    codec: CodecArgs,
    #[command(flatten)]
    remote: RemoteArgs,
}

/// The flags of `restore`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct RestoreArgs {
    /// The backup; it stays as it is.
    #[arg(long, value_name = "DIR")]
    from: PathBuf,
    /// The data directory to make.
    #[arg(long, value_name = "DIR")]
    into: PathBuf,
    #[command(flatten)]
    codec: CodecArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// The flags of `verify`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct VerifyArgs {
    /// A backup, or the data directory of a stopped server.
    #[arg(value_name = "DIR")]
    directory: PathBuf,
    #[command(flatten)]
    codec: CodecArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl From<BackupError> for CliError {
    fn from(error: BackupError) -> Self {
        Self::Failed(error.to_string())
    }
}

fn settings(codec: &CodecArgs) -> EmbeddedConfig {
    EmbeddedConfig { codec: codec.codec(), ..EmbeddedConfig::default() }
}

fn wall() -> Timestamp {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let ms = since.map_or(0, |since| since.as_millis());
    Timestamp::from_millis(i64::try_from(ms).unwrap_or(i64::MAX))
}

impl BackupArgs {
    pub(super) fn run(&self) -> ExitCode {
        let Some(data) = &self.data else {
            return self.remote.run(async |client| {
                let into = std::path::absolute(&self.into)?;
                let manifest = client.backup(&into).await?;
                said(&manifest, "made", &self.into, self.remote.json)?;
                Ok(ExitCode::SUCCESS)
            });
        };
        let made = self.make(data);
        let said = made.and_then(|made| said(&made, "made", &self.into, self.remote.json));
        match said {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => error.report(self.remote.json),
        }
    }

    fn make(&self, data: &PathBuf) -> Result<Manifest, CliError> {
        if !data.is_dir() {
            return Err(CliError::Failed(format!("{}: no such directory", data.display())));
        }
        let settings = settings(&self.codec);
        let store = EmbeddedStore::open(data, settings.clone()).map_err(BackupError::from)?;
        let made = make_backup(&store, &settings, wall(), &self.into)?;
        store.close();
        Ok(made)
    }
}

impl RestoreArgs {
    pub(super) fn run(&self) -> ExitCode {
        let restored = restore_backup(&self.from, &settings(&self.codec), &self.into);
        let restored = restored.map_err(CliError::from);
        match restored.and_then(|made| said(&made, "restored", &self.into, self.json)) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => error.report(self.json),
        }
    }
}

impl VerifyArgs {
    pub(super) fn run(&self) -> ExitCode {
        let settings = settings(&self.codec);
        let found = match verify_backup(&self.directory, &settings) {
            Err(BackupError::NoBackup { .. }) => verify_store(&self.directory, &settings),
            found => found,
        };
        let found = found.map_err(CliError::from);
        let said = found.and_then(|found| match self.json {
            true => print_json(&found),
            false => {
                let directory = self.directory.display();
                let events = match found.events {
                    Some(events) => format!("{events} events in their chain"),
                    None => "events not read: they are sealed, give the keys".to_owned(),
                };
                print(&format!("{directory} is whole: {} rows, {events}", found.rows))
            }
        });
        match said {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => error.report(self.json),
        }
    }
}

fn said(
    manifest: &Manifest,
    word: &str,
    into: &std::path::Path,
    json: bool,
) -> Result<(), CliError> {
    if json {
        return print_json(manifest);
    }
    print(&format!("{word} {} with {} rows", into.display(), manifest.rows))
}
