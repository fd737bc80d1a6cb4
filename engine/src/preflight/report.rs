//! What a preflight found, as data and as text.

use std::fmt::{self, Write};

use serde::{Deserialize, Serialize};

use super::{Found, Key};
use crate::RunId;
use crate::view::ExportedRun;

/// What a preflight found.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct PreflightReport {
    /// Open runs: they go on with the new build.
    pub open: Tally,
    /// A sample of closed ones: they show ways that open ones have not come to yet.
    pub closed: Tally,
    /// What breaks, open runs first, the largest groups first.
    pub broken: Vec<BrokenGroup>,
    /// What the open runs of each type say about its patches.
    pub patches: Vec<PatchUse>,
}

/// Runs counted by their verdict.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// Runs that were replayed.
    pub total: u64,
    /// Runs whose recorded way the code takes.
    pub safe: u64,
    /// Runs that the code would stop.
    pub broken: u64,
    /// Of the safe ones, those whose task has failed with the build that runs them now.
    pub mended: u64,
    /// Of the broken ones, those whose task has failed before, too.
    pub stuck_before: u64,
}

/// Runs that break at the same place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BrokenGroup {
    /// Whether these runs are open.
    pub open: bool,
    /// Their type.
    #[serde(rename = "type")]
    pub workflow_type: String,
    /// The version of the code that they stay with; empty for none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub version: String,
    /// `non_determinism`, `panic`, `not_durable`, `unregistered` or `unreadable`.
    pub kind: String,
    /// The event at which code and history part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event_id: Option<u64>,
    /// What the history says there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recorded: Option<String>,
    /// What the code asks for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<String>,
    /// Source file and line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// What else there is to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Whether values were taken out of these histories, which alone may explain it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub redacted: bool,
    /// How many runs.
    pub count: u64,
    /// A few of them.
    pub samples: Vec<RunSample>,
}

/// A run that stands for others.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSample {
    /// The workflow's id.
    pub workflow_id: String,
    /// The run.
    pub run_id: RunId,
}

/// How many open runs of a type stand where with a patch.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PatchUse {
    /// The type.
    #[serde(rename = "type")]
    pub workflow_type: String,
    /// The patch.
    pub patch_id: String,
    /// Runs with its marker.
    pub marked: u64,
    /// Runs with its marker, recorded by `deprecate_patch`.
    pub deprecated: u64,
    /// Runs without: they took the old way, or have not come to the patch.
    pub without: u64,
}

impl Tally {
    pub(super) const fn add(&mut self, other: &Self) {
        self.total += other.total;
        self.safe += other.safe;
        self.broken += other.broken;
        self.mended += other.mended;
        self.stuck_before += other.stuck_before;
    }
}

impl RunSample {
    pub(super) fn of(run: &ExportedRun) -> Self {
        Self { workflow_id: run.workflow_id.clone(), run_id: run.run_id }
    }
}

impl BrokenGroup {
    pub(super) fn of(key: Key, found: Found) -> Self {
        Self {
            open: !key.closed,
            workflow_type: key.workflow_type,
            version: key.version,
            kind: key.kind.to_owned(),
            event_id: key.event_id,
            recorded: key.recorded,
            asked: key.asked,
            location: key.location,
            message: key.message,
            redacted: found.redacted,
            count: found.count,
            samples: found.samples,
        }
    }
}

impl PreflightReport {
    /// Whether every open run would go on.
    pub const fn is_safe(&self) -> bool {
        self.open.broken == 0
    }
}

impl fmt::Display for PreflightReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Tally { total, safe, broken, mended, stuck_before } = self.open;
        match total {
            0 => writeln!(f, "no open runs")?,
            _ => writeln!(f, "{safe} of {total} open runs safe; {broken} break")?,
        }
        if mended > 0 {
            writeln!(f, "{mended} that are stuck now would go on")?;
        }
        if stuck_before > 0 {
            writeln!(f, "{stuck_before} of those that break are stuck now, too")?;
        }
        if self.closed.total > 0 {
            let Tally { total, safe, broken, .. } = self.closed;
            writeln!(f, "{safe} of {total} closed runs replay; {broken} differ")?;
        }
        for group in &self.broken {
            write!(f, "\n{group}")?;
        }
        for patch in &self.patches {
            write!(f, "\n{patch}")?;
        }
        if !self.patches.is_empty() {
            f.write_char('\n')?;
        }
        Ok(())
    }
}

impl fmt::Display for BrokenGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let runs = match (self.open, self.count) {
            (true, 1) => "run breaks",
            (true, _) => "runs break",
            (false, 1) => "closed run differs",
            (false, _) => "closed runs differ",
        };
        write!(f, "{} `{}` {runs}", self.count, self.workflow_type)?;
        if !self.version.is_empty() {
            write!(f, " (version {})", self.version)?;
        }
        if let Some(event_id) = self.event_id {
            write!(f, " at event {event_id}")?;
        }
        match (&self.recorded, &self.asked) {
            (Some(recorded), Some(asked)) => write!(f, ": recorded {recorded}, asked {asked}")?,
            _ => write!(f, ": {}", self.kind)?,
        }
        f.write_char('\n')?;
        if let Some(message) = &self.message {
            writeln!(f, "  {message}")?;
        }
        if let Some(location) = &self.location {
            writeln!(f, "  at {location}")?;
        }
        if self.redacted {
            writeln!(f, "  their values were taken out, which alone may explain it")?;
        }
        let samples: Vec<&str> = self.samples.iter().map(|run| &*run.workflow_id).collect();
        let more = if self.count > samples.len() as u64 { ", …" } else { "" };
        writeln!(f, "  {}{more}", samples.join(", "))
    }
}

impl fmt::Display for PatchUse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { workflow_type, patch_id, marked, deprecated, without } = self;
        write!(
            f,
            "patch `{patch_id}` of `{workflow_type}`: {marked} open runs took it, {deprecated} \
             have it deprecated, {without} are without"
        )
    }
}
