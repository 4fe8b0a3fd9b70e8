//! The forms of URLs, good and bad.

use super::*;

#[track_caller]
fn parsed(text: &str) -> Target {
    Target::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

#[test]
fn every_form_of_url() {
    for (text, shown) in [
        ("ws://example.com", "ws://example.com/"),
        ("wss://example.com/a/B?c=D", "wss://example.com/a/B?c=D"),
        ("WSS://Example.COM:443/x", "wss://example.com/x"),
        ("http://example.com:80/x", "ws://example.com/x"),
        ("https://example.com/x", "wss://example.com/x"),
        ("localhost:8080/chat", "ws://localhost:8080/chat"),
        (
            "example.com/chat?next=http://a/",
            "ws://example.com/chat?next=http://a/",
        ),
        ("127.0.0.1:9", "ws://127.0.0.1:9/"),
        ("[::1]:9/x", "ws://[::1]:9/x"),
        (":8080/x", "ws://localhost:8080/x"),
        (":8080", "ws://localhost:8080/"),
        ("u:p@host:1/x", "ws://host:1/x"),
        ("ws://h/?q=%20&x", "ws://h/?q=%20&x"),
    ] {
        assert_eq!(parsed(text).to_string(), shown, "{text}");
    }
}

#[test]
fn an_ipv6_address_may_have_a_zone_which_is_not_sent() {
    for (text, zone, shown, authority) in [
        (
            "ws://[fe80::1%25eth0]/",
            "eth0",
            "ws://[fe80::1%25eth0]/",
            "[fe80::1]",
        ),
        (
            "ws://[fe80::1%eth0]:81/x",
            "eth0",
            "ws://[fe80::1%25eth0]:81/x",
            "[fe80::1]:81",
        ),
        (
            "[fe80::1%25lo]:8080",
            "lo",
            "ws://[fe80::1%25lo]:8080/",
            "[fe80::1]:8080",
        ),
        (
            "[::1%1]:8/?a=%25",
            "1",
            "ws://[::1%251]:8/?a=%25",
            "[::1]:8",
        ),
        (
            "ws://[fe80::1%2525]/",
            "25",
            "ws://[fe80::1%2525]/",
            "[fe80::1]",
        ),
        (
            "ws://[fe80::1%25]/",
            "25",
            "ws://[fe80::1%2525]/",
            "[fe80::1]",
        ),
        (
            "ws://[fe80::1%255]/",
            "5",
            "ws://[fe80::1%255]/",
            "[fe80::1]",
        ),
        (
            "wss://[fe80::1%25eth0%2E5]/",
            "eth0.5",
            "wss://[fe80::1%25eth0.5]/",
            "[fe80::1]",
        ),
        (
            "wss://[FE80::1%25wl%20an]/",
            "wl an",
            "wss://[fe80::1%25wl%20an]/",
            "[fe80::1]",
        ),
        (
            "ws://u:p@[fe80::1%25en0]/",
            "en0",
            "ws://[fe80::1%25en0]/",
            "[fe80::1]",
        ),
    ] {
        let target = parsed(text);
        assert_eq!(target.zone.as_deref(), Some(zone), "{text}");
        assert_eq!(target.to_string(), shown, "{text}");
        assert_eq!(target.authority(), authority, "{text}");
        // What is shown can be parsed again.
        assert_eq!(parsed(shown).to_string(), shown);
    }
    assert_eq!(parsed("ws://[::1]/").zone, None);
    assert_eq!(parsed("ws://h/[::1%25a]").zone, None);
    for text in [
        "ws://[fe80::1%]/",
        "ws://[fe80::1%25a%2Fb]/",
        "ws://[fe80::1%25%FF]/",
        "ws://[fe80::1%25%0A]/",
        "ws://[nonsense%25eth0]/",
        "ws://[fe80::1%25eth0/",
        "ws://127.0.0.1%25eth0/",
    ] {
        assert_eq!(Target::parse(text).unwrap_err().exit, Exit::Url, "{text}");
    }
}

#[test]
fn userinfo_is_decoded_and_never_shown() {
    let target = parsed("wss://ann:s%40crt@h/");
    let user = target.user.clone().unwrap();
    assert_eq!(
        (user.name.as_str(), user.password.unwrap().expose()),
        ("ann", "s@crt")
    );
    assert_eq!(target.to_string(), "wss://h/");
    assert!(!format!("{target:?}").contains("s@crt"));
}

#[test]
fn a_secret_parameter_is_not_shown_but_sent() {
    let target = parsed("ws://h/x?a=1&token=hunter2&Api_Key=k");
    assert_eq!(
        target.to_string(),
        "ws://h/x?a=1&token=[redacted]&Api_Key=[redacted]"
    );
    assert_eq!(target.path_and_query(), "/x?a=1&token=hunter2&Api_Key=k");
    assert_eq!(target.shown(&Redactor::default()), target.to_string());
    let whole = "wss://ann:s%40crt@h:1/x?a=1&token=hunter2";
    assert_eq!(parsed(whole).shown(&Redactor::new(true)), whole);
    assert_eq!(parsed("ann@h/").shown(&Redactor::new(true)), "ws://ann@h/");
    let redactor = Redactor::default();
    target.hide_secrets(&redactor);
    assert_eq!(
        redactor.redact("GET /x?token=hunter2"),
        "GET /x?token=[redacted]"
    );
}

#[test]
fn a_parameter_is_added_encoded() {
    assert_eq!(
        parsed("ws://h/x")
            .with_parameter("token", "a b&c")
            .path_and_query(),
        "/x?token=a+b%26c"
    );
    assert_eq!(
        parsed("ws://h/x?y=1")
            .with_parameter("t", "z")
            .path_and_query(),
        "/x?y=1&t=z"
    );
}

#[test]
fn invalid_urls() {
    for (text, exit, word) in [
        ("serv", Exit::Usage, "subcommand"),
        ("", Exit::Usage, "URL"),
        ("ws://h/#frag", Exit::Url, "fragment"),
        ("ftp://h/", Exit::Url, "ftp"),
        ("ws:///x", Exit::Url, "host"),
        ("ws://h:99999/", Exit::Url, "port"),
        ("ws://h/\r\nX: y", Exit::Url, "control"),
        ("ws://a b/", Exit::Url, "space"),
    ] {
        let error = Target::parse(text).unwrap_err();
        assert_eq!(error.exit, exit, "{text}: {error}");
        assert!(error.to_string().contains(word), "{text}: {error}");
    }
    assert!(
        !Target::parse("ws://u:secret@h:x/")
            .unwrap_err()
            .to_string()
            .contains("secret")
    );
}

#[test]
fn a_secret_parameter_is_known_however_it_is_written() {
    for (query, shown) in [
        ("token=s3cret", "token=[redacted]"),
        ("a=1&Token=s3cret&b=2", "a=1&Token=[redacted]&b=2"),
        ("%74oken=s3cret", "%74oken=[redacted]"),
        ("+token+=s3cret", "+token+=[redacted]"),
        ("?token=s3cret", "?token=[redacted]"),
        ("token%3Ds3cret", "token%3D[redacted]"),
        ("a=b;token=s3;cret&c=d", "a=b;token=[redacted]&c=d"),
        ("tokens=3&a;b=c&=&;", "tokens=3&a;b=c&=&;"),
        ("a%3dtoken=1", "a%3dtoken=1"),
    ] {
        assert_eq!(shown_target(&format!("/x?{query}")), format!("/x?{shown}"));
    }
}

#[test]
fn a_target_is_shown_without_userinfo() {
    for (target, shown) in [
        (
            "http://user:s3cret@host:80/x?token=1",
            "http://host:80/x?token=[redacted]",
        ),
        ("http://user:s3cret@host", "http://host"),
        ("/x@y://a@b/c", "/x@y://a@b/c"),
        ("*", "*"),
    ] {
        assert_eq!(shown_target(target), shown);
    }
}

#[test]
fn a_url_that_is_a_secret_hides_its_parts_but_no_words() {
    let url = "wss://h/websocket/socket.io/AbCd1234/correct-horse-battery?transport=websocket&signature-of=a1b2c3d4";
    let redactor = Redactor::default();
    Target::parse(url).unwrap().hide(&redactor);
    for (text, expected) in [
        ("Upgrade: websocket", "Upgrade: websocket"),
        ("transport socket.io", "transport socket.io"),
        ("signature-of", "signature-of"),
        ("AbCd1234 and a1b2c3d4", "[redacted] and [redacted]"),
        ("correct-horse-battery", "[redacted]"),
    ] {
        assert_eq!(redactor.redact(text), expected);
    }
}
