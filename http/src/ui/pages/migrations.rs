//! On `GET /ui/contexts`: how far rows of an older shape are taken along.

use everstep_activities::contexts::MigrationView;
use maud::{Markup, html};

use crate::ui::layout::Viewer;
use crate::ui::tone::Tone;
use crate::ui::{desk, times, url};

/// Each migration; nothing where none is declared.
pub(super) fn table(migrations: &[MigrationView], viewer: &Viewer) -> Markup {
    if migrations.is_empty() {
        return html! {};
    }
    html! {
        h2 { "Rows in another shape" }
        div.table-wrap {
            table #migrations {
                thead {
                    tr {
                        th scope="col" { "Migration" }
                        th scope="col" { "Context" }
                        th scope="col" { "Empties" }
                        th scope="col" { "State" }
                        th.num scope="col" { "Rows taken along" }
                        th scope="col" { "Began" }
                        th scope="col" { "Over" }
                        th.grow scope="col" { "Error" }
                    }
                }
                tbody { @for one in migrations { (line(one, viewer)) } }
            }
        }
    }
}

fn line(one: &MigrationView, viewer: &Viewer) -> Markup {
    let (tone, word) = match (one.status.as_str(), &one.error) {
        ("completed", _) => (Tone::Completed, "Completed"),
        ("failed", _) => (Tone::Failed, "Failed"),
        ("running", Some(_)) => (Tone::Retrying, "Retrying"),
        ("running", None) => (Tone::Running, "Running"),
        _ => (Tone::Waiting, "Pending"),
    };
    let time = |at| html! { @match at { Some(at) => (times::ago(at, viewer.now)), None => "–" } };
    let id = format!("{}/{}", one.context, one.name);
    html! {
        tr data-migration=(id) data-key=(id) {
            th scope="row" {
                @match &one.workflow_id {
                    Some(workflow_id) => a href=(url::workflow(workflow_id)) { (one.name) },
                    None => (one.name),
                }
            }
            td { (one.context) }
            td { (one.table) }
            td { (desk::state(tone, word)) }
            td.num { (one.rows) }
            td { (time(one.started_at)) }
            td { (time(one.ended_at)) }
            td.grow title=[one.error.as_deref()] { (one.error.as_deref().unwrap_or("–")) }
        }
    }
}
