//! The program that steers the browser, on a port of its own.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

/// A running chromedriver; ends with the value.
pub(crate) struct Driver {
    process: Child,
    pub(crate) port: u16,
}

impl Driver {
    pub(crate) fn start() -> Self {
        // The port that it finds free may be taken before it listens there.
        (0..5).find_map(|_| Self::try_start()).expect("chromedriver names its port")
    }

    fn try_start() -> Option<Self> {
        let started = Command::new("chromedriver")
            .arg("--port=0")
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn();
        let mut process = started.unwrap_or_else(|error| {
            panic!(
                "failed to start chromedriver: {error}; the browser tests need the Debian \
                 packages chromium, chromium-driver and fonts-dejavu-core"
            )
        });
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        // "ChromeDriver was started successfully on port 41234."
        let port = lines.map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("successfully on port ")?;
            port.trim_end_matches('.').parse().ok()
        });
        match port {
            Some(port) => Some(Self { process, port }),
            None => {
                process.wait().unwrap();
                None
            }
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
