//! `list`: workflows, newest first where nothing else is asked for.

use std::process::ExitCode;

use super::filter::FilterArgs;
use super::look::Look;
use super::remote::{CliError, RemoteArgs, print, print_json};
use super::screen::{Colour, Screen};
use super::span::{age_text, duration_text, now};
use super::table::{Align, Cell, Table};
use crate::client::Client;
use crate::{ListOrder, RunPage, Timestamp};

/// The largest page that is asked for at once.
const PAGE: usize = 500;

/// The flags of `list`.
#[derive(Clone, Debug, clap::Args)]
pub(super) struct ListArgs {
    #[command(flatten)]
    filter: FilterArgs,
    /// By what to sort: started_at, closed_at or attr.NAME, with `-` in front for descending.
    #[arg(long, value_name = "ORDER", default_value = "-started_at", allow_hyphen_values = true)]
    sort: ListOrder,
    /// How many at most.
    #[arg(long, default_value_t = 50, value_name = "N")]
    limit: usize,
    /// Go on where an earlier list ended.
    #[arg(long, value_name = "TOKEN")]
    page_token: Option<String>,
    #[command(flatten)]
    remote: RemoteArgs,
}

impl ListArgs {
    pub(super) fn run(&self) -> ExitCode {
        self.remote.run(async |client| {
            let page = self.fetch(&client).await?;
            match self.remote.json {
                true => print_json(&page)?,
                false => print(&render(&page, Screen::stdout(), now()))?,
            }
            Ok(ExitCode::SUCCESS)
        })
    }

    async fn fetch(&self, client: &Client) -> Result<RunPage, CliError> {
        let filter = self.filter.filter();
        let mut found = RunPage { next_page_token: self.page_token.clone(), ..RunPage::default() };
        loop {
            let size = PAGE.min(self.limit - found.workflows.len()).max(1);
            let token = found.next_page_token.as_deref();
            let page = client.list_in_order(&filter, &self.sort, Some(size), token).await?;
            found.workflows.extend(page.workflows);
            found.next_page_token = page.next_page_token;
            if found.next_page_token.is_none() || found.workflows.len() >= self.limit {
                return Ok(found);
            }
        }
    }
}

/// The page as a table.
fn render(page: &RunPage, screen: Screen, now: Timestamp) -> String {
    if page.workflows.is_empty() {
        return "no workflows match\n".to_owned();
    }
    let mut table = Table::new([
        ("STATUS", Align::Left),
        ("WORKFLOW", Align::Left),
        ("TYPE", Align::Left),
        ("STARTED", Align::Right),
        ("DURATION", Align::Right),
        ("RUN", Align::Left),
    ]);
    for run in &page.workflows {
        let look = Look::of_summary(run);
        let until = run.closed_at.unwrap_or(now);
        table.row([
            Cell::new(format!("{} {}", look.glyph, look.word)).colour(look.colour),
            Cell::new(&run.workflow_id).colour(Colour::Strong),
            Cell::new(&run.workflow_type),
            Cell::new(age_text(run.started_at, now)),
            Cell::new(duration_text(until.millis_since(run.started_at))),
            Cell::new(run.run_id.to_string()).colour(Colour::Muted),
        ]);
    }
    let mut text = table.render(screen);
    if let Some(token) = &page.next_page_token {
        let more = format!("more with --page-token '{token}', or a larger --limit");
        text.push_str(&screen.paint(Colour::Muted, &more));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    fn page() -> RunPage {
        let json = r#"{"workflows":[
            {"workflow_id":"order-8\u001b[2J","run_id":"019ab000-0000-7000-8000-000000000008","type":"fulfil_order",
             "status":"running","started_at":"2026-01-01T12:00:00.000Z","memo":null,
             "search_attributes":{},"build_id":"1","namespace":"default","stuck":true},
            {"workflow_id":"a-workflow-whose-id-is-much-too-long-for-a-terminal-of-eighty-columns","run_id":"019ab000-0000-7000-8000-000000000007","type":"fulfil_order",
             "status":"completed","started_at":"2026-01-01T11:00:00.000Z","closed_at":"2026-01-01T11:00:03.250Z","memo":null,
             "search_attributes":{},"build_id":"1","namespace":"default","stuck":false}
        ],"next_page_token":"abc"}"#;
        serde_json::from_str(json).unwrap()
    }

    fn check(width: usize, colour: bool, expected: &expect_test::Expect) {
        let now = "2026-01-01T12:02:05Z".parse().unwrap();
        expected.assert_eq(&render(&page(), Screen { width, colour }, now));
    }

    #[test]
    fn fits_the_terminal() {
        check(
            100,
            false,
            &expect![[r#"
            STATUS       WORKFLOW                               TYPE            STARTED   DURATION  RUN
            ✕ stuck      order-8\u001b[2J                       fulfil_order  2 min ago  2 min 5 s  019ab000-00…
            ✓ completed  a-workflow-whose-id-is-much-too-long…  fulfil_order    1 h ago      3.2 s  019ab000-00…
            more with --page-token 'abc', or a larger --limit
        "#]],
        );
        check(
            200,
            true,
            &expect![[r#"
            [2mSTATUS[0m       [2mWORKFLOW[0m                                                               [2mTYPE[0m            [2mSTARTED[0m   [2mDURATION[0m  [2mRUN[0m
            [31m✕ stuck[0m      [1morder-8\u001b[2J[0m                                                       fulfil_order  2 min ago  2 min 5 s  [2m019ab000-0000-7000-8000-000000000008[0m
            [32m✓ completed[0m  [1ma-workflow-whose-id-is-much-too-long-for-a-terminal-of-eighty-columns[0m  fulfil_order    1 h ago      3.2 s  [2m019ab000-0000-7000-8000-000000000007[0m
            [2mmore with --page-token 'abc', or a larger --limit[0m
        "#]],
        );
    }

    #[test]
    fn says_when_nothing_matches() {
        let text = render(&RunPage::default(), Screen { width: 80, colour: false }, now());
        assert_eq!(text, "no workflows match\n");
    }
}
