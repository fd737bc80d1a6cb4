//! Lists of agents over HTTP, page by page: nothing twice, nothing left out, newest first, while more
//! is written.

use everstep::agent::{Agent, PatternDefinition, WorkerAgents};
use everstep::{Clock, Timestamp, Worker};
use serde_json::{Value, json};

use crate::support::TestServer;

const APPROVALS: &str = "/api/v1/agents/approvals";
const LETTERS: &str = "/api/v1/agents/dead-letters";

fn worker() -> Worker {
    let pattern = || PatternDefinition::new("broken").trigger(|events| !events.is_empty());
    let agent = |name| Agent::new(name).listens_to(["Never"]).fallback().pattern(pattern());
    Worker::new().agent(agent("watcher")).agent(agent("other"))
}

async fn start() -> TestServer {
    TestServer::start_as(worker(), |config| config.engine.clock = Clock::manual()).await
}

/// Whose the record with this number is.
fn agent(number: u64) -> &'static str {
    if number.is_multiple_of(3) { "other" } else { "watcher" }
}

async fn propose(server: &TestServer, number: u64) {
    let agent = agent(number);
    let id = format!("{agent}:{number}");
    // Two of them in each millisecond.
    let now = server.engine.now().plus_millis(number / 2);
    let analysis =
        json!({ "analysisMethod": "rule-based", "confidence": 0.9, "reasoning": "by hand" });
    let approval = json!({
        "approvalId": id, "agentId": agent, "subscriptionId": format!("agent.{agent}"),
        "status": "pending", "commandType": "Fix", "payload": {}, "subject": "lamp",
        "metadata": {
            "patternId": "broken", "decisionId": id, "confidence": 0.9, "reason": "by hand",
            "analysis": analysis, "eventIds": ["evt_1"],
        },
        "riskLevel": "low", "createdAt": now, "expiresAt": now.plus_millis(1 << 40),
    });
    let create = "/api/v1/contexts/agents/functions/createApproval";
    assert_eq!(server.post(create, approval.to_string()).await.json(200), json!(id));
}

async fn give_up(server: &TestServer, number: u64) {
    let error = json!({ "code": "BROKEN", "message": format!("number {number}") });
    let (agent, position) = (agent(number), number + 1);
    let new =
        json!({ "agentId": agent, "position": position, "eventType": "Broke", "error": error });
    server.post(LETTERS, new.to_string()).await.json(201);
    if number % 2 == 1 {
        server.engine.advance_clock(1).await.unwrap();
    }
}

/// Follows the tokens from the first page to the last, of at most so many, and does something after
/// each; `query` filters. Answers what the pages held.
async fn pages(
    server: &TestServer,
    (path, name, query): (&str, &str, &str),
    size: usize,
    mut after_each: impl AsyncFnMut(),
) -> Vec<Value> {
    let (mut all, mut token) = (Vec::new(), String::new());
    loop {
        let at = format!("{path}?page_size={size}&page_token={token}{query}");
        let page = server.get(&at).await.json(200);
        let items = page[name].as_array().unwrap();
        all.extend(items.iter().cloned());
        after_each().await;
        match page["next_page_token"].as_str() {
            Some(next) => next.clone_into(&mut token),
            None => return all,
        }
        assert_eq!(items.len(), size, "only the last page is short: {page}");
        assert!(all.len() < 100, "the tokens do not end");
    }
}

fn ids(all: &[Value], name: &str) -> Vec<String> {
    all.iter().map(|one| one[name].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn approvals_are_read_page_by_page() {
    let server = start().await;
    for number in 0..7 {
        propose(&server, number).await;
    }
    // The newest first; of one millisecond, by their ids.
    let all = ["other:6", "watcher:4", "watcher:5", "other:3", "watcher:2", "other:0", "watcher:1"];
    let list = (APPROVALS, "approvals", "");
    for size in [1, 2, 7, 200] {
        let found = pages(&server, list, size, async || ()).await;
        assert_eq!(ids(&found, "approvalId"), all, "pages of {size}");
    }
    let own = |one: &str| all.iter().filter(|id| id.starts_with(one)).copied().collect::<Vec<_>>();
    for name in ["watcher", "other"] {
        let query = format!("&agent={name}");
        let found = pages(&server, (APPROVALS, "approvals", &query), 2, async || ()).await;
        assert_eq!(ids(&found, "approvalId"), own(name));
    }
    // More are written meanwhile, and none of the pages before moves.
    let mut next = 6..;
    let more = async || propose(&server, next.by_ref().nth(1).unwrap()).await;
    assert_eq!(ids(&pages(&server, list, 2, more).await, "approvalId"), all);

    // What is decided changes lists, and stands in the other one as in this.
    for id in ["watcher:4", "other:3", "watcher:1"] {
        let reject = format!("{APPROVALS}/{id}/reject");
        server.post(&reject, r#"{"reason": "no"}"#).await.json(200);
    }
    let rejected = (APPROVALS, "approvals", "&status=rejected");
    let rejected = pages(&server, rejected, 1, async || ()).await;
    assert_eq!(ids(&rejected, "approvalId"), ["watcher:4", "other:3", "watcher:1"]);
}

#[tokio::test]
async fn dead_letters_are_read_page_by_page() {
    let server = start().await;
    for number in 0..7 {
        give_up(&server, number).await;
    }
    let list = (LETTERS, "deadLetters", "");
    let whole = server.get(LETTERS).await.json(200);
    let all = whole["deadLetters"].as_array().unwrap().clone();
    assert!(whole.get("next_page_token").is_none(), "{whole}");
    let at = |one: &Value| one["recordedAt"].as_str().unwrap().parse::<Timestamp>().unwrap();
    assert!(all.windows(2).all(|pair| at(&pair[0]) >= at(&pair[1])), "{whole}");
    assert!(at(&all[0]) > at(&all[6]), "{whole}");
    let mut errors = ids(&all, "error");
    errors.sort();
    assert_eq!(errors, (0..7).map(|number| format!("number {number}")).collect::<Vec<_>>());

    for size in [1, 2, 7, 200] {
        assert_eq!(pages(&server, list, size, async || ()).await, all, "pages of {size}");
    }
    for name in ["watcher", "other"] {
        let query = format!("&agent={name}");
        let found = pages(&server, (LETTERS, "deadLetters", &query), 2, async || ()).await;
        let own = all.iter().filter(|one| one["agentId"] == name).cloned().collect::<Vec<_>>();
        assert_eq!(found, own);
    }
    // Those that come are newer by a millisecond at least.
    server.engine.advance_clock(1).await.unwrap();
    let mut next = 7..;
    let more = async || give_up(&server, next.next().unwrap()).await;
    assert_eq!(pages(&server, list, 2, more).await, all);

    for letter in [&all[1], &all[4], &all[5]] {
        let ignore = format!("{LETTERS}/{}/ignore", letter["deadLetterId"].as_str().unwrap());
        server.post(&ignore, r#"{"reason": "no"}"#).await.json(200);
    }
    let ignored = (LETTERS, "deadLetters", "&status=ignored");
    let ignored = ids(&pages(&server, ignored, 1, async || ()).await, "deadLetterId");
    assert_eq!(ignored, [1, 4, 5].map(|place: usize| all[place]["deadLetterId"].as_str().unwrap()));
}

#[tokio::test]
async fn a_token_of_another_list_is_refused() {
    let server = start().await;
    for number in 0..3 {
        propose(&server, number).await;
        give_up(&server, number).await;
    }
    let token = async |path: &str| {
        let page = server.get(&format!("{path}?page_size=1")).await.json(200);
        page["next_page_token"].as_str().unwrap().to_owned()
    };
    let (approval, letter) = (token(APPROVALS).await, token(LETTERS).await);
    let audit = token("/api/v1/agents/audit").await;
    let others = [
        (APPROVALS, [letter.as_str(), &audit]),
        ("/api/v1/agents/commands", [&letter, &audit]),
        (LETTERS, [&approval, &audit]),
        ("/api/v1/agents/audit", [&approval, &letter]),
        ("/api/v1/agents/decisions", [&approval, &letter]),
    ];
    for (path, tokens) in others {
        for token in tokens.into_iter().chain(["nonsense", ".", "dl-", "0.watcher:1"]) {
            let at = format!("{path}?page_token={token}");
            let said = server.get(&at).await.problem(400, "invalid_request");
            assert!(said.contains("is no page token of this list"), "{at}: {said}");
        }
        // An empty one asks for the first page.
        server.get(&format!("{path}?page_token=")).await.json(200);
    }
}
