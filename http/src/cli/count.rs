//! `count`: how many runs there are, in all and by group.

use std::process::ExitCode;

use super::filter::FilterArgs;
use super::remote::{RemoteArgs, print, print_json};
use super::screen::{Colour, Screen};
use super::table::{Align, Cell, Table};
use crate::RunCounts;

/// The flags of `count`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct CountArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// By what: status, type, queue, build, version, fingerprint or attr.NAME.
    #[arg(long, value_name = "GROUP")]
    group_by: Option<String>,
    #[command(flatten)]
    remote: RemoteArgs,
}

impl CountArgs {
    pub(super) fn run(&self) -> ExitCode {
        self.remote.run(async |client| {
            let counts = client.count(&self.filter.filter(), self.group_by.as_deref()).await?;
            match self.remote.json {
                true => print_json(&counts)?,
                false => print(&render(&counts, Screen::stdout()))?,
            }
            Ok(ExitCode::SUCCESS)
        })
    }
}

/// The groups as a table, and the sum.
fn render(counts: &RunCounts, screen: Screen) -> String {
    let mut text = String::new();
    if let Some(groups) = &counts.groups {
        let mut table = Table::new([
            ("RUNS", Align::Right),
            ("GROUP", Align::Left),
            ("FOR EXAMPLE", Align::Left),
        ]);
        for group in groups {
            let failure = group.failure.as_ref();
            let failure = failure.map(|it| format!(" {}: {}", it.kind, it.message));
            let example = group.workflow_id.clone().unwrap_or_default();
            table.row([
                Cell::new(group.count.to_string()).colour(Colour::Strong),
                Cell::new(&group.value),
                Cell::new(example + &failure.unwrap_or_default()).colour(Colour::Muted),
            ]);
        }
        text.push_str(&table.render(screen));
    }
    let least = if counts.partial { "at least " } else { "" };
    let runs = if counts.count == 1 { "run" } else { "runs" };
    text.push_str(&format!("{least}{} {runs}\n", counts.count));
    text
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn shows_groups_and_says_what_it_has_not_counted() {
        let counts = r#"{"count":12,"partial":true,"groups":[
            {"value":"4f1c22d0a1b2c3d4","count":9,"workflow_id":"order-7",
             "failure":{"type":"declined","message":"no funds"}},
            {"value":"00000000000000ff","count":3}]}"#;
        let counts = serde_json::from_str(counts).unwrap();
        let screen = Screen { width: 80, colour: false };
        expect![[r#"
            RUNS  GROUP             FOR EXAMPLE
               9  4f1c22d0a1b2c3d4  order-7 declined: no funds
               3  00000000000000ff
            at least 12 runs
        "#]]
        .assert_eq(&render(&counts, screen));
        let one = RunCounts { count: 1, ..RunCounts::default() };
        assert_eq!(render(&one, screen), "1 run\n");
    }
}
