//! The README shows this example, and shows it as it is.

#[test]
fn the_readme_shows_this_program() {
    let readme = include_str!("../../../README.md");
    let program = include_str!("../src/main.rs");
    let (_header, code) = program.split_once("\n\n").unwrap();
    assert!(readme.contains(code), "README.md and examples/quickstart/src/main.rs differ");
}
