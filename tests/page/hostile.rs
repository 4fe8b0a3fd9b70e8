//! What the page does with messages that no hub should send.

use serde_json::{Value, json};

use super::endpoints::open;
use crate::support::server::serve;

/// Gives the page messages as from a hub, and returns what was thrown.
const RECEIVE: &str = "
    window.hit = () => { window.hits = 1; };
    const thrown = [];
    for (const text of arguments[0]) try { receive(text); } catch (error) { thrown.push([text, String(error)]); }
    return thrown";

/// Values of every kind, and those that convert themselves into something else.
fn values() -> Vec<Value> {
    let markup = "<img src=x onerror=hit()><script>hit()</script>";
    vec![
        json!(null),
        json!(true),
        json!(-1.5),
        json!(""),
        json!(markup),
        json!("\u{0}\u{1b}[31m\u{202e}\u{200b}\u{feff}"),
        json!("x".repeat(5000)),
        json!([]),
        json!([null, [], markup]),
        json!({}),
        json!({"toString": 1, "valueOf": null}),
        json!({"__proto__": {"user": markup}, "constructor": 1}),
    ]
}

#[test]
#[ignore = "needs the Chromium of .ci/peers"]
fn whatever_a_hub_sends_is_shown_as_text() {
    let server = serve();
    let browser = open(&server);
    let events = [
        "connected",
        "message",
        "ack",
        "join",
        "leave",
        "online",
        "offline",
        "closed",
        "clients",
        "history",
        "error",
        "__proto__",
        "constructor",
        "toString",
        "",
    ];
    let mut texts = vec![
        String::new(),
        "{".to_owned(),
        "[]".to_owned(),
        "1e999".to_owned(),
    ];
    for value in values() {
        texts.push(value.to_string());
        texts.push(json!({"event": value}).to_string());
        for event in events {
            texts.push(json!({"event": event, "data": value}).to_string());
            for member in ["user", "users", "rooms", "clients", "last", "epoch"] {
                let message = json!({"event": event, "data": {member: value}});
                texts.push(message.to_string());
            }
            for member in ["id", "from", "room", "ref", "detail"] {
                let message = json!({"event": event, member: value, "data": {"user": "x"}});
                texts.push(message.to_string());
            }
        }
    }
    for texts in texts.chunks(500) {
        let thrown = browser.run(RECEIVE, &[json!(texts)]);
        assert_eq!(thrown, json!([]));
    }
    browser.wait("!me.drawing && !hub.log.timer", &[]);
    let harm = "return [window.hits, document.querySelectorAll('img, #hub-log script').length,
        /[\\u0000\\u001b\\u202e\\u200b\\ufeff]/.test(document.body.innerText),
        document.querySelectorAll('#hub-log > div').length <= 1000,
        document.querySelectorAll('#rooms li').length <= 201]";
    assert_eq!(browser.run(harm, &[]), json!([null, 0, false, true, true]));
}

#[test]
#[ignore = "needs the Chromium of .ci/peers"]
fn a_crowd_is_listed_in_part() {
    let server = serve();
    let browser = open(&server);
    let users: Vec<String> = (0..5000).map(|n| format!("user {n}")).collect();
    let message = json!({"event": "clients", "data": {"users": users, "clients": 5001}});
    browser.run("receive(arguments[0])", &[json!(message.to_string())]);
    browser.wait_for("#presence", "5000 users, 5001 connections");
    browser.wait_for("#users li:last-child", "and 4800 more");
}

#[test]
#[ignore = "needs the Chromium of .ci/peers"]
fn emoji_and_words_are_as_they_were_written() {
    let server = serve();
    let browser = open(&server);
    for (text, shown) in [
        ("👩\u{200d}🚀 ❤\u{fe0f} 👍🏽", "👩\u{200d}🚀 ❤\u{fe0f} 👍🏽"),
        ("می\u{200c}خواهم", "می\u{200c}خواهم"),
        ("a\u{200c}b\u{200d}c", "a\\u{200c}b\\u{200d}c"),
        ("שלום \u{2066}x\u{2069}", "שלום \\u{2066}x\\u{2069}"),
        (
            "\u{e0041}\u{ad}\u{2028}\u{85}",
            "\\u{e0041}\\u{ad}\\u{2028}\\u{85}",
        ),
    ] {
        let seen = browser.run("return visibleName(arguments[0])", &[json!(text)]);
        assert_eq!(seen, shown);
    }
    let lone = browser.run("return visibleName('\\ud800 \\n') + visible('\\n\\t')", &[]);
    assert_eq!(lone, "\\u{d800} \\u{a}\n\t");
}
