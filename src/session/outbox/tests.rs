//! Messages from acceptance until confirmation.

use super::*;
use proptest::prelude::*;

fn outbox(confirm: impl Into<Option<Confirm>>) -> Outbox {
    Outbox::new(Options {
        confirm: confirm.into(),
        ..Options::default()
    })
}

/// A data message arrives; returns whether it confirms one of ours.
fn confirms(outbox: &mut Outbox) -> bool {
    outbox.handle_reply() == Reply::ToNumbered { confirms: true }
}

fn push(outbox: &mut Outbox, count: usize) {
    for _ in 0..count {
        outbox.push(Message::text("m"));
    }
}

/// Hands over everything available: the numbers, negative for repeats.
fn next_to_send(outbox: &mut Outbox) -> Vec<i64> {
    std::iter::from_fn(|| outbox.next_to_send())
        .map(|handed| handed.number as i64 * if handed.repeat { -1 } else { 1 })
        .collect()
}

#[test]
fn without_confirmations_a_message_is_not_kept() {
    let mut outbox = outbox(None);
    let pass = |outbox: &mut Outbox, count: usize| -> Vec<u64> {
        (0..count).filter_map(|_| outbox.pass()).collect()
    };
    assert_eq!(pass(&mut outbox, 3), [1, 2, 3]);
    assert_eq!(outbox.handle_ended(false), Some((1, 3)));
    outbox.handle_open();
    // This connection was handed nothing.
    assert_eq!(outbox.handle_ended(false), None);
    outbox.handle_open();
    assert_eq!(pass(&mut outbox, 2), [4, 5]);
    assert_eq!(outbox.handle_ended(true), None);
    assert_eq!((outbox.unconfirmed(), outbox.has_next()), (3, false));
    assert_eq!(outbox.delivery(), None);
    assert_eq!(pass(&mut self::outbox(Confirm::Pong), 1), [0; 0]);
}

#[test]
fn an_interrupted_message_is_sent_first_on_the_next_connection() {
    for resend in [false, true] {
        let mut outbox = Outbox::new(Options {
            resend,
            ..Options::default()
        });
        for expected in 1..=3 {
            assert_eq!(outbox.pass(), Some(expected));
        }
        outbox.handle_cut_off(3, Message::text("third"));
        // The others may or may not have arrived.
        assert_eq!(outbox.handle_ended(false), Some((1, 2)));
        assert_eq!((outbox.unsent(), outbox.unconfirmed()), (1, 2));
        assert_eq!(outbox.handle_open(), usize::from(!resend));
        assert_eq!(outbox.unsent(), usize::from(resend));
        assert_eq!((outbox.has_next(), outbox.was_cut_off()), (resend, resend));
        let handed = outbox.next_to_send();
        let third = Handed {
            number: 3,
            message: Message::text("third"),
            repeat: false,
        };
        assert_eq!(handed, resend.then_some(third));
        assert_eq!((outbox.unsent(), outbox.has_next()), (0, false));
        assert_eq!(outbox.pass(), Some(4));
    }
    // The first of a connection, and one of several that wait for confirmation.
    let mut alone = outbox(None);
    alone.pass();
    alone.handle_cut_off(1, Message::text("m"));
    assert_eq!((alone.handle_ended(false), alone.unsent()), (None, 1));
    let mut confirmed = outbox(Confirm::Reply);
    push(&mut confirmed, 1);
    next_to_send(&mut confirmed);
    confirmed.handle_cut_off(1, Message::text("m"));
    assert_eq!((confirmed.unsent(), confirmed.unconfirmed()), (0, 1));
    confirmed.handle_open();
    assert_eq!(next_to_send(&mut confirmed), [-1]);
}

#[test]
fn a_pong_to_a_ping_within_a_message_confirms_those_before_it() {
    let mut outbox = outbox(Confirm::Pong);
    push(&mut outbox, 3);
    next_to_send(&mut outbox);
    outbox.handle_ping_within(&Bytes::from_static(b"a"));
    assert!(outbox.handle_pong(b"a"));
    assert_eq!(outbox.unconfirmed_numbers(), [(3, 3)]);
    outbox.handle_ping_within(&Bytes::from_static(b"b"));
    assert!(!outbox.handle_pong(b"b"));
    outbox.handle_ping(&Bytes::from_static(b"c"));
    assert!(outbox.handle_pong(b"c"));
    assert_eq!(outbox.unconfirmed(), 0);
}

#[test]
fn replies_confirm_in_order_and_unconfirmed_messages_are_repeated() {
    let mut outbox = outbox(Confirm::Reply);
    outbox.handle_extra();
    push(&mut outbox, 4);
    assert_eq!(next_to_send(&mut outbox), [1, 2, 3, 4]);
    // The first replies to the message sent on open.
    assert!(!confirms(&mut outbox));
    assert!(confirms(&mut outbox));
    assert!(confirms(&mut outbox));
    assert_eq!(outbox.handle_ended(false), None);
    outbox.handle_open();
    assert!(!confirms(&mut outbox), "nothing has been sent here");
    push(&mut outbox, 1);
    assert_eq!(next_to_send(&mut outbox), [-3, -4, 5]);
    assert_eq!(outbox.poll_repeats(false), Some(vec![(3, 4)]));
    assert_eq!(outbox.poll_repeats(false), None);
    assert_eq!(outbox.unconfirmed(), 3);
    for _ in 0..3 {
        assert!(confirms(&mut outbox));
    }
    assert!(!confirms(&mut outbox));
    let (confirmed, repeated) = (5, 2);
    assert_eq!(
        outbox.delivery(),
        Some(Delivery {
            confirmed,
            repeated
        })
    );
    assert_eq!(outbox.unconfirmed(), 0);
}

#[test]
fn a_heartbeat_in_between_has_its_own_reply() {
    let mut outbox = outbox(Confirm::Reply);
    push(&mut outbox, 2);
    assert_eq!(outbox.next_to_send().unwrap().number, 1);
    outbox.handle_extra();
    assert_eq!(outbox.next_to_send().unwrap().number, 2);
    let confirms: Vec<bool> = (0..4).map(|_| confirms(&mut outbox)).collect();
    assert_eq!(confirms, [true, false, true, false]);
}

#[test]
fn acknowledgements_may_come_in_any_order() {
    let mut outbox = outbox(Confirm::Number);
    push(&mut outbox, 6);
    for _ in 0..5 {
        outbox.next_to_send();
    }
    let acks = [4, 2, 2, 6, 0, 99].map(|number| outbox.handle_ack(number));
    assert_eq!(acks, [true, true, false, false, false, false]);
    assert_eq!(outbox.unconfirmed_numbers(), [(1, 1), (3, 3), (5, 6)]);
    outbox.handle_open();
    assert_eq!(outbox.clone().next_to_send().unwrap().number, 1);
    assert_eq!(next_to_send(&mut outbox), [-1, -3, -5, 6]);
    assert_eq!(
        outbox.poll_repeats(false),
        Some(vec![(1, 1), (3, 3), (5, 5)])
    );
    assert!([1, 3, 5, 6].into_iter().all(|n| outbox.handle_ack(n)));
    assert_eq!(outbox.unconfirmed(), 0);
}

#[test]
fn interrupted_repeats_are_reported_as_far_as_they_were_sent() {
    let mut outbox = outbox(Confirm::Number);
    push(&mut outbox, 4);
    next_to_send(&mut outbox);
    outbox.handle_open();
    outbox.next_to_send();
    outbox.next_to_send();
    assert_eq!(outbox.poll_repeats(false), None);
    assert_eq!(outbox.poll_repeats(true), Some(vec![(1, 2)]));
    outbox.handle_open();
    assert_eq!(next_to_send(&mut outbox), [-1, -2, -3, -4]);
    assert_eq!(outbox.poll_repeats(false), Some(vec![(1, 4)]));
    assert_eq!(outbox.delivery().unwrap().repeated, 6);
}

#[test]
fn a_pong_confirms_messages_before_its_ping() {
    let mut outbox = outbox(Confirm::Pong);
    assert!(!outbox.wants_ping());
    push(&mut outbox, 3);
    outbox.next_to_send();
    outbox.next_to_send();
    assert!(outbox.wants_ping());
    outbox.handle_ping(&Bytes::from_static(b"a"));
    assert!(!outbox.wants_ping());
    outbox.next_to_send();
    assert!(!outbox.handle_pong(b"b"));
    assert!(outbox.handle_pong(b"a"));
    assert_eq!(outbox.unconfirmed_numbers(), [(3, 3)]);
    assert!(outbox.wants_ping());
    outbox.handle_ping(&Bytes::from_static(b"b"));
    outbox.handle_open();
    assert!(!outbox.handle_pong(b"b"), "it was of another connection");
    assert_eq!(next_to_send(&mut outbox), [-3]);
}

#[test]
fn the_number_replaces_its_placeholder() {
    let mut outbox = outbox(Confirm::Number);
    for text in [r#"{"n":{{n}},"of":"{{n}}"}"#, "{n}", "{{n}}"] {
        outbox.push(Message::text(text));
    }
    let sent: Vec<_> = std::iter::from_fn(|| outbox.next_to_send())
        .map(|handed| handed.message)
        .collect();
    let expected = [r#"{"n":1,"of":"1"}"#, "{n}", "3"].map(Message::text);
    assert_eq!(sent, expected);
    let mut other = Outbox::new(Options {
        confirm: Some(Confirm::Reply),
        ..Options::default()
    });
    other.push(Message::text("{{n}}"));
    assert_eq!(
        other.next_to_send().unwrap().message,
        Message::text("{{n}}")
    );
}

#[test]
fn it_is_bounded_in_bytes_and_takes_one_message_of_any_size() {
    let mut outbox = Outbox::new(Options {
        confirm: Some(Confirm::Reply),
        limit: 1000,
        ..Options::default()
    });
    outbox.push(Message::binary(vec![0; 5000]));
    assert!(!outbox.has_room());
    outbox.next_to_send();
    assert!(!outbox.has_room(), "it may have to be sent again");
    outbox.handle_reply();
    let mut small = 0;
    while outbox.has_room() {
        outbox.push(Message::text(""));
        small += 1;
    }
    assert_eq!(small, 1000_usize.div_ceil(OVERHEAD));
}

#[test]
fn repeats_are_reported_even_if_the_last_is_already_confirmed() {
    let mut outbox = outbox(Confirm::Number);
    push(&mut outbox, 3);
    next_to_send(&mut outbox);
    assert!(outbox.handle_ack(3) && outbox.handle_ack(1));
    outbox.handle_open();
    assert!(outbox.has_next());
    assert_eq!(outbox.next_to_send().unwrap().number, 2);
    assert!(!outbox.has_next());
    assert_eq!(outbox.poll_repeats(false), Some(vec![(2, 2)]));
    // A message that was confirmed in the meantime need not be sent either.
    push(&mut outbox, 2);
    next_to_send(&mut outbox);
    outbox.handle_open();
    assert!(outbox.handle_ack(2));
    assert!(outbox.handle_ack(4) && outbox.handle_ack(5));
    assert!(!outbox.has_next());
}

#[test]
fn gaps_are_compacted_and_no_message_keeps_its_block() {
    let mut outbox = outbox(Confirm::Number);
    let block = Bytes::from(vec![b'x'; 64 * 1024]);
    for _ in 0..100_000 {
        outbox.push(Message::Binary(block.slice(..10)));
        outbox.next_to_send();
    }
    for number in 2..=100_000 {
        assert!(outbox.handle_ack(number));
    }
    assert!(outbox.waiting.len() <= 2 * FEW_GAPS);
    assert_eq!(outbox.unconfirmed_numbers(), [(1, 1)]);
    let kept = &outbox.waiting[0].message.as_ref().unwrap().payload();
    assert!(!block.as_ptr_range().contains(&kept.as_ptr()));
    assert!(outbox.has_room() && !outbox.has_next());
    outbox.handle_open();
    assert_eq!(next_to_send(&mut outbox), [-1]);
}

proptest! {
    /// In any order of events, the confirmed and the waiting messages together are all accepted
    /// ones, and each connection is handed the unconfirmed ones, in order.
    #[test]
    fn messages_are_neither_lost_nor_reordered(steps in prop::collection::vec((0_u8..6, 0_u64..40), 0..300)) {
        let mut outbox = outbox(Confirm::Number);
        let (mut accepted, mut confirmed) = (0_u64, std::collections::BTreeSet::new());
        let (mut on_this_connection, mut handed) = (Vec::new(), 0);
        for (step, value) in steps {
            match step {
                0 | 1 => {
                    push(&mut outbox, 1);
                    accepted += 1;
                }
                2 | 3 => if let Some(next) = outbox.next_to_send() {
                    prop_assert_eq!(next.repeat, next.number <= handed);
                    handed = handed.max(next.number);
                    on_this_connection.push(next.number);
                },
                4 => {
                    let news = outbox.handle_ack(value);
                    prop_assert_eq!(news, value > 0 && value <= handed && confirmed.insert(value));
                }
                _ => {
                    let missing: Vec<u64> = (1..=accepted)
                        .filter(|number| !confirmed.contains(number))
                        .collect();
                    outbox.handle_open();
                    let mut fresh = outbox.clone();
                    let sent: Vec<u64> =
                        std::iter::from_fn(|| fresh.next_to_send()).map(|next| next.number).collect();
                    prop_assert_eq!(sent, missing);
                    on_this_connection.clear();
                }
            }
            prop_assert!(on_this_connection.is_sorted());
            let total = outbox.unconfirmed();
            prop_assert_eq!(total + confirmed.len() as u64, accepted);
            prop_assert_eq!(outbox.delivery().unwrap().confirmed, confirmed.len() as u64);
        }
    }
}
