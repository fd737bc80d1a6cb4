//! The client and the benchmark.
fn main() {}
