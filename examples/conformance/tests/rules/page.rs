//! The page: a line a rule, with the scenarios that prove it.

use std::fmt::Write as _;

use super::features::Proof;
use super::scope::RULES;

const HEAD: &str = "\
# Rules

What Everstep promises about events, commands, contexts and projections, and the scenario that proves each promise through a public interface. A rule that says \"not yet\" has no scenario yet.

This page is generated from the tags of the features by `examples/conformance/tests/rules`; a test keeps them equal. How to add a scenario: [`examples/conformance/tests/README.md`](../examples/conformance/tests/README.md).

";

/// In the place of a scenario.
const NOT_YET: &str = "not yet";

/// The whole page.
pub(crate) fn render(proofs: &[Proof]) -> String {
    let mut page = String::from(HEAD);
    let count = |id: &str| proofs.iter().filter(|proof| proof.id == id).count();
    let proven = RULES.iter().filter(|(id, _)| count(id) > 0).count();
    let _ = writeln!(page, "{proven} of {} rules are proven.\n", RULES.len());
    page.push_str("| rule | what it says | proven by |\n| --- | --- | --- |\n");
    for (id, title) in RULES {
        let mut shown = String::new();
        let mut last = "";
        for proof in proofs.iter().filter(|proof| proof.id == *id) {
            if proof.file != last {
                let joint = if last.is_empty() { "" } else { "<br>" };
                let short = proof.file.rsplit('/').next().unwrap_or_default();
                let _ = write!(shown, "{joint}[{short}](../{}): ", proof.file);
                last = &proof.file;
            } else {
                shown.push_str("; ");
            }
            shown.push_str(&proof.scenario.replace('|', "\\|"));
        }
        let shown = if shown.is_empty() { NOT_YET } else { &shown };
        let _ = writeln!(page, "| {id} | {title} | {shown} |");
    }
    page
}

/// The ids that a page shows as proven.
pub(crate) fn proven(page: &str) -> Vec<&str> {
    let rows = page.lines().filter_map(|line| line.strip_prefix("| "));
    rows.filter(|row| !row.ends_with(&format!("| {NOT_YET} |")))
        .filter_map(|row| row.split(" |").next())
        .filter(|id| RULES.iter().any(|(known, _)| known == id))
        .collect()
}
