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

#[test]
fn a_schedule_is_typed_tried_kept_changed_filled_in_and_deleted() {
    browse(async |site, page| {
        page.go("/ui/schedules").await;
        page.click("main header a[href='/ui/new-schedule']").await;
        page.keys("[name=id]", "weekly").await;
        page.keys("[name=workflow_type]", "approval").await;
        page.keys("[name=input]", ORDER).await;
        page.keys("[name=cron]", "0 25 * * *").await;
        page.click("[value=preview]").await;
        // What is wrong is said, and what was typed is still there.
        page.until_text("#preview[role=alert]", "25").await;
        page.until("document.querySelector('[name=id]').value === 'weekly'").await;
        page.js("document.querySelector('[name=cron]').value = ''").await;
        page.keys("[name=cron]", "0 6 * * 1").await;
        page.click("[value=preview]").await;
        page.until("document.querySelectorAll('#preview li').length === 5").await;
        assert!(site.engine().schedule(DEFAULT_NAMESPACE, "weekly").is_err(), "not kept yet");
        page.click("[value=save]").await;
        page.until_text("#schedule-head", "weekly").await;
        page.until_text("#schedule-head", "0 6 * * 1").await;

        page.click("a[href$='/edit']").await;
        page.until_text("h1", "Edit weekly").await;
        page.keys("[name=timezone]", "Asia/Tokyo").await;
        page.click("[name=overlap] option[value=allow_all]").await;
        page.click("[value=save]").await;
        page.until_text("#schedule-head", "Asia/Tokyo").await;
        page.until_text("#schedule-head", "allow_all").await;
        let kept = site.engine().schedule(DEFAULT_NAMESPACE, "weekly").unwrap();
        assert_eq!(kept.action.input.as_str(), ORDER, "what was not touched stays");

        page.click("#action-backfill summary").await;
        page.keys("#action-backfill [name=from]", "2020-01-01T00:00:00Z").await;
        page.keys("#action-backfill [name=to]", "2020-01-15T00:00:00Z").await;
        page.click("#action-backfill [type=submit]").await;
        page.until_text(".toast[role=status]", "2 firings are made up").await;
        page.until("document.querySelectorAll('#recent tbody tr').length === 2").await;

        page.click("#action-delete summary").await;
        page.click("#action-delete [type=submit]").await;
        page.until_text(".toast[role=status]", "Schedule weekly deleted").await;
        assert!(site.engine().schedule(DEFAULT_NAMESPACE, "weekly").is_err());
    });
}
