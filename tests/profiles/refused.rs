//! Credentials that the server does not accept: the exit code, and what is said.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::profile;

/// What waits for a server that never agrees is an error.
const NEVER_MET: i32 = 1;

#[test]
fn in_the_handshake() {
    let run = profile("phoenix").plays("refused").run(&[]);
    run.exits(22).complains(&["403"]);
    let run = profile("signalr").plays("refused").run(&[]);
    run.exits(22).complains(&["401"]);
    let run = profile("ocpp").plays("refused").run(&["-u", "CP_1:wrong"]);
    run.exits(22).complains(&["401"]);
}

#[test]
fn with_a_close_code() {
    let init = r#"init={"Authorization":"Bearer wrong"}"#;
    let run = profile("graphql").plays("refused").run(&["--var", init]);
    run.exits(112).complains(&["4403", "Forbidden"]);
    let obs = profile("obs").plays("refused").env("OBS_PASSWORD", "wrong");
    obs.run(&[])
        .exits(112)
        .complains(&["4009", "Authentication failed."]);
    let discord = profile("discord")
        .plays("refused")
        .env("DISCORD_TOKEN", "wrong");
    // The profile reconnects, but not after this.
    discord
        .run(&[])
        .exits(112)
        .complains(&["4004", "Authentication failed."]);
    let centrifugo = profile("centrifugo")
        .plays("refused")
        .env("CENTRIFUGO_TOKEN", "wrong");
    centrifugo
        .run(&[])
        .exits(112)
        .complains(&["3500", "invalid token"]);
}

#[test]
fn with_a_message_and_a_close() {
    let connect = r#"connect={"token":"wrong"}"#;
    let run = profile("socketio")
        .plays("refused")
        .run(&["--var", connect]);
    run.exits(NEVER_MET)
        .complains(&["after strings | startswith(\"40{\")"]);
    assert!(run.stdout_text().contains("Not authorized"), "{run:?}");
    let run = profile("actioncable").plays("refused").run(&[]);
    run.exits(NEVER_MET).complains(&["welcome"]);
    assert!(run.stdout_text().contains("unauthorized"), "{run:?}");
    let run = profile("signalr").plays("no such protocol").run(&[]);
    run.exits(NEVER_MET).complains(&["after . == {}"]);
    let ha = profile("homeassistant")
        .plays("refused")
        .env("HA_TOKEN", "wrong");
    let run = ha.run(&[]);
    run.exits(NEVER_MET).complains(&["auth_ok"]);
    assert!(
        run.stdout_text().contains("Invalid access token"),
        "{run:?}"
    );
    let stomp = profile("stomp")
        .plays("refused")
        .env("STOMP_PASSCODE", "wrong");
    let run = stomp.run(&[]);
    run.exits(NEVER_MET).complains(&["CONNECTED"]);
    assert!(run.stdout_text().contains("Access refused"), "{run:?}");
}

#[test]
fn a_relay_of_nostr_wants_a_key() {
    let args = ["--var", r#"events={"kinds":[4]}"#];
    let run = profile("nostr").plays("refused").run(&args);
    run.exits(0);
    assert!(run.stdout_text().contains("auth-required"), "{run:?}");
    // What `nak` prints, without its signature.
    let folder = tempfile::tempdir().unwrap();
    let nak = folder.path().join("nak");
    let script = r#"#!/bin/sh
test "$*" = "event -k 22242 -c  -t challenge=a-challenge -t relay=ws://relay.example/" || exit 1
test "$NOSTR_SECRET_KEY" = nsec1 || exit 1
echo '{"kind":22242,"tags":[["challenge","a-challenge"],["relay","ws://relay.example/"]],"sig":"00"}'
"#;
    fs::write(&nak, script).unwrap();
    fs::set_permissions(&nak, fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!(
        "{}:{}",
        folder.path().display(),
        std::env::var("PATH").unwrap()
    );
    let signs = |exchange| {
        let profile = profile("nostr").named("nostr-auth").plays(exchange);
        profile.env("PATH", &path).env("NOSTR_SECRET_KEY", "nsec1")
    };
    let args = ["--until", r#".[0] == "EOSE""#];
    signs("with a key").run(&args).exits(0);
    let run = signs("a wrong key").run(&args);
    run.exits(NEVER_MET).complains(&["OK"]);
    assert!(run.stdout_text().contains("restricted"), "{run:?}");
}
