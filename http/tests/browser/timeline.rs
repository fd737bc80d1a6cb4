//! The timeline: drawn from a pool, moved by keys, quick with thousands of spans.

use crate::browse;

#[test]
fn zooms_thousands_of_spans_by_keyboard() {
    browse(async |site, page| {
        site.start("fan_out", "wide-1", "7000").await;
        site.result("wide-1").await;
        page.go("/ui/workflows/wide-1").await;
        page.until("document.querySelector('.timeline').dataset.loaded === '7001'").await;
        page.until_text("#span-count", "7,001 spans").await;
        let rows = page.js("return document.querySelectorAll('.tl-row').length").await;
        assert!(rows.as_u64().unwrap() < 40, "{rows} rows for 7,001 spans");

        page.press("t").await;
        page.until("document.activeElement.matches('.timeline')").await;
        page.js("window.full = document.querySelector('.timeline').dataset.range").await;
        page.press("++").await;
        page.until("document.querySelector('.timeline').dataset.range !== window.full").await;
        page.until("new URLSearchParams(location.search).has('t')").await;
        page.press("0").await;
        page.until("document.querySelector('.timeline').dataset.range === window.full").await;

        // Number 499 and every five hundredth after it failed.
        let chosen =
            "document.getElementById(document.activeElement.getAttribute('aria-activedescendant'))";
        page.press("n").await;
        page.until(&format!("{chosen}.textContent.includes('unlucky')")).await;
        page.press("n").await;
        page.press("p").await;
        page.press("p").await;
        page.until(&format!("{chosen}.textContent.includes('unlucky')")).await;
        page.press("\u{e010}").await;
        page.until(&format!("{chosen}.getAttribute('aria-rowindex') === '7001'")).await;
        page.press("\u{e007}").await;
        page.until("document.querySelector('#detail')").await;
        page.until("document.activeElement.matches('.timeline')").await;

        // Forty zooms in forty frames: none may take long.
        let median = median_frame(page).await;
        assert!(median < 100.0, "median frame: {median} ms");
    });
}

/// Frames of zooming, in milliseconds, the median.
async fn median_frame(page: &crate::page::Page) -> f64 {
    let median = page
        .until(
            "window.slowest ?? (window.measuring ??= (async () => {
               const grid = document.querySelector('.timeline');
               const frame = () => new Promise(requestAnimationFrame);
               const times = [];
               for (let i = 0; i < 40; i++) {
                 const began = performance.now();
                 grid.dispatchEvent(new KeyboardEvent('keydown', { key: i % 8 < 4 ? '+' : '-' }));
                 await frame();
                 times.push(performance.now() - began);
               }
               times.sort((a, b) => a - b);
               window.slowest = times[Math.floor(times.length / 2)];
             })(), null)",
        )
        .await;
    median.as_f64().unwrap()
}

#[test]
fn a_hundred_thousand_events_freeze_nothing() {
    browse(async |site, page| {
        site.start("fan_out", "huge-1", "33333").await;
        site.result("huge-1").await;
        page.go("/ui/workflows/huge-1").await;
        page.until("document.querySelector('.timeline').dataset.loaded === '33334'").await;
        page.until_text("#run-head", "100001 events").await;
        let rows = page.js("return document.querySelectorAll('tr, .tl-row').length").await;
        assert!(rows.as_u64().unwrap() < 300, "{rows} rows for 100,001 events");
        let median = median_frame(page).await;
        println!("100,001 events: half of the frames of zooming took at most {median} ms");
        assert!(median < 100.0, "median frame: {median} ms");
        // The history's next page, and its end, without a long task of the page's scripts.
        page.js("window.longest = { ms: 0, scripts: [] };
             new PerformanceObserver((list) => {
               for (const frame of list.getEntries()) {
                 if (frame.duration <= window.longest.ms) continue;
                 const scripts = frame.scripts.map((script) =>
                   `${script.invoker} ${script.sourceURL} ${script.sourceFunctionName} ${script.duration} ms, layout ${script.forcedStyleAndLayoutDuration}`);
                 const render = frame.renderStart ? frame.startTime + frame.duration - frame.renderStart : 0;
                 window.longest = { ms: frame.duration, blocking: frame.blockingDuration, render, scripts };
               }
             }).observe({ type: 'long-animation-frame' })")
            .await;
        page.click("#run-history a[rel=next]").await;
        page.until("new URLSearchParams(location.search).has('from')").await;
        page.until_text("#run-history .pager", "of 33335 entries").await;
        page.click("#run-history [data-key=order]").await;
        page.until_text("#run-history tbody", "Workflow completed").await;
        let longest = page.js("return window.longest").await;
        assert!(longest["ms"].as_f64().unwrap() < 500.0, "a frame of {longest}");
    });
}

#[test]
fn grows_while_the_run_goes_on() {
    browse(async |site, page| {
        site.start("approval", "grow-1", r#"{"id":"1","amount":1}"#).await;
        page.go("/ui/workflows/grow-1").await;
        page.until("document.querySelector('.timeline').dataset.loaded === '3'").await;
        page.until("document.querySelector('.tl-bar.pending.tone-waiting')").await;
        site.signal("grow-1", "other", "1").await;
        page.until("document.querySelector('.timeline').dataset.loaded === '4'").await;
        page.until_text(".tl-rows", "other").await;
    });
}
