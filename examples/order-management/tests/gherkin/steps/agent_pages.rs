//! The inspector's pages about agents, in a real browser; what they show is asked for over HTTP, too.

use cucumber::{given, then, when};
use hyper::Method;
use serde_json::{Value, json};

use super::agents::until;
use crate::page::Page;
use crate::site::Site;
use crate::world::World;

const AGENT: &str = "churn-risk";
const DEAD_LETTERS: &str = "/ui/agents/dead-letters";
const APPROVALS: &str = "/ui/agents/approvals";
const DECISIONS: &str = "/ui/agents/decisions";

/// Goes to a page in a window that shows the scenario's namespace.
async fn look(world: &mut World, path: &str) {
    if world.window.is_none() {
        let page = Page::open(&Site(world.url())).await;
        page.visit("/ui/agents").await;
        let cookie = format!("everstep_namespace={}; path=/ui", world.namespace());
        page.js(&format!("document.cookie = {cookie:?}")).await;
        world.window = Some(page);
    }
    window(world).go(path).await;
}

fn window(world: &World) -> &Page {
    world.window.as_ref().expect("a window")
}

#[given(
    regex = r"^(\d+) orders? (?:was|were) begun, and the agent gave (?:its event|their events) up$"
)]
async fn given_up(world: &mut World, count: u64) {
    for number in 0..count {
        let order = format!("draft-{number}");
        let new = json!({ "orderId": order, "customerId": "cust_d", "city": "Oslo" });
        let begun = world.command("CreateOrder", new).await.expect(200);
        give_up(world, begun["first_position"].as_u64().unwrap()).await;
    }
}

#[given("the agent gave an event up that does not exist any more")]
async fn gone(world: &mut World) {
    give_up(world, 999_999).await;
}

async fn give_up(world: &World, position: u64) {
    let letter = json!({
        "agentId": AGENT, "position": position, "eventType": "OrderCreated",
        "error": { "code": "LLM_TIMEOUT", "message": "no answer in time" },
    });
    world.ask(Method::POST, "/api/v1/agents/dead-letters", Some(letter)).await.expect(201);
}

#[when("somebody looks at the dead letters")]
async fn look_at_letters(world: &mut World) {
    look(world, DEAD_LETTERS).await;
}

#[when("somebody looks at the approvals")]
async fn look_at_approvals(world: &mut World) {
    look(world, APPROVALS).await;
}

#[when("somebody looks at the decisions")]
async fn look_at_decisions(world: &mut World) {
    look(world, DECISIONS).await;
}

#[when(expr = "somebody opens the decisions with {string}")]
async fn open_decisions(world: &mut World, query: String) {
    look(world, &format!("{DECISIONS}{query}")).await;
}

#[when("somebody looks at the approval, and the page is not kept up to date")]
async fn look_at_one(world: &mut World) {
    let pending = world.get("/api/v1/agents/approvals").await;
    let id = pending["approvals"][0]["approvalId"].as_str().unwrap().to_owned();
    look(world, &format!("{APPROVALS}/{}", id.replace(':', "%3A"))).await;
    window(world).click("#live").await;
    window(world).until("document.querySelector('#live').dataset.state === 'paused'").await;
}

#[then(expr = "{int} entries are listed with a button to replay and one to ignore each")]
async fn listed(world: &mut World, count: usize) {
    let rows = "[...document.querySelectorAll('#dead-letters tbody tr')]";
    let both = "row => /Replay/.test(row.textContent) && /Ignore/.test(row.textContent)";
    let page = window(world);
    page.until(&format!("{rows}.filter({both}).length === {count} && {rows}.length === {count}"))
        .await;
}

#[then(expr = "the columns are {string}")]
async fn columns(world: &mut World, names: String) {
    let script = "return [...document.querySelectorAll('#dead-letters th[scope=col]')].map(th => th.textContent).join(', ')";
    assert_eq!(window(world).js(script).await, *names);
}

#[when(regex = r#"^presses "(Replay|Approve)"$"#)]
async fn press(world: &mut World, button: String) {
    let form = button.to_lowercase();
    window(world).click(&format!("form[action$='/{form}'] [type=submit]")).await;
}

#[when(regex = r#"^presses "(Ignore|Reject)", and confirms it with "([^"]+)"$"#)]
async fn confirm(world: &mut World, button: String, reason: String) {
    let verb = button.to_lowercase();
    let page = window(world);
    page.click(&format!("details[id^='{verb}-'] summary")).await;
    page.keys(&format!("details[id^='{verb}-'] [name=reason]"), &reason).await;
    page.click(&format!("details[id^='{verb}-'] [type=submit]")).await;
}

#[then(expr = "a toast says {string}")]
async fn toast(world: &mut World, text: String) {
    window(world).until_text(".toast[role=status]", &text).await;
}

#[then(expr = "an alert says {string}")]
async fn alert(world: &mut World, text: String) {
    window(world).until_text(".toast[role=alert]", &text).await;
}

#[then(expr = "the entry is {string}, here and over HTTP")]
async fn entry(world: &mut World, status: String) {
    window(world).until_text("#dead-letters tbody tr .status", &status).await;
    let letters = world.get(&format!("/api/v1/agents/dead-letters?agent={AGENT}")).await;
    assert_eq!(letters["deadLetters"][0]["status"], status, "{letters}");
}

#[then(expr = "the reason {string} is kept")]
async fn reason_kept(world: &mut World, reason: String) {
    let letters = world.get(&format!("/api/v1/agents/dead-letters?agent={AGENT}")).await;
    assert_eq!(letters["deadLetters"][0]["ignoredBecause"], reason, "{letters}");
    window(world).until_text("#dead-letters tbody tr", &reason).await;
}

async fn cancels(world: &mut World, customer: &str, confidence: f64) {
    let rule = json!({ "contains": customer, "confidence": confidence });
    world.model.post("/script", &rule).await.expect(200);
    let mut position = Value::Null;
    for number in 0..3 {
        let order = format!("{customer}-{number}");
        let new = json!({ "orderId": order, "customerId": customer, "city": "Oslo" });
        world.command("CreateOrder", new).await.expect(200);
        let wish = json!({ "orderId": order, "reason": "changed my mind" });
        let done = world.command("CancelOrder", wish).await.expect(200);
        position = done["first_position"].clone();
    }
    let path = format!("/api/v1/workflows/agent:{AGENT}:{position}/result?wait_ms=1000");
    let world = &*world;
    until(world, async || (world.ask(Method::GET, &path, None).await.status == 200).then_some(()))
        .await;
}

#[given(expr = "customers {string} and {string} of whom the agent is sure and not sure")]
async fn sure_and_not(world: &mut World, sure: String, unsure: String) {
    cancels(world, &sure, 0.95).await;
    cancels(world, &unsure, 0.6).await;
}

#[given(regex = r"^(\d+) customers? waits? for an approval$")]
async fn waiting(world: &mut World, count: usize) {
    for number in 0..count {
        let customer = format!("cust_w{number}_{}", world.namespace());
        cancels(world, &customer, 0.7).await;
    }
}

const LISTED: &str = "document.querySelectorAll('#decisions tbody tr').length";

#[then(expr = "{int} decisions are listed, of the last 7 days")]
async fn last_week(world: &mut World, count: usize) {
    window(world).until(&format!("{LISTED} === {count}")).await;
    window(world).until_text("#decisions-span", "Last 7 days").await;
}

#[then(expr = "{int} decisions are listed")]
async fn decisions(world: &mut World, count: usize) {
    window(world).until(&format!("{LISTED} === {count}")).await;
}

#[when(regex = r#"^the (agent|action) "([^"]+)" is chosen$"#)]
async fn choose(world: &mut World, name: String, value: String) {
    window(world).click(&format!("#filters [name={name}] option[value={value}]")).await;
}

#[when("somebody goes back")]
async fn back(world: &mut World) {
    window(world).back().await;
}

#[when("the filters are cleared")]
async fn clear(world: &mut World) {
    window(world).click("#clear-filters").await;
}

#[then(expr = "the address has {string} and {int} decisions are listed")]
async fn address(world: &mut World, part: String, count: usize) {
    let page = window(world);
    page.until(&format!("location.pathname === {DECISIONS:?}")).await;
    page.until(&format!("location.search.includes({part:?}) && {LISTED} === {count}")).await;
}

#[then(expr = "the address has no filter and {int} decisions are listed")]
async fn no_filter(world: &mut World, count: usize) {
    window(world).until(&format!("location.search === '' && {LISTED} === {count}")).await;
    window(world).until("document.querySelector('#filters [name=action]').value === ''").await;
}

#[then(expr = "the filters say {string}, {string} and {string}")]
async fn filters(world: &mut World, agent: String, action: String, from: String) {
    let value = |name: &str| format!("document.querySelector('#filters [name={name}]').value");
    for (name, expected) in [("agent", agent), ("action", action), ("from", from)] {
        window(world).until(&format!("{} === {expected:?}", value(name))).await;
    }
}

#[then("the list of approvals is empty")]
async fn empty(world: &mut World) {
    window(world).until_text("#approvals", "Nothing to decide").await;
    let pending = world.get("/api/v1/agents/approvals").await;
    assert_eq!(pending["approvals"].as_array().unwrap().len(), 0, "{pending}");
}

#[then(expr = "the toast is gone after 5 seconds")]
async fn toast_goes(world: &mut World) {
    window(world).until("document.querySelectorAll('.toast').length === 0").await;
}

#[then(expr = "the approval is shown as {string}")]
async fn shown_as(world: &mut World, status: String) {
    window(world).until_text("#approval .pill", &status).await;
    let found = world.get(&format!("/api/v1/agents/approvals?status={status}")).await;
    assert_eq!(found["approvals"].as_array().unwrap().len(), 1, "{found}");
}

#[when("approves all of them as fast as they can")]
async fn approve_all(world: &mut World) {
    let press = "document.querySelectorAll(\"form[action$='/approve'] [type=submit]\").forEach(it => it.click())";
    window(world).js(press).await;
}

#[then(expr = "{int} toasts are stacked, each with a button to dismiss it")]
async fn stacked(world: &mut World, count: usize) {
    let toasts = "document.querySelectorAll('#toasts .toast')";
    let dismiss = "document.querySelectorAll('#toasts .toast button[aria-label=Dismiss]')";
    let page = window(world);
    page.until(&format!("{toasts}.length === {count} && {dismiss}.length === {count}")).await;
}

#[when("the first is dismissed")]
async fn dismiss(world: &mut World) {
    let page = window(world);
    page.js("[...document.querySelectorAll('#toasts .toast')].forEach((it, at) => it.mark = at)")
        .await;
    page.click("#toasts .toast:first-child button").await;
}

#[then("the others go by themselves, the older one first")]
async fn go(world: &mut World) {
    let page = window(world);
    let left = "[...document.querySelectorAll('#toasts .toast')].map(it => it.mark).join()";
    // Either one is seen alone, and then it is the younger, or both went between two looks.
    page.js("window.seen = []; new MutationObserver(() => window.seen.push([...document.querySelectorAll('#toasts .toast')].map(it => it.mark).join())).observe(document.getElementById('toasts'), { childList: true })").await;
    page.until(&format!("{left} === ''")).await;
    let seen = page.js("return window.seen.filter(it => it !== '1,2')").await;
    assert_eq!(seen, json!(["2", ""]), "the older one goes first");
}

impl Drop for World {
    fn drop(&mut self) {
        let Some(page) = self.window.take() else { return };
        // The driver ends the browser with its session.
        tokio::spawn(async move { page.close().await });
    }
}
