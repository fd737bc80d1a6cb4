//! Light and dark, and whose time it is.

use crate::browse;

#[test]
fn both_themes_are_kept_and_drawn_by_the_server() {
    browse(async |site, page| {
        site.start("quick", "theme-1", r#"{"id":"1","amount":1}"#).await;
        site.result("theme-1").await;
        for path in ["/ui/workflows", "/ui/workflows/theme-1"] {
            for (theme, background) in
                [("dark", "rgb(15, 18, 22)"), ("light", "rgb(255, 255, 255)")]
            {
                page.go(path).await;
                page.click(&format!("button[data-set=theme][data-to={theme}]")).await;
                let drawn = format!(
                    "getComputedStyle(document.documentElement).backgroundColor === {background:?}"
                );
                page.until(&drawn).await;
                page.reload().await;
                page.until(&drawn).await;
                page.until(&format!("document.documentElement.dataset.theme === {theme:?}")).await;
            }
        }
        page.click("button[data-set=zone][data-to=local]").await;
        page.until("document.documentElement.dataset.zone === 'local'").await;
        page.until("!document.querySelector('time[data-as=full], time[data-as=date]').title.includes('UTC')").await;
        page.click("button[data-set=zone][data-to=utc]").await;
        page.until("document.querySelector('time').title.endsWith('UTC')").await;
    });
}
