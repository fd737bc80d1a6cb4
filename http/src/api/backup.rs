//! `POST /api/v1/admin/backup`.

use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use everstep_storage::EmbeddedConfig;
use serde::Deserialize;
use tokio::sync::Mutex;
use utoipa::ToSchema;

use super::error_code as codes;
use super::json::{Answer, json};
use super::{Api, Problem, blocking, body};
use crate::backup::{BackupError, Manifest, make_backup};

/// How the server's store is set up; one backup is made at a time.
#[derive(Clone, Debug)]
pub(crate) struct BackupDesk {
    settings: EmbeddedConfig,
    busy: Arc<Mutex<()>>,
}

impl BackupDesk {
    pub(crate) fn new(settings: EmbeddedConfig) -> Self {
        Self { settings, busy: Arc::default() }
    }
}

/// Where to.
#[derive(Debug, Deserialize, ToSchema)]
#[schema(as = MakeBackup)]
pub(super) struct BackupBody {
    /// A directory of the server's machine that does not exist yet, as an absolute path.
    #[schema(value_type = String)]
    into: PathBuf,
}

/// Make a backup
///
/// Copies everything that the server holds at one moment into a new directory on its machine, while
/// it goes on; answers when it is durable, with the manifest.
#[utoipa::path(
    post,
    path = "/api/v1/admin/backup",
    security(("token" = ["admin"])),
    tag = "admin",
    request_body = BackupBody,
    responses(
        (status = 201, description = "made", body = Manifest),
        (status = 409, description = "the directory exists, or another backup is being made"),
    ),
)]
pub(super) async fn backup(State(api): State<Api>, request: Request) -> Answer {
    let (head, body) = request.into_parts();
    let body = body::read(&api, &head.headers, body).await?;
    let BackupBody { into } = body::parse(&body)?;
    if !into.is_absolute() || into.file_name().is_none() {
        return Err(Problem::invalid("field `into` must be the absolute path of a directory"));
    }
    let desk = api.backups().clone();
    let Ok(busy) = Arc::clone(&desk.busy).try_lock_owned() else {
        return Err(Problem::new(codes::BACKUP_REFUSED, "another backup is being made"));
    };
    let engine = api.engine().clone();
    let made = blocking::run(move || {
        let _busy = busy;
        make_backup(&**engine.store(), &desk.settings, engine.now(), &into)
    });
    json(StatusCode::CREATED, &made.await?)
}

impl From<BackupError> for Problem {
    fn from(error: BackupError) -> Self {
        let code = match &error {
            BackupError::Exists(_) => codes::BACKUP_REFUSED,
            BackupError::Io { .. } => codes::BACKUP_FAILED,
            _ => codes::INTERNAL_ERROR,
        };
        Self::new(code, error.to_string())
    }
}
