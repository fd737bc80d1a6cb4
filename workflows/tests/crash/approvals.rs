//! A decision that is waited for: given, refused by time, or given at the last moment.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use everstep_engine::testing::{Scenario, explore_crashes};
use everstep_engine::{
    Activity, ActivityContext, Signal, Worker, Workflow, WorkflowContext, WorkflowError,
};
use everstep_workflows::{Approval, approval};

const EXPENSE: Workflow<u64, String> = Workflow::new("expense");
const PAY: Activity<u64, ()> = Activity::new("pay");
const APPROVED: Signal<String> = Signal::new("approved");
const HOUR: Duration = Duration::from_secs(3_600);

/// Keys under which one play's bank was asked to pay.
type Bank = Arc<Mutex<Vec<String>>>;

async fn expense(ctx: &WorkflowContext, cents: u64) -> Result<String, WorkflowError> {
    match approval(ctx, APPROVED, ctx.now() + 24 * HOUR).await {
        Approval::Approved(by) => {
            ctx.activity(PAY, cents).await?;
            Ok(format!("approved by {by}"))
        }
        Approval::Expired => Ok("expired".to_owned()),
    }
}

/// Explores it with a decision after so long; how often the bank was asked, by play.
fn explore(decided_after: Option<Duration>) -> Vec<Vec<String>> {
    let banks = Arc::new(Mutex::new(Vec::<Bank>::new()));
    let report = explore_crashes(|| {
        let bank = Bank::default();
        banks.lock().unwrap().push(Arc::clone(&bank));
        let worker = Worker::new().workflow(EXPENSE, expense).signal(EXPENSE, APPROVED);
        let scenario =
            Scenario::new(worker, EXPENSE, &9_900).mock(PAY, move |ctx: ActivityContext, _| {
                bank.lock().unwrap().push(ctx.idempotency_key());
                std::future::ready(Ok(()))
            });
        match decided_after {
            Some(after) => scenario.signal_after(after, APPROVED, &"ada".to_owned()),
            None => scenario,
        }
    });
    let report = report.unwrap();
    assert!(report.crashes >= 2, "{report:?}");
    let banks = banks.lock().unwrap();
    banks.iter().map(|bank| bank.lock().unwrap().clone()).collect()
}

#[test]
fn an_approval_counts_once_wherever_it_crashes() {
    for payments in explore(Some(HOUR)) {
        // What was made for a replay pays nothing; a payment that was cut off is made again.
        assert!(payments.len() <= 2, "{payments:?}");
        assert!(payments.windows(2).all(|pair| pair[0] == pair[1]), "{payments:?}");
    }
}

#[test]
fn a_deadline_passes_wherever_it_crashes() {
    assert!(explore(None).iter().all(Vec::is_empty));
    // The deadline comes first where both come at once: each time, whoever was killed between.
    assert!(explore(Some(24 * HOUR)).iter().all(Vec::is_empty));
}
