//! The shop's own page in a real browser: an order that is cancelled there, or elsewhere.

use std::time::Instant;

use cucumber::{given, then, when};
use hyper::Method;
use serde_json::json;

use crate::page::Page;
use crate::site::{PATIENCE, Site};
use crate::world::World;

fn window(world: &World) -> &Page {
    world.window.as_ref().expect("a window")
}

/// The status that the page shows, and each that it has shown, with the time.
const WATCH: &str = "
    window.shown = [];
    const status = () => document.querySelector('#detail-body dd')?.textContent;
    const look = () => {
      const now = status();
      if (now && now !== window.shown.at(-1)?.text) window.shown.push({ text: now, at: performance.now() });
    };
    look();
    new MutationObserver(look).observe(document.querySelector('#detail'), { subtree: true, childList: true, characterData: true });
    const warn = console.warn;
    window.warned = [];
    console.warn = (text) => { window.warned.push(text); warn(text); };
    window.asked = performance.getEntriesByType('resource').length;
    return true;";

#[given(expr = "a customer and a draft order {string} on the page")]
async fn draft_on_the_page(world: &mut World, id: String) {
    let ada = json!({ "customerId": "ada", "name": "Ada King", "email": "ada@example.com" });
    world.command("RegisterCustomer", ada).await.expect(200);
    let new = json!({ "orderId": id, "customerId": "ada", "city": "Oslo" });
    world.command("CreateOrder", new).await.expect(200);
    let page = Page::open(&Site(world.url())).await;
    page.go(&format!("/shop?namespace={}#{id}", world.namespace())).await;
    page.until_text("#detail-body dd", "draft").await;
    page.until("!document.querySelector('#cancel').hidden").await;
    page.js(WATCH).await;
    world.window = Some(page);
}

#[given("the read model of the page waits")]
async fn waits(world: &mut World) {
    let pause = "/api/v1/projections/orderDetail/pause";
    world.ask(Method::POST, pause, Some(json!({ "reason": "a backlog" }))).await.expect(202);
}

#[when(expr = "somebody cancels it with the reason {string}")]
async fn cancels(world: &mut World, reason: String) {
    let page = window(world);
    page.js(&format!("document.querySelector('#cancel input').value = {reason:?}")).await;
    page.click("#cancel button").await;
}

#[then(regex = r#"^the page has shown (.+), in this order$"#)]
async fn has_shown(world: &mut World, texts: String) {
    let wanted: Vec<&str> = texts.split('"').skip(1).step_by(2).collect();
    let page = window(world);
    let all = json!(wanted).to_string();
    page.until(&format!("JSON.stringify(window.shown.map((it) => it.text)) === {all:?}")).await;
    let took = page.js("return window.shown.at(-1).at - window.shown.at(1).at").await;
    let at_once = page.js("return window.shown.length").await;
    eprintln!("from the first change to the last of {at_once} states: {took} ms");
}

#[then(expr = "it shows {string}")]
async fn shows(world: &mut World, text: String) {
    window(world).until_text("#detail-body", &text).await;
}

#[then(expr = "it says {string}")]
async fn says(world: &mut World, text: String) {
    window(world).until_text("#notice", &text).await;
}

#[then("the roll-back is logged")]
async fn logged(world: &mut World) {
    let page = window(world);
    page.until("window.warned.some((text) => text.startsWith('rolled back: command'))").await;
}

/// Requests since the page was ready. What is followed is one answer that does not end.
async fn asked(world: &World) -> Vec<String> {
    let names =
        "return performance.getEntriesByType('resource').slice(window.asked).map((it) => it.name)";
    serde_json::from_value(window(world).js(names).await).unwrap()
}

#[then("nothing was asked for but the command")]
async fn but_the_command(world: &mut World) {
    window(world).until("performance.getEntriesByType('resource').length > window.asked").await;
    let asked = asked(world).await;
    assert!(asked.len() == 1 && asked[0].contains("/api/v1/commands/CancelOrder"), "{asked:?}");
}

#[then("nothing was asked for")]
async fn nothing(world: &mut World) {
    assert_eq!(asked(world).await, Vec::<String>::new());
}

/// The time passes at the server, which is asked for an event that does not come.
#[then("nothing is asked for while three seconds pass")]
async fn nothing_passes(world: &mut World) {
    let begun = Instant::now();
    world.get("/api/v1/events?types=NeverHappens&follow_ms=3000").await;
    assert!(begun.elapsed().as_secs() >= 2 && begun.elapsed() < PATIENCE);
    nothing(world).await;
}

/// The page's module, on a row of its own and a clock of its own.
#[when(expr = "the page expects {string} of command {string} behind position {int}")]
async fn expects(world: &mut World, status: String, id: String, position: u64) {
    let page = window(world);
    page.js(&format!(
        "window.expected = import('/shop/expected.js').then(({{ Expected }}) => {{
           window.told = [];
           window.row = {{ position: {position}, durable_position: {position}, events: [] }};
           const made = new Expected((notice) => window.told.push(notice.kind));
           made.take(window.row);
           window.at = made.expect({id:?}, {{ status: {status:?} }}, 0);
           return window.made = made;
         }});"
    ))
    .await;
    page.until(&format!("window.at === {}", position + 1)).await;
}

#[when(regex = r#"^an event of (?:command "(\w+)"|another command) comes at position (\d+)$"#)]
async fn comes(world: &mut World, id: String, position: u64) {
    let event = json!({
        "position": position, "event_id": format!("e-{position}"), "type": "OrderConfirmed",
        "causation_id": if id.is_empty() { "another" } else { &id },
    });
    let row = json!({ "position": position, "durable_position": 5, "events": [event] });
    window(world).js(&format!("window.made.take({row})")).await;
}

#[when(expr = "{int} ms pass on the page")]
async fn pass(world: &mut World, ms: u64) {
    window(world).js(&format!("window.made.expire({ms})")).await;
}

#[then(expr = "the page's row is {string}")]
async fn row_is(world: &mut World, status: String) {
    let shown = window(world).js("return window.made.over({ status: 'folded' }).status").await;
    assert_eq!(shown, status);
}

#[then(expr = "the page is told {string}")]
async fn told(world: &mut World, kind: String) {
    let told = window(world).js("return window.told.join()").await;
    assert_eq!(told, kind);
}
