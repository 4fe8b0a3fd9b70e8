//! What is offered, answered, accepted and refused.

use proptest::prelude::*;

use super::grammar::Parameter;
use super::*;

const NONE: Agreed = Agreed {
    server_no_context_takeover: false,
    client_no_context_takeover: false,
    server_max_window_bits: 15,
    client_max_window_bits: 15,
};

/// Negotiated with these windows, the server's first, and context takeover in both directions.
fn windows(server: u8, client: u8) -> Agreed {
    Agreed {
        server_max_window_bits: server,
        client_max_window_bits: client,
        ..NONE
    }
}

/// Negotiated with these no_context_takeover parameters, the server's first, and full windows.
fn takeovers(server: bool, client: bool) -> Agreed {
    Agreed {
        server_no_context_takeover: server,
        client_no_context_takeover: client,
        ..NONE
    }
}

/// The options that request every parameter.
const EVERYTHING: Options = Options {
    compress: true,
    server_no_context_takeover: true,
    client_no_context_takeover: true,
    server_max_window_bits: Some(10),
    client_max_window_bits: Some(12),
};

#[test]
fn the_grammar_of_the_header() {
    let read = |text: &str| -> String {
        let value =
            |value: &Option<String>| value.as_ref().map_or(String::new(), |v| format!("={v}"));
        let parameter = |p: &Parameter<'_>| format!(";{}{}", p.name, value(&p.value));
        let extension = |e: &Extension<'_>| {
            let parameters: String = e.parameters.iter().map(parameter).collect();
            format!("{}{parameters}", e.name)
        };
        match parse(text) {
            Ok(list) => list.iter().map(extension).collect::<Vec<_>>().join("|"),
            Err(why) => why,
        }
    };
    for (text, expected) in [
        ("", ""),
        (" , ,\t", ""),
        ("a", "a"),
        ("a, b,,c;d", "a|b|c;d"),
        ("\ta ; b = c;d\t,e ", "a;b=c;d|e"),
        ("a;b=\"c\"", "a;b=c"),
        ("a; b = \"1\\0\" ;c", "a;b=10;c"),
        ("a;b=\"c,d\"", "it is malformed at '\"c,d\"'"),
        ("a;b=\"c;d\"", "it is malformed at '\"c;d\"'"),
        ("a;b=\"\"", "it is malformed at '\"\"'"),
        ("a;b=\"c", "it is malformed at '\"c'"),
        ("a;b=\"c\\", "it is malformed at '\"c\\'"),
        ("a;b=\"c\\\"", "it is malformed at '\"c\\\"'"),
        ("a;b=\"c\"d", "it is malformed at 'd'"),
        ("a b", "it is malformed at 'b'"),
        ("a;", "it ends too early"),
        ("a;b=", "it ends too early"),
        ("a;;b", "it is malformed at ';b'"),
        ("a;,b", "it is malformed at ',b'"),
        ("a=b", "it is malformed at '=b'"),
        (";a", "it is malformed at ';a'"),
        ("\"a\"", "it is malformed at '\"a\"'"),
        ("a;b=\u{e9}", "it is malformed at '\u{e9}'"),
        ("a;b=\"\u{e9}\"", "it is malformed at '\"\u{e9}\"'"),
    ] {
        let read = read(text);
        let read = read
            .strip_suffix(" (RFC 6455 section 9.1)")
            .unwrap_or(&read);
        assert_eq!(read, expected, "{text:?}");
    }
}

#[test]
fn the_offer_has_the_requested_parameters() {
    for (options, expected) in [
        (
            Options::default(),
            Some("permessage-deflate; client_max_window_bits"),
        ),
        (
            EVERYTHING,
            Some(
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
                 server_max_window_bits=10; client_max_window_bits=12",
            ),
        ),
        (
            Options {
                compress: false,
                ..EVERYTHING
            },
            None,
        ),
    ] {
        assert_eq!(offer(&options).as_deref(), expected);
    }
}

#[test]
fn answers_to_the_default_offer() {
    let offered = offer(&Options::default()).unwrap();
    for (answer, expected) in [
        ("permessage-deflate", NONE),
        (
            "PerMessage-Deflate;Client_Max_Window_Bits=9",
            windows(15, 9),
        ),
        (" ,permessage-deflate,", NONE),
        (
            "permessage-deflate; server_max_window_bits=12; client_max_window_bits=12",
            windows(12, 12),
        ),
        (
            "permessage-deflate; server_max_window_bits=8",
            windows(8, 15),
        ),
        (
            "permessage-deflate; client_max_window_bits=\"8\"",
            windows(15, 8),
        ),
        (
            "permessage-deflate; client_max_window_bits=15; server_max_window_bits=15",
            NONE,
        ),
        (
            "permessage-deflate; server_no_context_takeover",
            takeovers(true, false),
        ),
        (
            "permessage-deflate; client_no_context_takeover",
            takeovers(false, true),
        ),
    ] {
        let agreed = accept(&offered, &Options::default(), answer);
        assert_eq!(agreed, Ok(Some(expected)), "{answer}");
    }
    assert_eq!(accept(&offered, &Options::default(), ""), Ok(None));
}

#[test]
fn answers_to_other_offers() {
    let limited = Options {
        client_max_window_bits: Some(10),
        client_no_context_takeover: true,
        ..Options::default()
    };
    let ours = Agreed {
        client_no_context_takeover: true,
        ..windows(15, 10)
    };
    for (offered, options, answer, expected) in [
        // RFC 7692 §7.1.3: one offer, and one that falls back to another.
        (
            "permessage-deflate; client_max_window_bits; server_max_window_bits=10",
            Options::default(),
            "permessage-deflate; server_max_window_bits=10",
            windows(10, 15),
        ),
        (
            "permessage-deflate; client_max_window_bits; server_max_window_bits=10, \
             permessage-deflate; client_max_window_bits",
            Options::default(),
            "permessage-deflate",
            NONE,
        ),
        (
            "permessage-deflate; server_max_window_bits=10",
            Options::default(),
            "permessage-deflate; server_max_window_bits=9",
            windows(9, 15),
        ),
        // What the offer says about our own side is binding without an answer; so are our options.
        (
            "permessage-deflate; client_max_window_bits=11; client_no_context_takeover",
            Options::default(),
            "permessage-deflate",
            Agreed {
                client_no_context_takeover: true,
                ..windows(15, 11)
            },
        ),
        ("permessage-deflate", limited, "permessage-deflate", ours),
        (
            "permessage-deflate; client_max_window_bits",
            limited,
            "permessage-deflate; client_max_window_bits=12",
            ours,
        ),
        (
            "x-foo, permessage-deflate",
            limited,
            "permessage-deflate",
            ours,
        ),
    ] {
        let agreed = accept(offered, &options, answer);
        assert_eq!(agreed, Ok(Some(expected)), "{offered} -> {answer}");
    }
}

/// Every row is an error that quotes the answer and says what is wrong with it.
#[test]
fn invalid_answers() {
    let everything = offer(&EVERYTHING).unwrap();
    let plain = "permessage-deflate";
    let default = "permessage-deflate; client_max_window_bits";
    for (offered, answer, why) in [
        (default, "x-foo", ", which was never offered"),
        (
            default,
            "permessage-deflate, x-foo",
            ", which was never offered",
        ),
        ("", plain, ", which was never offered"),
        (
            "x-foo",
            "permessage-deflate; a",
            ", which was never offered",
        ),
        (
            "x-foo",
            "x-foo",
            ", offered by your -H, which wirecat does not support",
        ),
        (
            default,
            "permessage-deflate, permessage-deflate",
            ", but permessage-deflate may appear only once (RFC 7692 section 5)",
        ),
        (
            default,
            "permessage-deflate; foo=1",
            ", but foo is not a parameter of permessage-deflate (RFC 7692 section 7.1)",
        ),
        (
            default,
            "permessage-deflate; client_max_window_bits",
            ", but client_max_window_bits has no value, but needs one from 8 to 15 (RFC 7692 section 7.1.2.2)",
        ),
        (
            default,
            "permessage-deflate; server_max_window_bits",
            ", but server_max_window_bits has no value, but needs one from 8 to 15 (RFC 7692 section 7.1.2.1)",
        ),
        (
            default,
            "permessage-deflate; client_max_window_bits=16",
            ", but client_max_window_bits must be 8 to 15, but is '16' (RFC 7692 section 7.1.2.2)",
        ),
        (
            default,
            "permessage-deflate; server_max_window_bits=7",
            ", but server_max_window_bits must be 8 to 15, but is '7' (RFC 7692 section 7.1.2.1)",
        ),
        (
            default,
            "permessage-deflate; server_max_window_bits=08",
            ", but server_max_window_bits must be 8 to 15, but is '08' (RFC 7692 section 7.1.2.1)",
        ),
        (
            default,
            "permessage-deflate; server_max_window_bits=+9",
            ", but server_max_window_bits must be 8 to 15, but is '+9' (RFC 7692 section 7.1.2.1)",
        ),
        (
            default,
            "permessage-deflate; server_no_context_takeover=true",
            ", but server_no_context_takeover takes no value, not 'true' (RFC 7692 section 7.1.1.1)",
        ),
        (
            default,
            "permessage-deflate; client_no_context_takeover=1",
            ", but client_no_context_takeover takes no value, not '1' (RFC 7692 section 7.1.1.2)",
        ),
        (
            default,
            "permessage-deflate; client_no_context_takeover; CLIENT_NO_CONTEXT_TAKEOVER",
            ", but client_no_context_takeover appears more than once (RFC 7692 section 7.1.1.2)",
        ),
        (
            default,
            "permessage-deflate; server_max_window_bits=9; server_max_window_bits=9",
            ", but server_max_window_bits appears more than once (RFC 7692 section 7.1.2.1)",
        ),
        (
            plain,
            "permessage-deflate; client_max_window_bits=15",
            ", but client_max_window_bits was never offered (RFC 7692 section 7.1.2.2)",
        ),
        (
            &everything,
            "permessage-deflate; server_max_window_bits=10",
            ", but server_no_context_takeover was offered but is not in it (RFC 7692 section 7.1.1.1)",
        ),
        (
            &everything,
            "permessage-deflate; server_no_context_takeover",
            ", but server_max_window_bits was offered as 10 but is not in it (RFC 7692 section 7.1.2.1)",
        ),
        (
            &everything,
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=11",
            ", but server_max_window_bits may be 10 at most, as offered (RFC 7692 section 7.1.2.1)",
        ),
        (
            &everything,
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=10; client_max_window_bits=13",
            ", but client_max_window_bits may be 12 at most, as offered (RFC 7692 section 7.1.2.2)",
        ),
        (
            "permessage-deflate; foo",
            plain,
            ", but in your offer foo is not a parameter of permessage-deflate (RFC 7692 section 7.1)",
        ),
        (
            "permessage-deflate; foo=",
            plain,
            ", but the offer in your -H cannot be parsed: it ends too early (RFC 6455 section 9.1)",
        ),
        (
            default,
            "permessage-deflate server_no_context_takeover",
            ", but it is malformed at 'server_no_context_takeover' (RFC 6455 section 9.1)",
        ),
    ] {
        let said = accept(offered, &Options::default(), answer).unwrap_err();
        assert!(said.ends_with(&format!("'{why}")), "{answer}: {said}");
        assert!(
            said.starts_with("the server chose the extension '"),
            "{said}"
        );
    }
}

#[test]
fn offers_are_answered() {
    let limited = Options {
        server_max_window_bits: Some(11),
        client_max_window_bits: Some(12),
        ..Options::default()
    };
    for (offers, options, answer) in [
        // RFC 7692 §7.1.3.
        (
            "permessage-deflate",
            Options::default(),
            "permessage-deflate",
        ),
        (
            "permessage-deflate; client_max_window_bits; server_max_window_bits=10",
            Options::default(),
            "permessage-deflate; server_max_window_bits=10",
        ),
        (
            "permessage-deflate; client_max_window_bits; server_max_window_bits=10, \
             permessage-deflate; client_max_window_bits",
            Options::default(),
            "permessage-deflate; server_max_window_bits=10",
        ),
        // Other offers are skipped.
        (
            "x-webkit-deflate-frame, x-foo; a=\"b\", Permessage-Deflate",
            Options::default(),
            "permessage-deflate",
        ),
        (
            "permessage-deflate; foo, permessage-deflate; server_max_window_bits=16, \
             permessage-deflate; server_no_context_takeover=1, permessage-deflate; server_max_window_bits, \
             permessage-deflate; client_max_window_bits; client_max_window_bits=9, \
             permessage-deflate; server_max_window_bits=\"9\"",
            Options::default(),
            "permessage-deflate; server_max_window_bits=9",
        ),
        // Context takeover, and the smaller of two windows.
        (
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
            Options::default(),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        ),
        (
            "permessage-deflate; client_max_window_bits=13",
            Options::default(),
            "permessage-deflate; client_max_window_bits=13",
        ),
        (
            "permessage-deflate",
            limited,
            "permessage-deflate; server_max_window_bits=11",
        ),
        (
            "permessage-deflate; client_max_window_bits; server_max_window_bits=12",
            limited,
            "permessage-deflate; server_max_window_bits=11; client_max_window_bits=12",
        ),
        (
            "permessage-deflate; client_max_window_bits=8; server_max_window_bits=8",
            limited,
            "permessage-deflate; server_max_window_bits=8; client_max_window_bits=8",
        ),
        (
            "permessage-deflate; client_max_window_bits",
            EVERYTHING,
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover; \
             server_max_window_bits=10; client_max_window_bits=12",
        ),
    ] {
        let (agreed, said) = super::answer(offers, &options).unwrap();
        assert_eq!(said, answer, "{offers}");
        assert_eq!(
            accept(offers, &Options::default(), &said),
            Ok(Some(agreed)),
            "{offers}"
        );
    }
}

#[test]
fn offers_are_declined() {
    for offers in [
        "",
        "x-foo",
        "permessage-deflate; foo",
        "permessage-deflate; server_max_window_bits",
        "permessage-deflate; client_max_window_bits=0",
        "permessage-deflate; client_no_context_takeover=\"1\"",
        "permessage-deflate; server_no_context_takeover; server_no_context_takeover",
        "x-foo; a=\"b, permessage-deflate",
        "permessage-deflate,,permessage-deflate foo",
    ] {
        assert_eq!(answer(offers, &Options::default()), None, "{offers}");
    }
    let unwilling = Options {
        compress: false,
        ..Options::default()
    };
    assert_eq!(answer("permessage-deflate", &unwilling), None);
}

#[test]
fn the_negotiated_parameters_are_described() {
    for (agreed, words) in [
        (
            windows(15, 12),
            "server window 15 bits, client window 12 bits; context takeover both ways",
        ),
        (
            takeovers(true, false),
            "server window 15 bits, client window 15 bits; context takeover by the client only",
        ),
        (
            takeovers(false, true),
            "server window 15 bits, client window 15 bits; context takeover by the server only",
        ),
        (
            takeovers(true, true),
            "server window 15 bits, client window 15 bits; no context takeover",
        ),
    ] {
        assert_eq!(agreed.to_string(), words);
    }
}

prop_compose! {
    fn options()(
        compress in prop::bool::weighted(0.9),
        server_no_context_takeover: bool,
        client_no_context_takeover: bool,
        server_max_window_bits in prop::option::of(8u8..=15),
        client_max_window_bits in prop::option::of(8u8..=15),
    ) -> Options {
        Options {
            compress,
            server_no_context_takeover,
            client_no_context_takeover,
            server_max_window_bits,
            client_max_window_bits,
        }
    }
}

proptest! {
    #[test]
    fn both_sides_agree(client in options(), server in options()) {
        let offered = offer(&client).unwrap_or_default();
        match answer(&offered, &server) {
            Some((agreed, said)) => {
                prop_assert_eq!(accept(&offered, &client, &said), Ok(Some(agreed)));
            }
            None => prop_assert!(!client.compress || !server.compress),
        }
    }

    #[test]
    fn no_header_value_panics(
        offered in "[a-e;,=\"\\\\ \u{e9}]{0,20}",
        said in "(permessage-deflate|[;,=\"\\\\ \u{e9}a15]|client_max_window_bits){0,8}",
    ) {
        let _ = accept(&offered, &Options::default(), &said);
        let _ = accept(&said, &Options::default(), &said);
        let _ = answer(&said, &Options::default());
    }
}
