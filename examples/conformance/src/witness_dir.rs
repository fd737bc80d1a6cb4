//! Files that prove what ran, and how often.
//!
//! Invariant: a file is a plain name directly below the directory, and a line that was appended is
//! on disk: the line, its file's length and the file's name.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use everstep::ActivityError;
use serde::{Deserialize, Serialize};

/// The directory of the witness files. Clones are the same directory.
#[derive(Clone)]
pub(crate) struct WitnessDir {
    path: Arc<Path>,
}

/// A file's name: no path, no `..`, no control character.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct WitnessName(String);

/// The name would lead out of the directory, or is none.
#[derive(Debug, thiserror::Error)]
#[error("witness file `{0}` is no plain file name")]
pub(crate) struct NotAPlainName(String);

/// One line of a witness file: no line break in it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub(crate) struct Line(String);

/// The line would be several.
#[derive(Debug, thiserror::Error)]
#[error("witness line {0:?} has a line break or another control character")]
pub(crate) struct NotALine(String);

impl WitnessDir {
    pub(crate) fn create(data: &Path) -> io::Result<Self> {
        let path = data.join("witness");
        std::fs::create_dir_all(&path)?;
        File::open(data)?.sync_all()?;
        Ok(Self { path: path.into() })
    }

    pub(crate) fn has(&self, name: &WitnessName) -> bool {
        self.path_of(name).exists()
    }

    /// Appends a line and waits until it is on disk.
    pub(crate) async fn append(
        &self,
        name: &WitnessName,
        line: String,
    ) -> Result<(), ActivityError> {
        let (dir, path) = (Arc::clone(&self.path), self.path_of(name));
        tokio::task::spawn_blocking(move || append(&dir, &path, line)).await??;
        Ok(())
    }

    fn path_of(&self, name: &WitnessName) -> PathBuf {
        self.path.join(&name.0)
    }
}

/// One write for the whole line, so that a crash leaves all of it or nothing.
fn append(dir: &Path, path: &Path, mut line: String) -> io::Result<()> {
    line.push('\n');
    let mut file = OpenOptions::new().append(true).create(true).open(path)?;
    file.write_all(line.as_bytes())?;
    file.sync_data()?;
    if file.metadata()?.len() == line.len() as u64 {
        File::open(dir)?.sync_all()?;
    }
    Ok(())
}

impl TryFrom<String> for WitnessName {
    type Error = NotAPlainName;

    fn try_from(name: String) -> Result<Self, NotAPlainName> {
        let mut components = Path::new(&name).components();
        let is_plain = matches!(components.next(), Some(Component::Normal(only)) if *only == *name)
            && components.next().is_none();
        let is_safe = name.len() <= 255 && !name.contains(['\\', '/']) && !has_control(&name);
        if is_plain && is_safe { Ok(Self(name)) } else { Err(NotAPlainName(name)) }
    }
}

impl From<WitnessName> for String {
    fn from(name: WitnessName) -> Self {
        name.0
    }
}

impl TryFrom<String> for Line {
    type Error = NotALine;

    fn try_from(line: String) -> Result<Self, NotALine> {
        if has_control(&line) { Err(NotALine(line)) } else { Ok(Self(line)) }
    }
}

impl From<Line> for String {
    fn from(line: Line) -> Self {
        line.0
    }
}

impl Line {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Display for Line {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

fn has_control(text: &str) -> bool {
    text.chars().any(char::is_control)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_names_are_files() {
        let refused = [
            "",
            ".",
            "..",
            "../x",
            "a/b",
            "/etc/passwd",
            "a/",
            "a/..",
            "./a",
            "a\\b",
            "a\nb",
            "\0",
        ];
        for name in refused {
            assert!(WitnessName::try_from(name.to_owned()).is_err(), "{name:?}");
        }
        assert!(WitnessName::try_from("x".repeat(256)).is_err());
        for name in ["a", "w-1.txt", "..a", "größe", " "] {
            assert!(WitnessName::try_from(name.to_owned()).is_ok(), "{name:?}");
        }
    }
}
