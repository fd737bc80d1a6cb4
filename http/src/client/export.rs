//! Runs as files, and many of them for a preflight.

use super::connection::Call;
use super::error::ClientError;
use super::path::Path;
use super::workflows::Client;
use crate::{ExportPage, ExportQuery, ExportedRun, Selector};

impl Client {
    /// A run with its whole history, in as many parts as it takes.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn export(
        &self,
        selector: &Selector,
        redact: bool,
    ) -> Result<ExportedRun, ClientError> {
        let path =
            Path::of_workflow(selector, &["export"]).parameter("redact", redact.then_some("true"));
        let run: ExportedRun = self.connection().send(Call::get(path)).await?.to()?;
        self.rest_of(run).await
    }

    /// A page of runs, each with its whole history.
    ///
    /// # Errors
    /// The server's refusal, or what went wrong on the way.
    pub async fn export_page(&self, query: &ExportQuery) -> Result<ExportPage, ClientError> {
        let path = Path::new("/api/v1/export")
            .parameter("state", Some(if query.open { "open" } else { "closed" }))
            .parameter("type", query.workflow_type.as_ref())
            .parameter("page_size", Some(query.page_size))
            .parameter("page_token", query.page_token.as_ref());
        let mut page: ExportPage = self.connection().send(Call::get(path)).await?.to()?;
        for run in &mut page.runs {
            if run.next_event_id.is_some() {
                *run = self.rest_of(run.clone()).await?;
            }
        }
        Ok(page)
    }

    /// Reads what did not fit. A run that goes on meanwhile ends where it did at first.
    async fn rest_of(&self, mut run: ExportedRun) -> Result<ExportedRun, ClientError> {
        let selector = Selector {
            namespace: run.namespace.clone(),
            workflow_id: run.workflow_id.clone(),
            run_id: Some(run.run_id),
        };
        while let Some(from) = run.next_event_id {
            let path = Path::of_workflow(&selector, &["export"])
                .parameter("redact", run.redacted.then_some("true"))
                .parameter("from", Some(from));
            let more: ExportedRun = self.connection().send(Call::get(path)).await?.to()?;
            run.events.extend(more.events);
            run.next_event_id = more.next_event_id.filter(|next| *next <= run.history_length);
        }
        let whole = usize::try_from(run.history_length).unwrap_or(usize::MAX);
        run.events.truncate(whole);
        Ok(run)
    }
}
