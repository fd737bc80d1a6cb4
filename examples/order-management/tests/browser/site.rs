//! The shop's process, at an address that stays the same over kills.

use std::net::TcpListener;
use std::time::Duration;

use tempfile::TempDir;

use crate::selling::{BINARY, QUIET};
use crate::support::{Api, Server};

/// How long anything may take on a busy machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// The shop.
pub(crate) struct Site {
    data: TempDir,
    server: Option<Server>,
    url: String,
    port: u16,
}

impl Site {
    pub(crate) async fn open() -> Self {
        let data = tempfile::tempdir().unwrap();
        // Free now, and taken again by whoever comes next on purpose only.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut site = Self { data, server: None, url: String::new(), port };
        site.start_again().await;
        site
    }

    pub(crate) async fn start_again(&mut self) {
        let listen = format!("127.0.0.1:{}", self.port);
        let args = [&QUIET[..], &["--listen", &listen]].concat();
        let server = Server::start(BINARY, &self.data.path().join("data"), &args).await;
        self.url = server.url().to_owned();
        self.server = Some(server);
    }

    /// `kill -9`.
    pub(crate) async fn kill(&mut self) {
        if let Some(server) = self.server.take() {
            server.kill().await;
        }
    }

    pub(crate) fn api(&self) -> Api {
        Api::new(&self.url)
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.url)
    }
}
