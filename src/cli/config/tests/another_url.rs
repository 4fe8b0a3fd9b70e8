//! The same file and command line with another URL, as `/connect` asks for it.

use super::*;
use crate::cli::resolve::reconnect_to;
use crate::json::jq::Interrupt;
use crate::uri::Target;

#[test]
fn another_url_has_the_same_command_line() {
    let home = Home::with(LAYERS);
    let world = home.world("ws://first --close-timeout 3s", false);
    let other = reconnect_to(&world, "@p/x", &first(), &Interrupt::default()).unwrap();
    assert_eq!(other.plan.target.to_string(), "ws://h/x");
    assert_eq!(other.session.keepalive.close_timeout.as_secs(), 3);
    assert!(
        other
            .plan
            .request
            .headers
            .iter()
            .any(|it| matches!(it, HeaderLine::Set(name, _) if name == "X-D"))
    );
    let back = reconnect_to(
        &home.world("@p", false),
        "ws://other:81/y",
        &first(),
        &Interrupt::default(),
    )
    .unwrap();
    assert_eq!(back.plan.target.to_string(), "ws://other:81/y");
    assert!(
        !back
            .plan
            .request
            .headers
            .iter()
            .any(|it| matches!(it, HeaderLine::Set(name, _) if name == "X-D"))
    );
    let demo = reconnect_to(
        &home.world("demo", false),
        "ws://other/z",
        &first(),
        &Interrupt::default(),
    )
    .unwrap();
    assert_eq!(demo.plan.target.to_string(), "ws://other/z");
    for wrong in ["@nobody", "nonsense", "ws://"] {
        assert!(
            reconnect_to(&world, wrong, &first(), &Interrupt::default()).is_err(),
            "{wrong}"
        );
    }
}

/// The server that `/connect` leaves.
fn first() -> Target {
    Target::parse("ws://left/").unwrap()
}

#[test]
fn credentials_that_were_typed_are_not_for_another_server() {
    let home = Home::with("[profile.p]\nurl = \"ws://other/\"\ntoken = \"env:OWN\"\n");
    let connect = |arguments: &str, url: &str| {
        let world = home.world(arguments, false);
        reconnect_to(&world, url, &first(), &Interrupt::default()).unwrap()
    };
    let typed = "--token env:TYPED -E me.pem --pass abc -H X-Api-Key:abc -H X-Signature:abc -H X-Team:core ws://left/";
    let same = connect(typed, "ws://left/other");
    assert!(same.plan.credentials.token.is_some());
    assert_eq!(same.plan.request.headers.len(), 3);
    let other = connect(typed, "ws://other/");
    assert!(other.plan.credentials.token.is_none());
    assert_eq!(other.plan.request.headers.len(), 1);
    let note = other.notes.last().unwrap();
    assert!(
        note.starts_with("what --token, --cert, --header gave on the command line"),
        "{note}"
    );
    let own = connect("ws://left/", "@p");
    assert!(own.plan.credentials.token.is_some());
    assert!(own.notes.is_empty(), "{:?}", own.notes);
}

#[test]
fn what_was_typed_for_a_proxy_is_not_for_the_one_of_a_profile() {
    let home = Home::with("[profile.p]\nurl = \"ws://other/\"\nproxy = \"http://other:1\"\n");
    let typed =
        "-U u:pass --proxy-header Proxy-Authorization:abc --proxy-header X-Team:core ws://left/";
    let world = home.world(typed, false);
    let connect = |url: &str| reconnect_to(&world, url, &first(), &Interrupt::default()).unwrap();
    let other = connect("@p");
    let note = other.notes.last().unwrap();
    assert!(
        note.starts_with("what --proxy-user, --proxy-header gave on the command line"),
        "{note}"
    );
    let elsewhere = connect("ws://elsewhere/");
    assert!(elsewhere.notes.is_empty(), "{:?}", elsewhere.notes);
}
