//! Programs that reach into another context, and do not compile.

#[test]
fn a_context_is_reached_through_itself_alone() {
    let cases = trybuild::TestCases::new();
    cases.compile_fail("tests/isolation/fail/*.rs");
}
