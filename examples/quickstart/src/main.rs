//! Invites someone, reminds them once a day, and gives up after three days: over crashes, deploys
//! and restarts, because every step is journaled before anything outside can see it.
//!
//! ```text
//! cargo run -p quickstart        # and open http://127.0.0.1:3837
//!
//! curl http://127.0.0.1:3837/api/v1/workflows --json \
//!     '{"type": "invite", "id": "invite-ada", "input": "ada@example.org"}'
//! # kill it, start it again, and then:
//! curl http://127.0.0.1:3837/api/v1/workflows/invite-ada/signals/accepted --json '"Ada"'
//! curl http://127.0.0.1:3837/api/v1/workflows/invite-ada/result?wait_ms=5000
//!
//! cargo run -p quickstart -- show invite-ada
//! ```

use std::process::ExitCode;
use std::time::Duration;

use everstep::{
    Activity, ActivityContext, ActivityError, Either, Signal, Worker, Workflow, WorkflowContext,
    WorkflowError, race,
};

const INVITE: Workflow<String, String> = Workflow::new("invite");
const SEND_MAIL: Activity<(String, String), ()> = Activity::new("send_mail");
const ACCEPTED: Signal<String> = Signal::new("accepted");
const DAY: Duration = Duration::from_secs(24 * 3600);

async fn invite(ctx: &WorkflowContext, email: String) -> Result<String, WorkflowError> {
    ctx.activity(SEND_MAIL, (email.clone(), "You are invited".into())).await?;
    for day in 1..=3 {
        match race(ctx.signal(ACCEPTED), ctx.sleep(DAY)).await {
            Either::First(name) => return Ok(format!("Welcome, {name}")),
            Either::Second(()) => {
                let reminder = format!("You are still invited, since {day} days");
                ctx.activity(SEND_MAIL, (email.clone(), reminder)).await?;
            }
        }
    }
    Err("nobody answered".into())
}

/// Retried until it succeeds; once its success is recorded, never run again.
async fn send_mail(_: ActivityContext, mail: (String, String)) -> Result<(), ActivityError> {
    let (to, subject) = mail;
    eprintln!("mail to {to}: {subject}");
    Ok(())
}

fn main() -> ExitCode {
    let worker = Worker::new()
        .workflow(INVITE, invite)
        .signal(INVITE, ACCEPTED)
        .activity(SEND_MAIL, send_mail);
    everstep::cli::main(worker)
}
