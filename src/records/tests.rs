use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::message::Kind;

const ALL: [Split; 4] = [Split::Nl, Split::Nul, Split::Rs, Split::Json];

#[track_caller]
fn texts(split: Split, text: &str) -> Vec<String> {
    let records = Records::new(split, Message::text(text));
    let mut number = 0;
    let texts = records.map(|record| {
        number += 1;
        assert_eq!(record.number, number);
        record.message.as_text().unwrap().to_owned()
    });
    texts.collect()
}

#[test]
fn a_separator_ends_a_record() {
    for (split, text, expected) in [
        (Split::Nl, "a\nb", &["a", "b"][..]),
        (Split::Nl, "a\r\nb\r\n", &["a", "b"]),
        (Split::Nl, "a\n\nb\n\n", &["a", "", "b", ""]),
        (Split::Nl, "a\rb", &["a\rb"]),
        (Split::Nl, "\n", &[""]),
        (Split::Nul, "CONNECTED\n\n\0", &["CONNECTED\n\n"]),
        (Split::Nul, "a\r\0b", &["a\r", "b"]),
        (Split::Rs, "{}\x1e{\"a\":1}\x1e", &["{}", "{\"a\":1}"]),
        (Split::Rs, "é\x1eü", &["é", "ü"]),
    ] {
        assert_eq!(texts(split, text), expected, "{split:?} {text:?}");
    }
}

#[test]
fn json_values_are_records_and_what_is_none_is_one_with_all_that_follows() {
    for (text, expected) in [
        ("{\"a\":1} [2]\n3\n", &["{\"a\":1}", "[2]", "3"][..]),
        ("{}{}", &["{}", "{}"]),
        ("{} oops {}", &["{}", "oops {}"]),
        ("hello", &["hello"]),
    ] {
        assert_eq!(texts(Split::Json, text), expected, "{text:?}");
    }
    let rests = |text: &str| {
        let records = Records::new(Split::Json, Message::text(text));
        records.map(|it| it.is_rest).collect::<Vec<_>>()
    };
    assert_eq!(rests("{} 1 oops {}"), [false, false, true]);
    assert_eq!(rests(" \n"), [true]);
}

#[test]
fn a_message_has_at_least_one_record() {
    for split in ALL {
        assert_eq!(texts(split, ""), [""], "{split:?}");
        assert_eq!(texts(split, "{}"), ["{}"], "{split:?}");
    }
    assert_eq!(texts(Split::Json, " \n "), [" \n "]);
}

#[test]
fn a_record_shares_the_payload_of_its_message() {
    let payload = Bytes::from(b"one\0two\0".to_vec());
    let place = payload.as_ptr() as usize;
    let mut records = Records::new(Split::Nul, Message::binary(payload));
    let second = records.nth(1).unwrap().message;
    assert_eq!(second, Message::binary(&b"two"[..]));
    assert_eq!(second.payload().as_ptr() as usize, place + 4);
    assert!(records.is_done() && records.next().is_none());
}

#[test]
fn many_records_take_time_that_grows_with_the_message() {
    for (split, text) in [
        (Split::Nl, "\n".repeat(1 << 20)),
        (Split::Json, "1 ".repeat(1 << 20)),
        (Split::Json, "[".repeat(1 << 20)),
        (Split::Json, "{} ".to_owned() + &" ".repeat(1 << 20)),
    ] {
        let message = Message::text(text);
        let count = Records::new(split, message).count();
        assert!([1 << 20, 1].contains(&count), "{split:?} {count}");
    }
}

/// What lies between records, before the first and after the last.
fn gaps(split: Split, message: &Message) -> Vec<Vec<u8>> {
    let whole = message.payload();
    let base = whole.as_ptr() as usize;
    let (mut at, mut gaps) = (0, Vec::new());
    for record in Records::new(split, message.clone()) {
        let data = record.message.payload();
        // An empty slice says nothing of its place.
        let start = match data.is_empty() {
            true => at,
            false => data.as_ptr() as usize - base,
        };
        gaps.push(whole[at..start].to_vec());
        at = start + data.len();
    }
    gaps.push(whole[at..].to_vec());
    gaps
}

fn split() -> impl Strategy<Value = Split> {
    prop::sample::select(ALL.to_vec())
}

proptest! {
    /// Only separators are left out: no other byte is lost, added or moved.
    #[test]
    fn records_and_separators_are_the_message(
        split in split(),
        text in "[a1é{}\\[\\]\",: \n\r\0\x1e]{0,40}",
        binary in any::<bool>(),
    ) {
        let kind = if binary { Kind::Binary } else { Kind::Text };
        let message = Message::new(kind, text.clone().into()).unwrap();
        let records: Vec<_> = Records::new(split, message.clone()).collect();
        prop_assert!(records.iter().all(|record| record.message.kind() == kind));
        let separators: &[u8] = match split {
            Split::Nl => b"\r\n",
            Split::Nul => b"\0",
            Split::Rs => b"\x1e",
            Split::Json => b" \n\r\x1e",
        };
        for gap in gaps(split, &message) {
            prop_assert!(gap.iter().all(|byte| separators.contains(byte)), "{gap:?}");
        }
        if let Some(separator) = split.separator() {
            let joined = records.iter().map(|record| record.message.payload().to_vec());
            let joined = joined.collect::<Vec<_>>().join(&separator);
            let text = match split {
                Split::Nl => text.replace("\r\n", "\n"),
                _ => text,
            };
            let ended = [&joined[..], &[separator]].concat();
            prop_assert!([joined, ended].contains(&text.into_bytes()));
        }
    }

    /// Values that are put one after another are found again, whatever stands between.
    #[test]
    fn json_values_are_found_again(
        values in prop::collection::vec(value(), 1..6),
        between in "[ \n\t\r\x1e]{1,3}",
    ) {
        let text = values.join(&between) + &between;
        prop_assert_eq!(texts(Split::Json, &text), values);
    }
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("null".to_owned()),
        any::<i64>().prop_map(|number| number.to_string()),
        "[a-z{}\\[\\] \"\\\\\u{1e}é]{0,8}".prop_map(|text| serde_json::to_string(&text).unwrap()),
        "[a-z]{1,3}".prop_map(|key| format!("{{\"{key}\":[1,{{\"b\":\"}}\"}}]}}")),
    ]
}
