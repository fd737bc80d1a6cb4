//! `docs/rules.md` says which scenario proves which rule, and is what the features say.
//!
//! Invariant: every rule has a scenario. `UPDATE_EXPECT=1 cargo test -p conformance --test rules`
//! writes the page.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod decisions;
mod features;
mod page;
mod scope;

use std::collections::BTreeSet;

use decisions::DECISIONS;
use features::Proof;
use scope::{FAMILIES, RULES};

#[test]
fn the_page_says_what_the_features_say() {
    let proofs = features::proofs();
    let path = features::workspace().join("docs/rules.md");
    let unproven = |id: &&str| !proofs.iter().any(|proof| proof.id == **id);
    let unproven: Vec<&str> = RULES.iter().map(|(id, _)| *id).filter(unproven).collect();
    assert!(unproven.is_empty(), "no scenario is tagged with {unproven:?}");
    let page = page::render(&proofs);
    if std::fs::read_to_string(&path).is_ok_and(|committed| committed == page) {
        return;
    }
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    assert!(update, "docs/rules.md is stale: run this test with UPDATE_EXPECT=1 and commit it");
    std::fs::write(path, page).unwrap();
}

#[test]
fn every_decision_has_a_place_and_a_proof() {
    let proofs = features::proofs();
    for (decision, number) in DECISIONS.iter().zip(1..) {
        assert_eq!(decision.id, format!("D-{number}"));
        let place = features::workspace().join(decision.place);
        assert!(place.exists(), "{}: {} is no place", decision.id, decision.place);
        let known = |id: &&str| RULES.iter().any(|(rule, _)| rule == id);
        assert!(decision.rules.iter().all(known), "{}", decision.id);
        let is_shown = proofs.iter().any(|proof| proof.id == decision.id);
        assert!(is_shown || !decision.rules.is_empty(), "nothing shows {}", decision.id);
    }
    assert_eq!(DECISIONS.len(), 28);
}

#[test]
fn every_tag_that_looks_like_a_rule_is_one() {
    let decisions = DECISIONS.iter().map(|decision| decision.id);
    let known: BTreeSet<&str> = RULES.iter().map(|(id, _)| *id).chain(decisions).collect();
    for Proof { id, scenario, file } in features::proofs() {
        assert!(known.contains(id.as_str()), "{file}: `{scenario}` has the unknown rule @{id}");
    }
}

#[test]
fn no_family_of_rules_has_a_hole() {
    let known: BTreeSet<&str> = RULES.iter().map(|(id, _)| *id).collect();
    assert_eq!(known.len(), RULES.len(), "a rule is listed twice");
    for (family, rules) in FAMILIES {
        for number in 1..=*rules {
            let id = format!("{family}-{number}");
            assert!(known.contains(id.as_str()), "{id} is not listed in scope.rs");
        }
    }
}

#[test]
fn features_lie_where_something_runs_them() {
    for file in features::files() {
        let tests = file.ancestors().nth(2).unwrap();
        let runs = |entry: std::fs::DirEntry| {
            let path = entry.path();
            let source = if path.is_dir() { path.join("main.rs") } else { path };
            std::fs::read_to_string(source).is_ok_and(|text| text.contains("tests/features"))
        };
        let run = std::fs::read_dir(tests).unwrap().any(|entry| runs(entry.unwrap()));
        assert!(run, "no test beside {} runs `tests/features`", file.display());
    }
}
