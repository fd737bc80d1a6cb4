//! The features of all crates: `tests/features/*.feature` of each.

use std::path::{Path, PathBuf};

use cucumber::gherkin::{Feature, GherkinEnv, Scenario};

/// A scenario that is tagged with a rule.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Proof {
    pub(crate) id: String,
    /// From the workspace's root.
    pub(crate) file: String,
    pub(crate) scenario: String,
}

/// The workspace's root.
pub(crate) fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

/// Every feature file, in order.
pub(crate) fn files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    collect(workspace(), &mut files);
    files.sort();
    files
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if !name.starts_with('.') && !name.starts_with("target") && name != "node_modules" {
                collect(&path, files);
            }
        } else if name.ends_with(".feature") && dir.ends_with("tests/features") {
            files.push(path);
        }
    }
}

/// Every scenario with a rule's tag, on itself or on what it stands in.
pub(crate) fn proofs() -> Vec<Proof> {
    let mut proofs = Vec::new();
    for file in files() {
        let feature = Feature::parse_path(&file, GherkinEnv::default());
        let feature = feature.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let name = file.strip_prefix(workspace()).unwrap().to_string_lossy().into_owned();
        let mut add = |tags: &[&[String]], scenario: &Scenario| {
            let tags = tags.iter().copied().flatten().chain(&scenario.tags);
            for id in tags.filter(|tag| is_rule(tag)) {
                let (id, scenario) = (id.clone(), scenario.name.clone());
                proofs.push(Proof { id, file: name.clone(), scenario });
            }
        };
        for scenario in &feature.scenarios {
            add(&[&feature.tags], scenario);
        }
        for rule in &feature.rules {
            for scenario in &rule.scenarios {
                add(&[&feature.tags, &rule.tags], scenario);
            }
        }
    }
    proofs.sort();
    proofs.dedup();
    proofs
}

/// `ES-1`: upper-case letters, a dash, a number.
fn is_rule(tag: &str) -> bool {
    tag.split_once('-').is_some_and(|(name, number)| {
        !name.is_empty()
            && name.chars().all(|c| c.is_ascii_uppercase())
            && number.parse::<u32>().is_ok()
    })
}
