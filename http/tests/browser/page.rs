//! A browser window: goes to pages, waits for what they show, presses and types.

use std::net::SocketAddr;
use std::time::Instant;

use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::driver::Driver;
use crate::site::{PATIENCE, Site};
use crate::wire;

/// One window in a browser of its own.
pub(crate) struct Page {
    client: Client,
    driver: Driver,
    base: String,
    _profile: TempDir,
}

impl Page {
    pub(crate) async fn open(site: &Site) -> Self {
        let driver = Driver::start();
        let profile = TempDir::new().unwrap();
        let mut args: Vec<String> = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-quic",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--disable-dev-shm-usage",
            "--window-size=1440,1000",
        ]
        .map(String::from)
        .into();
        args.push(format!("--user-data-dir={}", profile.path().display()));
        let capabilities = json!({
            "goog:chromeOptions": { "args": args },
            "goog:loggingPrefs": { "browser": "ALL" },
        });
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities.as_object().unwrap().clone())
            .connect(&format!("http://127.0.0.1:{}", driver.port))
            .await
            .expect("chromium starts");
        Self { client, driver, base: site.url(""), _profile: profile }
    }

    /// Goes to a page and waits until it is kept up to date.
    pub(crate) async fn go(&self, path: &str) {
        self.client.goto(&format!("{}{path}", self.base)).await.unwrap();
        self.until("document.querySelector('#live')?.dataset.state === 'live'").await;
    }

    /// Goes to a page, whatever it is.
    pub(crate) async fn visit(&self, path: &str) {
        self.client.goto(&format!("{}{path}", self.base)).await.unwrap();
    }

    /// What a script returns.
    pub(crate) async fn js(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    /// Waits in the browser until an expression holds, and says which one does not.
    #[track_caller]
    pub(crate) fn until<'a>(&'a self, expression: &str) -> impl Future<Output = Value> + use<'a> {
        let place = std::panic::Location::caller();
        let expression = expression.to_owned();
        async move {
            let script = format!(
                "const done = arguments[arguments.length - 1], end = Date.now() + 10000;
                 (function check() {{
                   let value; try {{ value = ({expression}); }} catch (error) {{ value = null; }}
                   if (value) done(value);
                   else if (Date.now() > end) done(null);
                   else setTimeout(check, 20);
                 }})();"
            );
            let began = Instant::now();
            while began.elapsed() < PATIENCE {
                // An error is a page that was left while it was asked: ask the next one.
                if let Ok(value) = self.client.execute_async(&script, Vec::new()).await
                    && !value.is_null()
                {
                    return value;
                }
            }
            panic!("{place}: never came true: {expression}");
        }
    }

    /// Waits for a text anywhere in an element.
    #[track_caller]
    pub(crate) fn until_text<'a>(
        &'a self,
        css: &str,
        text: &str,
    ) -> impl Future<Output = Value> + use<'a> {
        self.until(&format!("document.querySelector({css:?})?.textContent.includes({text:?})"))
    }

    pub(crate) async fn click(&self, css: &str) {
        let element = self.client.wait().at_most(PATIENCE).for_element(Locator::Css(css)).await;
        element.unwrap().click().await.unwrap();
    }

    /// Types into an element.
    pub(crate) async fn keys(&self, css: &str, text: &str) {
        let element = self.client.wait().at_most(PATIENCE).for_element(Locator::Css(css)).await;
        element.unwrap().send_keys(text).await.unwrap();
    }

    /// Presses keys wherever the focus is.
    pub(crate) async fn press(&self, text: &str) {
        self.client.active_element().await.unwrap().send_keys(text).await.unwrap();
    }

    pub(crate) async fn back(&self) {
        self.client.back().await.unwrap();
    }

    pub(crate) async fn reload(&self) {
        self.client.refresh().await.unwrap();
    }

    /// The address after the server's name.
    pub(crate) async fn path(&self) -> String {
        let url = self.client.current_url().await.unwrap().to_string();
        url.strip_prefix(&self.base).unwrap_or(&url).to_owned()
    }

    /// Errors that the console shows since the last call.
    pub(crate) async fn console_errors(&self) -> Vec<String> {
        let session = self.client.session_id().await.unwrap().unwrap();
        let driver = SocketAddr::from(([127, 0, 0, 1], self.driver.port));
        let path = format!("/session/{session}/se/log");
        let kind = [("content-type", "application/json")];
        let answer = wire::send(driver, "POST", &path, &kind, r#"{"type":"browser"}"#).await;
        let log: Value = serde_json::from_str(&answer.body).unwrap();
        let entries = log["value"].as_array().expect("a log").iter();
        entries
            .filter(|entry| entry["level"] == "SEVERE")
            .map(|entry| entry["message"].to_string())
            .collect()
    }

    /// For a test that fails: where it was.
    pub(crate) async fn tell_what_it_shows(&self) {
        let text = self
            .client
            .execute("return location.href + '\\n' + document.body.innerText", Vec::new());
        if let Ok(Value::String(text)) = text.await {
            eprintln!("--- the page:\n{text}\n---");
        }
    }

    pub(crate) async fn close(&self) {
        // The driver ends the browser with the session.
        let _ = self.client.clone().close().await;
    }
}
