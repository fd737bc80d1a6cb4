//! The operating system's wish that the process ends.

use tokio::signal::unix::{SignalKind, signal};

use super::ServerError;

/// Listens for SIGTERM and SIGINT from now on; the future is ready when one has come.
///
/// # Errors
/// When the operating system gives no signal handler.
pub fn shutdown_signal() -> Result<impl Future<Output = ()>, ServerError> {
    let refused = |source| ServerError::Io { action: "listen for signals", source };
    let mut terminate = signal(SignalKind::terminate()).map_err(refused)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(refused)?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
