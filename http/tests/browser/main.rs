//! The inspector in a real browser against a real server. Needs Chromium and its driver; without
//! them every test fails and says so.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

mod access;
mod batches;
mod desks;
mod driver;
mod events;
mod forms;
mod live;
mod migrations;
mod namespaces;
mod notes;
mod operating;
mod page;
mod queues;
mod relations;
mod run;
mod runs;
mod schedules;
mod site;
mod theme;
mod timeline;
#[path = "../travel/mod.rs"]
mod travel;
mod wire;
mod worker;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use everstep::Worker;
use everstep::access::Tokens;
use page::Page;
use site::Site;

/// Runs a test with a server and a browser of its own, and closes both whatever happens. The
/// browser's console must stay free of errors.
fn browse(test: impl AsyncFnOnce(&mut Site, &Page)) {
    browse_with(None, test);
}

/// The same, of a server that asks for these tokens.
fn browse_with(tokens: Option<Tokens>, test: impl AsyncFnOnce(&mut Site, &Page)) {
    browse_at(Site::open_with(tokens), test);
}

/// The same, of a server with this worker.
fn browse_as(worker: fn() -> Worker, test: impl AsyncFnOnce(&mut Site, &Page)) {
    browse_at(Site::open_as(worker, None), test);
}

fn browse_at(site: impl Future<Output = Site>, test: impl AsyncFnOnce(&mut Site, &Page)) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut site = runtime.block_on(site);
    let page = runtime.block_on(Page::open(&site));
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            test(&mut site, &page).await;
            let errors = page.console_errors().await;
            assert!(errors.is_empty(), "console: {errors:#?}");
        });
    }));
    if outcome.is_err() {
        runtime.block_on(page.tell_what_it_shows());
    }
    runtime.block_on(async {
        page.close().await;
        site.close().await;
    });
    if let Err(panic) = outcome {
        resume_unwind(panic);
    }
}
