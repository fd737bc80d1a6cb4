//! The page: a line a rule, with the scenarios that prove it.

use std::fmt::Write as _;

use super::decisions::{DECISIONS, Decided};
use super::features::Proof;
use super::scope::RULES;

const HEAD: &str = "\
# Rules

What Everstep promises about events, commands, contexts and projections, and the scenario that proves each promise through a public interface.

This page is generated from the tags of the features by `examples/conformance/tests/rules`; a test keeps them equal. How to add a scenario: [`examples/conformance/tests/README.md`](../examples/conformance/tests/README.md).

";

const DECIDED: &str = "
## Decisions about agents

Where each stands in the code, and what shows it: rules above with their scenarios, and scenarios of its own.

";

/// The whole page.
pub(crate) fn render(proofs: &[Proof]) -> String {
    let mut page = String::from(HEAD);
    page.push_str("| rule | what it says | proven by |\n| --- | --- | --- |\n");
    for (id, title) in RULES {
        let shown = proven(proofs, id);
        let _ = writeln!(page, "| {id} | {title} | {shown} |");
    }
    page.push_str(DECIDED);
    page.push_str(
        "| decision | what was decided | where | shown by |\n| --- | --- | --- | --- |\n",
    );
    for Decided { id, what, place, rules } in DECISIONS {
        let own = proven(proofs, id);
        let joint = if own.is_empty() || rules.is_empty() { "" } else { "<br>" };
        let rules = rules.join(", ");
        let _ = writeln!(page, "| {id} | {what} | [`{place}`](../{place}) | {rules}{joint}{own} |");
    }
    page
}

/// The scenarios that are tagged with an id, by file.
fn proven(proofs: &[Proof], id: &str) -> String {
    let mut shown = String::new();
    let mut last = "";
    for proof in proofs.iter().filter(|proof| proof.id == id) {
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
    shown
}
