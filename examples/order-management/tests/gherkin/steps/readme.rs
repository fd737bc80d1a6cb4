//! What is written about the shop, and whether its links lead somewhere.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use cucumber::gherkin::Step;
use cucumber::{then, when};
use serde_json::json;

use crate::world::World;

fn workspace() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

fn readme() -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap()
}

/// The text without what stands in fences, where a bracket is code.
fn prose(text: &str) -> String {
    let mut fenced = false;
    let lines = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fence && !fenced
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// Where `[…](…)` leads, without code in back quotes.
fn links(text: &str) -> Vec<String> {
    let prose = prose(text);
    let outside: String = prose.split('`').step_by(2).collect::<Vec<_>>().join("`");
    let targets = outside.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    targets.map(|target| target.split(' ').next().unwrap_or_default().to_owned()).collect()
}

/// A heading's name in a link.
fn anchor(heading: &str) -> String {
    let kept = heading.trim().to_lowercase();
    let kept = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_'));
    kept.collect::<String>().replace(' ', "-")
}

fn anchors(text: &str) -> BTreeSet<String> {
    let prose = prose(text);
    let headings = prose.lines().filter_map(|line| line.strip_prefix('#'));
    headings.map(|line| anchor(line.trim_start_matches('#'))).collect()
}

fn pages() -> Vec<PathBuf> {
    let mut pages = Vec::new();
    let mut folders = vec![workspace().to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.starts_with('.') || name.starts_with("target") {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if name.ends_with(".md") {
                pages.push(path);
            }
        }
    }
    pages
}

/// What is wrong with a link of a page, if anything is.
fn fault(page: &Path, link: &str) -> Option<String> {
    if link.contains("://") || link.starts_with("mailto:") {
        return None;
    }
    let (file, heading) = link.split_once('#').unwrap_or((link, ""));
    let target = match file {
        "" => page.to_owned(),
        file => page.parent().unwrap().join(file),
    };
    if !target.exists() {
        return Some(format!("{}: `{link}`: there is no such file", page.display()));
    }
    if heading.is_empty() {
        return None;
    }
    let there = std::fs::read_to_string(&target).unwrap();
    let known = anchors(&there).contains(heading);
    (!known).then(|| format!("{}: `{link}`: there is no such heading", page.display()))
}

#[when("the README of the shop is read")]
fn read(world: &mut World) {
    world.remembered.insert("readme".to_owned(), json!(readme()));
}

#[then(expr = "it has a badge that says {string}")]
fn badge(_: &mut World, text: String) {
    let readme = readme();
    let badge = readme.lines().find(|line| line.starts_with(&format!("![{text}](")));
    let file = links(badge.expect("a badge")).remove(0);
    let svg = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(file)).unwrap();
    assert!(svg.starts_with("<svg") && svg.contains(&text), "{svg}");
}

#[then(regex = r"^it has the sections (.+)$")]
fn sections(_: &mut World, names: String) {
    let known = anchors(&readme());
    for name in names.split('"').skip(1).step_by(2) {
        assert!(known.contains(&anchor(name)), "no section `{name}`: {known:?}");
    }
}

#[then("it names these patterns with their phase, their code and their page")]
fn patterns(_: &mut World, step: &Step) {
    let readme = readme();
    let rows = &step.table.as_ref().unwrap().rows;
    assert_eq!(rows.len(), 8);
    for row in rows {
        let (name, phase) = (&row[0], &row[1]);
        let start = format!("| {name} | {phase} |");
        let line = readme.lines().find(|line| line.starts_with(&start));
        let links = links(line.unwrap_or_else(|| panic!("no line `{start}`")));
        let code = links.iter().any(|link| link.contains(".rs") || link.ends_with('/'));
        let page = links.iter().any(|link| link.contains("docs/") && link.contains(".md"));
        assert!(code && page, "{name}: {links:?}");
    }
}

#[when("every link of README and docs is followed")]
fn follow(world: &mut World) {
    let (mut followed, mut faults) = (0, Vec::new());
    for page in pages() {
        let text = std::fs::read_to_string(&page).unwrap();
        for link in links(&text) {
            followed += 1;
            faults.extend(fault(&page, &link));
        }
    }
    // A checker that sees no link finds no fault either.
    assert!(followed > 100, "{followed} links");
    let page = workspace().join("README.md");
    for wrong in ["docs/none.md", "docs/architecture.md#nowhere", "#nowhere"] {
        assert!(fault(&page, wrong).is_some(), "{wrong}");
    }
    world.remembered.insert("faults".to_owned(), json!(faults));
}

#[then("each leads to a file, and to a heading there")]
fn leads(world: &mut World) {
    assert_eq!(world.remembered["faults"], json!([]));
}
