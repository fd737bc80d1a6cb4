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
    const clock = performance.now.bind(performance);
    const look = () => {
      const now = status();
      if (now && now !== window.shown.at(-1)?.text) window.shown.push({ text: now, at: clock() });
    };
    look();
    new MutationObserver(look).observe(document.querySelector('#detail'), { subtree: true, childList: true, characterData: true });
    const warn = console.warn;
    window.warned = [];
    console.warn = (text) => { window.warned.push(text); warn(text); };
    window.asked = performance.getEntriesByType('resource').length;
    // When the page hears what became of its command.
    const send = window.fetch;
    window.fetch = async (url, init) => {
      const response = await send(url, init);
      if (String(url).includes('/api/v1/commands/')) window.answered = clock();
      return response;
    };
    // The page's own clock and its longest timer, which only a step moves on.
    const [begun, timer] = [clock(), window.setTimeout];
    window.ahead = 0;
    window.later = [];
    performance.now = () => begun + window.ahead;
    window.setTimeout = (code, ms, ...rest) => ms < 10000
      ? timer(code, ms, ...rest)
      : window.later.push({ code, at: performance.now() + ms });
    window.pass = (ms) => {
      window.ahead += ms;
      const due = window.later.filter((it) => it.at <= performance.now());
      window.later = window.later.filter((it) => !due.includes(it));
      for (const it of due) it.code();
    };
    return true;";

/// A command that leaves the page and arrives nowhere.
const LOSE: &str = "
    const fetched = window.fetch;
    window.lost = 0;
    window.fetch = (url, init) => {
      if (!String(url).includes('/api/v1/commands/')) return fetched(url, init);
      window.lost += 1;
      return new Promise(() => {});
    };
    return true;";

/// What the page asks for reaches nobody while `deaf`; a command arrives all the same, and its answer
/// gets lost.
const DEAFEN: &str = "
    const fetched = window.fetch;
    window.deaf = true;
    window.fetch = (url, init) => {
      if (!window.deaf) return fetched(url, init);
      if (!String(url).includes('/api/v1/commands/')) return Promise.reject(new TypeError('deaf'));
      void fetched(url, init);
      return new Promise(() => {});
    };
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
}

/// By marks of the page's own thread: how long either took is the machine's.
#[then(expr = "{string} was shown before the command was answered")]
async fn before_the_answer(world: &mut World, text: String) {
    let page = window(world);
    page.until("window.answered !== undefined").await;
    let marks =
        format!("return [window.shown.find((it) => it.text === {text:?}).at, window.answered];");
    let marks: [f64; 2] = serde_json::from_value(page.js(&marks).await).unwrap();
    assert!(marks[0] < marks[1], "shown at {} ms, answered at {} ms", marks[0], marks[1]);
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

#[given("what the page sends gets lost")]
async fn lose(world: &mut World) {
    window(world).js(LOSE).await;
}

/// What others are told of a new order comes behind it, so something happens to the order once more.
#[given(expr = "the newest event of all is one of order {string}, and on the page")]
async fn newest(world: &mut World, order: String) {
    let told = "/api/v1/events?types=OrderStatusForShippingChanged";
    let begun = Instant::now();
    while world.get(told).await["events"] == json!([]) {
        assert!(begun.elapsed() < PATIENCE, "nobody was told of `{order}`");
    }
    let item = json!({
        "orderId": order, "productId": "slide-rule", "quantity": 1, "unitPriceCents": 100,
    });
    world.command("AddOrderItem", item).await.expect(200);
    window(world).until_text("#detail-body", "slide-rule").await;
}

async fn on_the_shelf(world: &mut World, product: String) {
    let new = json!({ "productId": product, "name": product, "priceCents": 100 });
    world.command("CreateProduct", new).await.expect(200);
}

#[when(expr = "somebody else puts {string} into order {string}")]
async fn into_the_order(world: &mut World, product: String, order: String) {
    // The page has begun to expect something before anything else happens.
    window(world).until("window.lost === 1").await;
    let item =
        json!({ "orderId": order, "productId": product, "quantity": 1, "unitPriceCents": 100 });
    world.command("AddOrderItem", item).await.expect(200);
}

#[when(expr = "somebody else puts {string} on the shelf, and then into order {string}")]
async fn shelf_first(world: &mut World, product: String, order: String) {
    window(world).until("window.lost === 1").await;
    on_the_shelf(world, product.clone()).await;
    into_the_order(world, product, order).await;
}

#[when(regex = r"^(\d+) seconds? pass(?:es)? on the page$")]
async fn pass(world: &mut World, seconds: u64) {
    let page = window(world);
    page.until("window.lost === 1").await;
    page.js(&format!("window.pass({}); return true;", seconds * 1_000)).await;
}

/// The page sees that nobody is there before somebody is.
#[when("the shop of the page is killed and started again")]
async fn killed(world: &mut World) {
    let killed = world.kill().await;
    window(world).until("document.querySelector('#live').dataset.state === 'offline'").await;
    world.start_again(killed).await;
}

/// What it follows ends with the process, and is asked for in vain from then on.
#[given("the page hears nothing of its shop, which hears the page")]
async fn deafen(world: &mut World) {
    window(world).js(DEAFEN).await;
    killed(world).await;
}

#[when("the page hears its shop again")]
async fn hears(world: &mut World) {
    window(world).js("window.deaf = false; return true;").await;
}

/// What was shown is kept by the page itself, which a reload would have emptied.
#[then("the page is live again, and was not loaded again")]
async fn live_again(world: &mut World) {
    let page = window(world);
    page.until("document.querySelector('#live').dataset.state === 'live'").await;
    assert_eq!(page.js("return window.shown[0].text").await, "draft");
}

#[then(expr = "order {string} has become {string} at the shop")]
async fn has_become(world: &mut World, order: String, status: String) {
    let begun = Instant::now();
    while world.row("orderDetail", &order).await["status"] != status {
        assert!(begun.elapsed() < PATIENCE, "`{order}` is not {status}");
    }
}

#[then("nothing was rolled back")]
async fn nothing_rolled_back(world: &mut World) {
    assert_eq!(window(world).js("return window.warned").await, json!([]));
    assert_eq!(window(world).js("return document.querySelector('#notice').textContent").await, "");
}

#[then("the page comes with a skeleton in each table, and says that it is busy")]
async fn skeletons(world: &mut World) {
    let html = window(world).js("return (await fetch('/shop')).text()").await;
    let html = html.as_str().unwrap();
    let tables: Vec<&str> = html.split("<table").skip(1).collect();
    assert_eq!(tables.len(), 2, "{html}");
    let is_whole =
        |table: &&str| table.contains(r#"<tbody aria-busy="true"><tr class="skeleton">"#);
    assert!(tables.iter().all(is_whole), "{html}");
}

#[then("the window has rows in the place of skeletons, and is not busy")]
async fn loaded(world: &mut World) {
    let page = window(world);
    page.until("document.querySelectorAll('.skeleton, [aria-busy]').length === 0").await;
    page.until("document.querySelectorAll('#orders tbody tr').length === 1").await;
}
