//! Steps about lists over several agents, page by page.

use std::collections::BTreeSet;

use cucumber::{then, when};
use everstep_activities::contexts::call;
use everstep_engine::{DEFAULT_NAMESPACE, TransactionContext};
use everstep_workflows::agent::functions::{NewAuditEvent, RECORD_AUDIT_EVENT, RECORD_COMMAND};
use everstep_workflows::agent::{AgentCommand, AgentPage, AuditType, DecisionFilter};
use serde_json::{Value, json};

use super::{WATCHER, caller};
use crate::world::World;

const AGENTS: [&str; 2] = [WATCHER, "other"];

fn record(agent: &str, number: usize) -> NewAuditEvent {
    // The other one decides three times as rarely.
    let is_rare = agent != WATCHER && !number.is_multiple_of(3);
    let audit_type =
        if is_rare { AuditType::PatternDetected } else { AuditType::AgentDecisionMade };
    let (agent_id, decision_id) = (agent.to_owned(), Some(format!("{agent}:{number}")));
    NewAuditEvent { agent_id, audit_type, decision_id, data: json!({ "number": number }) }
}

fn command(agent: &str, number: usize) -> AgentCommand {
    let analysis =
        json!({ "analysisMethod": "rule-based", "confidence": 0.9, "reasoning": "by hand" });
    let metadata = json!({
        "patternId": "broken", "decisionId": format!("{agent}:{number}"), "confidence": 0.9,
        "reason": "by hand", "analysis": analysis, "eventIds": ["evt_1"],
    });
    let command = json!({
        "commandId": format!("{agent}:{number}"), "agentId": agent,
        "subscriptionId": format!("agent.{agent}"), "type": "Fix", "payload": {},
        "status": "pending", "metadata": metadata, "steps": [],
    });
    serde_json::from_value(command).unwrap()
}

async fn write(world: &World, numbers: std::ops::Range<usize>) {
    for number in numbers {
        for agent in AGENTS {
            let (record, command) = (record(agent, number), command(agent, number));
            let write = move |tx: &mut TransactionContext<'_>| {
                call(tx, RECORD_AUDIT_EVENT, &caller(), &record)?;
                call(tx, RECORD_COMMAND, &caller(), &command).map(drop)
            };
            world.books.transact(write).await.unwrap();
        }
        // Some come in the same millisecond.
        if number % 4 == 0 {
            world.books.engine().advance_clock(1).await.unwrap();
        }
    }
}

#[when(expr = "each has {int} records of its audit and {int} commands")]
async fn each_has(world: &mut World, records: usize, commands: usize) {
    assert_eq!(records, commands);
    write(world, 0..records).await;
}

/// Follows the tokens to the end, while more is written; answers what of it was there before.
async fn paged<T>(
    world: &World,
    first: usize,
    mut ask: impl AsyncFnMut(Option<&str>) -> AgentPage<T>,
    number: impl Fn(&T) -> (String, usize),
) -> Vec<(String, usize)> {
    let (mut all, mut after, mut pages) = (Vec::new(), None::<String>, 0);
    loop {
        let page = ask(after.as_deref()).await;
        all.extend(page.items.iter().map(&number));
        after = page.next_page_token;
        pages += 1;
        assert!(pages < 100, "the tokens do not end");
        if after.is_none() {
            assert!(pages > 3, "{pages} pages");
            all.retain(|(_, number)| *number < first);
            let distinct: BTreeSet<_> = all.iter().collect();
            assert_eq!(distinct.len(), all.len(), "one came twice");
            let is_sorted = all.windows(2).all(|pair| pair[0].1 / 4 + 1 >= pair[1].1 / 4);
            assert!(is_sorted, "{all:?}");
            return all;
        }
        write(world, first + 100 + pages..first + 101 + pages).await;
    }
}

fn of_record(agent: &str, data: &Value) -> (String, usize) {
    (agent.to_owned(), usize::try_from(data["number"].as_u64().unwrap()).unwrap())
}

#[then(
    expr = "pages of {int} hold each of {int} records and commands once, newest first, while more are written"
)]
async fn page_by_page(world: &mut World, size: usize, count: usize) {
    let service = world.books.service();
    let namespace = DEFAULT_NAMESPACE;
    let per_agent = count / AGENTS.len();
    let audit = paged(
        world,
        per_agent,
        async |after| service.audit(namespace, None, None, after, size).await.unwrap(),
        |one| of_record(&one.agent_id, &one.data),
    );
    assert_eq!(audit.await.len(), count);
    let commands = paged(
        world,
        per_agent,
        async |after| service.commands(namespace, None, None, after, size).await.unwrap(),
        |one| {
            let (agent, number) = one.command_id.split_once(':').unwrap();
            (agent.to_owned(), number.parse().unwrap())
        },
    );
    assert_eq!(commands.await.len(), count);
    let filter = DecisionFilter::default();
    let decisions = paged(
        world,
        per_agent,
        async |after| service.decisions(namespace, &filter, after, size).await.unwrap(),
        |one| of_record(&one.agent_id, &one.record),
    );
    assert_eq!(decisions.await.len(), per_agent + per_agent.div_ceil(3));
    let mine = paged(
        world,
        per_agent,
        async |after| service.audit(namespace, Some(WATCHER), None, after, size).await.unwrap(),
        |one| of_record(&one.agent_id, &one.data),
    );
    assert_eq!(mine.await.len(), per_agent);
    let foreign = service.audit(namespace, None, None, Some("no token"), size).await;
    assert!(foreign.unwrap_err().to_string().contains("no page token"));
}
