//! What the run says: every step of it when something failed, three lines when nothing did.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

/// Everything that was written, kept until the end.
#[derive(Clone, Debug, Default)]
pub(crate) struct Report(Arc<Mutex<Vec<u8>>>);

impl Report {
    /// All that was written.
    pub(crate) fn text(&self) -> String {
        let text = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&text).into_owned()
    }

    /// Says how it went.
    pub(crate) fn tell(&self, failed: bool) -> ExitCode {
        let text = self.text();
        let summary = text.rfind("[Summary]").map_or("", |at| &text[at..]);
        let shown = if failed { &text } else { summary };
        // The test runner's own channel: nothing else says what became of the scenarios.
        let _ = writeln!(io::stdout(), "{shown}");
        if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS }
    }
}

impl Write for Report {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
