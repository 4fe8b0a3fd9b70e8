use std::task::Context;

use super::*;
use crate::event::By;

/// Keeps a word for each event, with the time that the event says and the time it came.
#[derive(Default)]
struct Kept {
    start: Option<Instant>,
    words: Vec<(String, u128, u128)>,
}

impl Sink for Kept {
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<()> {
        Poll::Ready(())
    }

    fn handle_event(&mut self, at: Instant, event: &Event<'_>) {
        let start = self.start.unwrap();
        let word = match event {
            Event::Header { url, .. } => format!("header {url}"),
            Event::Open { conn, .. } => format!("open {conn}"),
            Event::Send { message, .. } => format!("> {}", message.as_text().unwrap()),
            Event::Receive { message, .. } => format!("< {}", message.as_text().unwrap()),
            Event::Close {
                by: By::Peer,
                close,
                ..
            } => format!("closed {}", close.reported_code()),
            Event::Refused { refusal, .. } => format!("refused {}", refusal.status),
            Event::Error(error) => error.message.clone(),
            Event::Note(note) => (*note).to_owned(),
            Event::End { totals, .. } => format!("end {} {}", totals.sent, totals.received),
            other => panic!("{other:?}"),
        };
        let since = |time: Instant| time.duration_since(start).as_millis();
        self.words.push((word, since(at), since(now())));
    }

    fn flush(&mut self) {}
}

/// Never.
struct Never;

impl StopSignal for Never {
    fn poll_stop(&mut self, _: &mut Context<'_>) -> Poll<Stop> {
        Poll::Pending
    }
}

const LINES: &[&str] = &[
    r#"{"type":"header","v":1,"url":"ws://x/","started":"2026-11-20T10:00:00Z"}"#,
    r#"{"type":"open","t":0.5,"conn":1,"status":101}"#,
    r#"{"type":"send","t":1,"conn":1,"data":"a"}"#,
    r#"{"type":"receive","t":3,"conn":1,"data":"b"}"#,
    r#"{"type":"close","t":3,"conn":1,"by":"peer","code":1006}"#,
    r#"{"type":"open","t":4,"conn":2,"status":101}"#,
    r#"{"type":"header","v":1,"url":"ws://y/"}"#,
    r#"{"type":"refused","t":0.25,"attempt":1,"status":401}"#,
    r#"{"type":"rec"#,
];

async fn shown(speed: Speed) -> Vec<(String, u128, u128)> {
    let tape = Tape::read(LINES.join("\n").as_bytes()).unwrap();
    let start = now();
    let mut kept = Kept {
        start: Some(start),
        ..Kept::default()
    };
    let shown = show(&tape, speed, (&mut kept, start), &mut Never).await;
    assert_eq!(shown, Shown::Whole);
    kept.words
}

#[tokio::test(start_paused = true)]
async fn a_recording_is_shown_with_its_times_and_gaps() {
    let words = shown(Speed::Times(2.0)).await;
    let expected = [
        ("the last line is cut off, and left out: line 9", 0, 0),
        ("header ws://x/", 0, 0),
        ("open 1", 500, 0),
        ("> a", 1000, 250),
        ("< b", 3000, 1250),
        ("closed 1006", 3000, 1250),
        ("connection lost without a Close frame (1006)", 3000, 1250),
        ("open 2", 4000, 1750),
        ("end 1 1", 4000, 1750),
        ("header ws://y/", 0, 1750),
        ("refused 401", 0, 1750),
        ("the handshake was answered with 401", 0, 1750),
        ("end 0 0", 0, 1750),
    ];
    let expected = expected.map(|(word, at, came)| (word.to_owned(), at, came));
    // The timer of tokio has a resolution of a millisecond.
    for ((word, at, came), found) in expected.iter().zip(&words) {
        assert_eq!((word, at), (&found.0, &found.1));
        assert!(found.2.abs_diff(*came) <= 4, "{found:?}");
    }
    assert_eq!(words.len(), expected.len());
}

#[tokio::test(start_paused = true)]
async fn at_the_highest_speed_nothing_is_waited_for() {
    let words = shown(Speed::Max).await;
    assert!(words.iter().all(|(.., came)| *came == 0), "{words:?}");
}

#[tokio::test(start_paused = true)]
async fn a_signal_ends_it_at_once() {
    let tape = Tape::read(LINES.join("\n").as_bytes()).unwrap();
    struct Later(u32);
    impl StopSignal for Later {
        fn poll_stop(&mut self, _: &mut Context<'_>) -> Poll<Stop> {
            self.0 += 1;
            match self.0 {
                2.. => Poll::Ready(Stop::Interrupt),
                _ => Poll::Pending,
            }
        }
    }
    let start = now();
    let mut kept = Kept {
        start: Some(start),
        ..Kept::default()
    };
    let shown = show(&tape, Speed::Times(1.0), (&mut kept, start), &mut Later(0)).await;
    assert_eq!(shown, Shown::Stopped(Stop::Interrupt));
}
