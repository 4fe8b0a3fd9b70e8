use super::super::tests::{after, now, receive, rule};
use super::*;
use crate::json::jq::Filter;

/// Takes everything that can be sent, as its origin and its text.
fn sent(queue: &mut Queue) -> Vec<(Origin, String)> {
    let mut sent = Vec::new();
    while let Some(due) = queue.take() {
        match due {
            Due::Send {
                message, origin, ..
            } => sent.push((origin, message.as_text().unwrap().to_owned())),
            Due::Run { program, .. } => {
                sent.push((Origin::Auto, format!("run {}", program.line)));
            }
        }
    }
    sent
}

fn texts(queue: &mut Queue) -> Vec<String> {
    sent(queue).into_iter().map(|(_, text)| text).collect()
}

#[test]
fn every_rule_that_is_true_answers_in_order() {
    let rules = [
        rule(r#".n == 1={"first":{{.n}}}"#),
        rule(r#".n > 5=large"#),
        rule(r#".n={"any":{{.n}}}"#),
    ];
    let mut queue = Queue::default();
    assert!(receive(&mut queue, &rules, r#"{"n":1}"#).answered);
    assert!(!receive(&mut queue, &rules, r#"{"m":1}"#).answered);
    assert!(!receive(&mut queue, &rules, "text").answered);
    assert!(receive(&mut queue, &rules, r#"{"n":7}"#).answered);
    assert_eq!(queue.lost(), 4);
    let found = sent(&mut queue);
    let expected = [r#"{"first":1}"#, r#"{"any":1}"#, "large", r#"{"any":7}"#];
    assert_eq!(
        found,
        expected.map(|text| (Origin::Answer, text.to_owned()))
    );
    let counts: Vec<u64> = rules.iter().map(Rule::answered).collect();
    assert_eq!((queue.lost(), counts), (0, vec![1, 1, 2]));
}

#[test]
fn a_ping_is_known_by_its_rule_or_by_itself() {
    let rules = [
        rule(". == 2=3"),
        rule("ping .op == 1={\"op\":1}"),
        rule(".type={}"),
        rule("true={\"ack\":1}"),
    ];
    for (message, ping) in [
        ("2", true),
        // It is answered like anything else.
        ("{}", false),
        (r#"{"op":1}"#, true),
        (r#"{"type":"ping"}"#, true),
        (r#"{"type":"question"}"#, false),
    ] {
        let mut queue = Queue::default();
        let reaction = receive(&mut queue, &rules, message);
        assert_eq!(
            (reaction.answered, reaction.ping),
            (true, ping),
            "{message}"
        );
        let origin = match ping {
            true => Origin::AnswerToPing,
            false => Origin::Answer,
        };
        assert_eq!(sent(&mut queue)[0].0, origin, "{message}");
    }
    assert!(
        !receive(&mut Queue::default(), &[], "2").ping,
        "it is not answered"
    );
}

#[test]
fn opening_messages_wait_for_earlier_ones() {
    let token = (Message::text("token secret"), Message::text("token ***"));
    let steps = [
        now("a"),
        after(r#".t == "hello""#, r#"{"b":{{.n}}}"#),
        now("c"),
        after(r#".t == "ok""#, "d"),
        after(r#".t == "ok""#, "e"),
    ];
    let mut queue = Queue::new(Some(token), steps);
    let found = sent(&mut queue);
    let expected = [(Origin::Token, "token secret"), (Origin::OnOpen, "a")];
    assert_eq!(
        found,
        expected.map(|(origin, text)| (origin, text.to_owned()))
    );
    assert!(!queue.has_opened() && queue.awaits_message());
    // It comes too early, and counts.
    assert!(!receive(&mut queue, &[], r#"{"t":"ok"}"#).answered);
    assert_eq!(texts(&mut queue), [""; 0]);
    receive(&mut queue, &[], r#"{"t":"hello","n":7}"#);
    assert!(!queue.has_opened());
    assert_eq!(texts(&mut queue), [r#"{"b":7}"#, "c", "d", "e"]);
    assert!(queue.has_opened() && !queue.awaits_message());
    receive(&mut queue, &[], r#"{"t":"hello","n":8}"#);
    assert_eq!(texts(&mut queue), [""; 0], "once on a connection");
}

#[test]
fn an_opening_message_that_cannot_be_made_is_left_out() {
    let steps = [after(".t", "x {{.t}} y"), now("last")];
    let mut queue = Queue::new(None, steps);
    let reaction = receive(&mut queue, &[], r#"{"t":"a\nb"}"#);
    assert_eq!(reaction.problems.len(), 1);
    assert!(reaction.problems[0].contains("control character"));
    assert_eq!(texts(&mut queue), ["last"]);
    assert!(queue.has_opened());
}

#[test]
fn answers_come_before_what_waited_for_the_same_message() {
    let mut queue = Queue::new(None, [after(".hello", "then")]);
    receive(&mut queue, &[rule(".hello=answer")], r#"{"hello":1}"#);
    assert_eq!(texts(&mut queue), ["answer", "then"]);
}

#[test]
fn nothing_overtakes_a_command() {
    let rules = [rule(".c=cmd:one"), rule(".n=n{{.n}}")];
    let mut queue = Queue::default();
    receive(&mut queue, &rules, r#"{"c":1}"#);
    receive(&mut queue, &rules, r#"{"n":2}"#);
    receive(&mut queue, &rules, r#"{"c":3,"n":3}"#);
    assert!(!queue.is_running() && queue.is_wanted());
    assert_eq!(texts(&mut queue), ["run one"]);
    assert!(queue.is_running() && queue.is_wanted());
    assert_eq!((queue.take(), queue.lost()), (None, 4));
    queue.handle_output(Some(Message::text("one's")));
    assert!(!queue.is_running() && queue.is_wanted());
    assert_eq!(texts(&mut queue), ["one's", "n2", "run one"]);
    queue.handle_output(None);
    assert_eq!(texts(&mut queue), ["n3"]);
    queue.handle_output(Some(Message::text("of nothing")));
    assert_eq!((texts(&mut queue).len(), queue.lost()), (0, 0));
}

#[test]
fn no_run_waits_for_the_answer_to_a_ping() {
    let rules = [rule(". == \"ping\"=cmd:pong"), rule(".q?=a")];
    let mut queue = Queue::default();
    receive(&mut queue, &rules, "ping");
    assert_eq!(texts(&mut queue), ["run pong"]);
    assert!(queue.is_running() && !queue.is_wanted());
    receive(&mut queue, &rules, r#"{"q":1}"#);
    assert!(queue.is_wanted(), "an answer waits behind it");
}

#[test]
fn a_queue_is_filling_at_a_number_or_a_size() {
    let rules = [rule(".={{.}}")];
    let mut queue = Queue::default();
    for n in 0..MOST_ANSWERS {
        assert!(!queue.is_filling(), "{n}");
        receive(&mut queue, &rules, "1");
    }
    assert!(queue.is_filling());
    queue.take();
    assert!(!queue.is_filling());
    let mut queue = Queue::default();
    receive(
        &mut queue,
        &rules,
        &format!("\"{}\"", "x".repeat(MOST_BYTES)),
    );
    assert!(queue.is_filling());
    queue.take();
    assert!(!queue.is_filling());
}

#[test]
fn what_a_peer_does_not_take_may_have_more_memory_than_what_waits_for_a_command() {
    let rules = [rule(".n=n{{.n}}"), rule(".c=cmd:slow")];
    let mut queue = Queue::default();
    assert!(!queue.awaits_peer());
    let most = 1000 * (OVERHEAD + 2);
    for n in 0..1000 {
        assert!(n == 0 || !queue.is_full(most), "{n}");
        receive(&mut queue, &rules, r#"{"n":1}"#);
    }
    assert!(queue.awaits_peer() && queue.is_full(most) && !queue.is_full(most + 1));
    let mut queue = Queue::default();
    receive(&mut queue, &rules, r#"{"c":1}"#);
    assert!(!queue.awaits_peer() && queue.is_full(usize::MAX));
    queue.take();
    receive(&mut queue, &rules, r#"{"n":1}"#);
    assert!(!queue.awaits_peer() && queue.is_full(usize::MAX));
    queue.handle_output(None);
    assert!(queue.awaits_peer() && !queue.is_full(usize::MAX));
}

#[test]
fn a_wait_without_a_message_sends_nothing_and_holds_back_the_rest() {
    let when = Filter::compile(".ok").unwrap().reading_text();
    let wait = Opening::After(After::new(when, None));
    let mut queue = Queue::new(None, [now("a"), wait.clone(), now("b"), wait.clone()]);
    assert_eq!(texts(&mut queue), ["a"]);
    receive(&mut queue, &[], "text");
    assert!(!queue.has_opened() && wait.was_never_met());
    receive(&mut queue, &[], r#"{"ok":true}"#);
    assert_eq!(texts(&mut queue), ["b"]);
    assert!(queue.has_opened() && !wait.was_never_met());
}
