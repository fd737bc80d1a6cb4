//! `token`: a fresh bearer token and the entry that lets a server know it.
//!
//! Invariant: the token's text is printed once and written nowhere; files hold its hash.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::ExitCode;

use super::remote::{CliError, print, print_json};
use crate::Role;
use crate::access::{Token, TokenEntry, Tokens};

/// The flags of `token`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct TokenArgs {
    /// Whose token it is; stands in the server's records.
    #[arg(long, default_value = "admin", value_name = "NAME")]
    name: String,
    /// What it may do: viewer, app, operator or admin.
    #[arg(long, default_value = "admin", value_name = "ROLE")]
    role: Role,
    /// A namespace that it reaches; repeat it for more. All of them when not given.
    #[arg(long = "only", value_name = "NAMESPACE")]
    namespaces: Vec<String>,
    /// Add it to this token file, which is made where it is missing.
    #[arg(long, value_name = "FILE")]
    into: Option<PathBuf>,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

impl TokenArgs {
    pub(super) fn run(&self) -> ExitCode {
        match self.make() {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => error.report(self.json),
        }
    }

    fn make(&self) -> Result<(), CliError> {
        let token = Token::random();
        let own: BTreeSet<String> = self.namespaces.iter().cloned().collect();
        let entry = TokenEntry {
            name: self.name.clone(),
            role: self.role.to_string(),
            namespaces: Some(own).filter(|own| !own.is_empty()),
            sha256: token.hash().to_string(),
        };
        if let Some(file) = &self.into {
            let added = Tokens::add(file, entry.clone());
            added.map_err(|error| CliError::Failed(format!("{}: {error}", file.display())))?;
        }
        if self.json {
            return print_json(&serde_json::json!({ "token": token.text(), "entry": entry }));
        }
        let what = match &self.into {
            Some(file) => format!("added to {}", file.display()),
            None => {
                let entry = serde_json::to_string(&entry)
                    .map_err(|error| CliError::Failed(error.to_string()))?;
                format!("entry  {{\"tokens\": [{entry}]}}")
            }
        };
        print(&format!("token  {}\n{what}", token.text()))
    }
}
