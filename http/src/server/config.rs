//! What an operator may set.
//!
//! Invariant: every wait and every queue of the server has a bound here.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use everstep_engine::EngineConfig;
use everstep_storage::EmbeddedConfig;

use crate::access::Tokens;

/// Settings of a [`Server`](super::Server).
#[derive(Clone, Debug)]
pub struct ServerConfig {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Listen on an address that other machines can reach, although nothing asks them who they
    /// are.
    pub allow_remote: bool,
    /// Who may come in. None lets everybody in who can reach the server.
    pub tokens: Option<Tokens>,
    /// The directory of the store; made when it is missing.
    pub data: PathBuf,
    /// The engine's settings.
    pub engine: EngineConfig,
    /// The store's settings.
    pub store: EmbeddedConfig,
    /// The inspector shows of each value only what kind it is and how large, and every export has
    /// its values taken out. The rest of the API is as it is.
    pub redact: bool,
    /// Largest request body, in bytes.
    pub body_limit_bytes: usize,
    /// How long the headers of a request may take to arrive.
    pub header_timeout: Duration,
    /// How long the body of a request may take to arrive.
    pub request_timeout: Duration,
    /// Connections that are served at once; more wait to be accepted.
    pub max_connections: usize,
    /// At the end: how long requests, and after them activities, may take to finish.
    pub drain_grace: Duration,
}

/// The port of a server that was not told another one.
pub const DEFAULT_PORT: u16 = 3837;

impl ServerConfig {
    /// The defaults, over a data directory.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, DEFAULT_PORT)),
            allow_remote: false,
            tokens: None,
            data: data.into(),
            engine: EngineConfig::default(),
            store: EmbeddedConfig::default(),
            redact: false,
            body_limit_bytes: 4 << 20,
            header_timeout: Duration::from_secs(15),
            request_timeout: Duration::from_secs(30),
            max_connections: 8_192,
            drain_grace: Duration::from_secs(10),
        }
    }
}
