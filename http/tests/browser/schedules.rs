//! The pages of schedules: when they fire, what is in their way, and what can be done.

use everstep::{
    DEFAULT_NAMESPACE, Payload, ScheduleAction, ScheduleDefinition, ScheduleInput, ScheduleSpec,
};

use crate::browse;
use crate::site::Site;

async fn create(site: &Site, id: &str, workflow_type: &str, input: &str) {
    let spec = ScheduleSpec {
        cron: vec!["0 3 * * *".to_owned()],
        timezone: Some("Europe/Berlin".to_owned()),
        ..ScheduleSpec::default()
    };
    let action = ScheduleAction {
        workflow_type: workflow_type.to_owned(),
        input: Payload::parse(input.to_owned()).unwrap(),
        ..ScheduleAction::default()
    };
    let definition = ScheduleDefinition::new(spec, action);
    let input = ScheduleInput { definition, ..ScheduleInput::default() };
    site.engine().create_schedule(DEFAULT_NAMESPACE, id, input).await.unwrap();
}

const ORDER: &str = r#"{"id":"1","amount":100,"items":[]}"#;

#[test]
fn the_list_leads_to_a_schedule_that_can_be_triggered_paused_and_resumed() {
    browse(async |site, page| {
        create(site, "nightly/1 ü", "approval", ORDER).await;
        page.go("/ui/schedules").await;
        page.until_text("#schedules", "nightly/1 ü").await;
        page.until_text("#schedules", "On time").await;
        page.click("#schedules a.row-link").await;
        page.until_text("#schedule-health", "fires next at").await;
        page.until("document.querySelectorAll('#next-firings li').length === 5").await;
        page.js("window.mark = 1").await;

        page.click("#action-trigger summary").await;
        page.click("#action-trigger [type=submit]").await;
        page.until_text(".toast[role=status]", "Started nightly/1 ü-").await;
        page.until("document.querySelectorAll('#recent tbody tr').length === 1").await;
        // The run is open, so the policy skips the next one, and that shows.
        page.click("#action-trigger summary").await;
        page.click("#action-trigger [type=submit]").await;
        page.until_text("#health-message", "skipped once because run nightly/1 ü-").await;
        page.until_text("#schedule-head", "Blocked").await;

        page.click("#action-pause summary").await;
        page.keys("#action-pause [name=note]", "a look").await;
        page.click("#action-pause [type=submit]").await;
        page.until_text("#health-message", "a look").await;
        page.click("#action-resume summary").await;
        page.click("#action-resume [type=submit]").await;
        page.until("document.querySelector('#action-pause') !== null").await;
        assert_eq!(page.js("return window.mark").await, 1, "the page was not loaded again");

        page.click("#recent a.row-link").await;
        page.until_text("#run-head", "nightly/1 ü").await;
        page.click("#run-head a[href^='/ui/schedules/']").await;
        page.until_text("#schedule-head", "Europe/Berlin").await;
    });
}
