//! A service that fails until its circuit opens, and the probe that finds it well again.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use everstep_activities::HttpCall;
use everstep_activities::circuit_breaker::{Circuit, CircuitState, WorkerCircuits, show};
use everstep_engine::testing::{Story, Told, explore_story};
use everstep_engine::{
    Activity, DEFAULT_NAMESPACE, Engine, Payload, Retry, RunStatus, Selector, StartRequest, Worker,
    Workflow, WorkflowContext, WorkflowError,
};
use serde_json::Value;

use crate::service::Service;

const FETCH: Workflow<u32, u32> = Workflow::new("fetch");
const ASK: Activity<u32, Value> = Activity::new("ask")
    .retry(Retry::DEFAULT.initial_interval(Duration::from_secs(3)).backoff_coefficient(1.0));
const CIRCUIT: Circuit =
    Circuit::new("rates").failure_threshold(2).reset_timeout(Duration::from_secs(4));
const CALLERS: [&str; 2] = ["one", "two"];

async fn fetch(ctx: &WorkflowContext, number: u32) -> Result<u32, WorkflowError> {
    let answer = ctx.activity(ASK, number).await?;
    Ok(answer["rate"].as_u64().unwrap_or(0) as u32 + number)
}

fn worker(service: &Service) -> Worker {
    let url = format!("http://{}/rates", service.address());
    let call = HttpCall::<u32, Value>::post(&url).unwrap().into_activity();
    Worker::new().workflow(FETCH, fetch).circuit(CIRCUIT).activity(ASK, CIRCUIT.around(call))
}

async fn start(engine: &Engine) -> Told<()> {
    for id in CALLERS {
        let mut request = StartRequest::new(FETCH.name(), Payload::from_value(&7_u32)?);
        request.workflow_id = Some(id.to_owned());
        request.idempotency_key = Some(id.to_owned());
        engine.start(request).await?;
    }
    Ok(())
}

async fn have_ended(engine: &Engine) -> Told<bool> {
    for id in CALLERS {
        let run = engine.result(&Selector::newest(id), Duration::ZERO).await?;
        if run.status != RunStatus::Completed {
            return Ok(false);
        }
    }
    Ok(true)
}

async fn outcome(engine: &Engine) -> Told<String> {
    let circuit = show(engine, DEFAULT_NAMESPACE, CIRCUIT.name())?;
    let mut results = Vec::new();
    for id in CALLERS {
        let run = engine.result(&Selector::newest(id), Duration::ZERO).await?;
        results.push(format!("{:?}", run.result));
    }
    Ok(format!(
        "{:?}, opened {}, failures {}, probe {:?}, {results:?}",
        circuit.state, circuit.openings, circuit.failure_count, circuit.probe_run_id
    ))
}

#[test]
fn a_circuit_closes_again_wherever_it_crashes() {
    let services = Arc::new(Mutex::new(Vec::<Service>::new()));
    let report = explore_story(|| {
        let service = Service::answering(r#"{"rate":35}"#.to_owned());
        service.set_down(true);
        services.lock().unwrap().push(service.clone());
        let healed = service.clone();
        Story::new(move || worker(&service))
            .act(|engine| async move { start(&engine).await })
            .until(|engine| async move {
                let circuit = show(&engine, DEFAULT_NAMESPACE, CIRCUIT.name())?;
                Ok(circuit.state == CircuitState::Open)
            })
            .act(move |_| {
                healed.set_down(false);
                std::future::ready(Ok(()))
            })
            .until(|engine| async move { have_ended(&engine).await })
            .outcome(|engine| async move { outcome(&engine).await })
    });
    let report = report.unwrap();
    // Commits that come together are one.
    assert!(report.crashes >= 4, "{report:?}");
    let outcome = report.outcomes.keys().next().unwrap();
    assert!(outcome.starts_with("Closed, opened 1, failures 0, probe None"), "{report:?}");
    for service in services.lock().unwrap().iter() {
        let asked = service.asked();
        // One key a caller, whoever of them was the probe; each was answered, one of them perhaps
        // twice: what was answered to a process that died is asked again.
        assert_eq!(asked.len(), CALLERS.len(), "{asked:?}");
        let answers: u32 = asked.values().map(|(_, answered)| answered).sum();
        let failures: u32 = asked.values().map(|(asked, answered)| asked - answered).sum();
        assert!((2..=3).contains(&answers), "{asked:?}");
        // An open circuit makes no call; one that was not counted died with its process.
        assert!((2..=4).contains(&failures), "{asked:?}");
    }
}
