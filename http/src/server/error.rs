//! Why a server could not start, or stopped by itself.

use std::net::SocketAddr;
use std::path::PathBuf;

use everstep_engine::OpenError;
use everstep_storage::StoreError;

/// What ends a server other than being asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// The address can be reached from other machines.
    #[error(
        "refusing to listen on {0}: other machines could reach it, and there are no tokens that \
         would ask them who they are; give it a token file (--tokens), listen on 127.0.0.1, or \
         allow remote clients explicitly (--allow-remote)"
    )]
    Remote(SocketAddr),
    /// The address could not be had.
    #[error("failed to listen on {address}: {source}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// The operating system's answer.
        source: std::io::Error,
    },
    /// The store could not be opened.
    #[error("failed to open the store in {}: {source}", data.display())]
    Store {
        /// The data directory.
        data: PathBuf,
        /// What the store said.
        source: Box<StoreError>,
    },
    /// The keys of personal data could not be read.
    #[error("failed to open the keys of personal data: {0}")]
    Keys(#[from] everstep_activities::fat_events::KeyFileError),
    /// The engine could not be opened.
    #[error("failed to open the engine: {0}")]
    Engine(#[from] OpenError),
    /// The API's description could not be written.
    #[error("failed to describe the API: {0}")]
    Description(#[from] serde_json::Error),
    /// The engine stopped by itself, because its store did.
    #[error("the engine stopped: {0}")]
    Stopped(String),
    /// The operating system refused something else.
    #[error("failed to {action}: {source}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// The operating system's answer.
        source: std::io::Error,
    },
}
