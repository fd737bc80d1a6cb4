//! Reads that may take long enough to hold up other requests of the same thread.

use everstep_engine::{Engine, Rejection};

use super::error_code as codes;
use super::{Api, Problem};

/// Runs on a thread that may block.
pub(super) async fn run<T, E>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, Problem>
where
    T: Send + 'static,
    E: Into<Problem> + Send + 'static,
{
    match tokio::task::spawn_blocking(work).await {
        Ok(answer) => answer.map_err(Into::into),
        Err(error) => {
            Err(Problem::new(codes::INTERNAL_ERROR, format!("failed to read the store: {error}")))
        }
    }
}

/// Reads on a thread of its own.
pub(super) async fn read<T: Send + 'static>(
    api: &Api,
    read: impl FnOnce(&Engine) -> Result<T, Rejection> + Send + 'static,
) -> Result<T, Problem> {
    let engine = api.engine().clone();
    run(move || read(&engine)).await
}
