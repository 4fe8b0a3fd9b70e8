//! The exchanges of `tests/exchanges/hub.txt` with a browser's WebSocket: in the page of a fresh server
//! each, in Chromium.

use serde_json::{Value, json};

use crate::exchanges::EXCHANGES;
use crate::support::redis::RedisServer;
use crate::support::serving::Serving;
use crate::support::webdriver::Browser;

/// What reads and runs an exchange, as node runs it too.
const STEPS: &str = include_str!("../peers/exchange_steps.mjs");

/// What only a browser needs.
const PAGE: &str = include_str!("../peers/exchange_page.js");

/// Whether a line needs something.
type Needs = fn(&str) -> bool;

/// What a page cannot do, and which lines need it.
const IMPOSSIBLE: &[(&str, Needs)] = &[
    ("sets a header of the handshake", |line| {
        line.starts_with("Authorization: ")
    }),
    ("sees the status of a refusal", |line| {
        line.starts_with("HTTP ")
    }),
    ("shows others an end without a Close", |line| {
        line.contains(r#""code":1006"#)
    }),
];

/// An exchange, with the line of its name.
struct Exchange {
    text: String,
}

impl Exchange {
    fn all() -> Vec<Exchange> {
        let text = std::fs::read_to_string(EXCHANGES).unwrap();
        let parts = text.split("\n### ").skip(1);
        parts
            .map(|part| Exchange {
                text: format!("### {part}"),
            })
            .collect()
    }

    fn name(&self) -> &str {
        self.text.lines().next().unwrap_or_default()
    }

    /// The options of its server.
    fn options(&self) -> Vec<&str> {
        let lines = self.text.lines();
        let options = lines.filter_map(|line| line.strip_prefix("# serve: "));
        options.flat_map(|options| options.split(' ')).collect()
    }

    /// Why a page cannot be the client.
    fn impossible(&self) -> Option<&'static str> {
        let needs = |is: Needs| self.text.lines().any(is);
        let mut kinds = IMPOSSIBLE.iter();
        kinds.find(|(_, is)| needs(*is)).map(|(why, _)| *why)
    }

    /// What went wrong, with these options of the server beside its own.
    #[track_caller]
    fn run(&self, browser: &Browser, store: &[String]) -> Option<String> {
        let store = store.iter().map(String::as_str);
        let options = ["--port", "0", "--silent"].into_iter().chain(store);
        let options: Vec<&str> = options.chain(self.options()).collect();
        let server = Serving::start(&options);
        browser.open(&format!("http://{}/", server.address()));
        let steps = STEPS.split("\nexport ").next().unwrap_or_default();
        let arguments = [json!(self.text), json!(server.urls[0])];
        match browser.run_async(&format!("{steps}\n{PAGE}"), &arguments) {
            Value::Null => None,
            error => Some(format!("{}: {error}", self.name())),
        }
    }
}

/// Runs all that a page can; `store` makes the options of a store that nothing is in yet.
#[track_caller]
fn run(store: impl Fn(usize) -> Vec<String>) {
    let browser = Browser::start();
    let (mut run, mut failed) = (0, Vec::new());
    for (number, exchange) in Exchange::all().iter().enumerate() {
        if let Some(why) = exchange.impossible() {
            println!("skipped, as no page {why}: {}", exchange.name());
            continue;
        }
        run += 1;
        failed.extend(exchange.run(&browser, &store(number)));
    }
    println!("{} of {run} exchanges", run - failed.len());
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

#[test]
#[ignore = "needs the Chromium of .ci/peers"]
fn in_memory_with_a_page() {
    run(|_| Vec::new());
}

#[test]
#[ignore = "needs the Chromium of .ci/peers"]
fn on_disk_with_a_page() {
    let folder = tempfile::tempdir().unwrap();
    run(|number| {
        let file = folder.path().join(format!("{number}.db"));
        vec!["--db".to_owned(), file.to_str().unwrap().to_owned()]
    });
}

#[test]
#[ignore = "needs the Chromium and the Redis of .ci/peers"]
fn on_redis_with_a_page() {
    let redis = RedisServer::start(&["--databases", "1000"]);
    run(|number| vec!["--redis".to_owned(), format!("{}/{number}", redis.url())]);
}

#[test]
fn a_page_can_run_most_of_them() {
    let all = Exchange::all();
    let impossible = all.iter().filter(|one| one.impossible().is_some());
    assert!(all.len() - impossible.count() >= 50);
}
