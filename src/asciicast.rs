//! A recorded connection as a terminal session that is played again: asciicast v3, one JSON array on a
//! line after a header. Pure.
//!
//! The text is that of the prompt, from the same renderer, so it is as safe for a terminal.

use std::time::Duration;

use serde_json::json;

use crate::event::{By, Event};
use crate::json::string;
use crate::output::{Format, Options, Renderer};
use crate::record::connection::Connection;
use crate::record::events;
use crate::secret::Redactor;

/// The size of the terminal, in columns and rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub columns: u16,
    pub rows: u16,
}

/// The connection as the prompt shows it, in colour, with its times.
pub fn write(connection: &Connection, size: Size, redactor: &Redactor) -> String {
    let mut header = json!({
        "version": 3,
        "term": {"cols": size.columns, "rows": size.rows},
    });
    if let (Some(started), Some(header)) = (connection.started, header.as_object_mut()) {
        header.insert("timestamp".to_owned(), started.as_secs().into());
    }
    let mut out = format!("{header}\n");
    let mut last = 0;
    let options = Options {
        width: Some(usize::from(size.columns)),
        height: Some(usize::from(size.rows)),
        stdout_color: true,
        stderr_color: true,
        ..prompt()
    };
    each_shown(connection, options, redactor, |at, shown| {
        let now = at.as_millis();
        let text = String::from_utf8_lossy(shown).replace('\n', "\r\n");
        let mut quoted = Vec::new();
        string::push_string(&text, &mut quoted);
        out.push_str(&format!(
            "[{}, \"o\", {}]\n",
            seconds(now.saturating_sub(last)),
            String::from_utf8_lossy(&quoted)
        ));
        last = last.max(now);
    });
    out
}

/// The connection as the prompt shows it, whole and without colours.
pub fn text(connection: &Connection, redactor: &Redactor) -> Vec<u8> {
    let options = Options {
        fold: Some(usize::MAX),
        ..prompt()
    };
    let mut out = Vec::new();
    each_shown(connection, options, redactor, |_, shown| {
        out.extend_from_slice(shown);
    });
    out
}

/// The options of the prompt.
fn prompt() -> Options {
    Options {
        format: Format::Pretty,
        stdout_tty: true,
        stderr_tty: true,
        interactive: true,
        show_sent: true,
        ..Options::plain()
    }
}

/// Calls `found` with what each event shows, and its time. Where no message is folded, none is cut.
fn each_shown(
    connection: &Connection,
    options: Options,
    redactor: &Redactor,
    mut found: impl FnMut(Duration, &[u8]),
) {
    let whole = options.fold.is_some();
    let mut renderer = Renderer::new(options, redactor.clone());
    let (mut out, mut err) = (Vec::new(), Vec::new());
    events::each(connection, redactor, |at, event| {
        // The totals of a run are not what happened.
        if matches!(event, Event::End { .. }) {
            return;
        }
        match event {
            // A line of the prompt that is sent is cut, but its text is wanted.
            Event::Send {
                conn,
                message,
                origin: None,
                ..
            } if whole => {
                let place = (at, *conn, None);
                renderer.show_again(place, By::Us, message.as_data(), false, &mut out);
            }
            _ => renderer.render(at, event, &mut out, &mut err),
        }
        out.append(&mut err);
        if !out.is_empty() {
            found(at, &out);
            out.clear();
        }
    });
}

/// Milliseconds as seconds with three decimals.
fn seconds(millis: u128) -> String {
    format!("{}.{:03}", millis / 1000, millis % 1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::close::Close;
    use crate::message::Message;
    use crate::record::connection::{Answer, Moment, What};

    fn connection() -> Connection {
        let sent = What::Sent {
            message: Message::text("hi"),
            by_itself: false,
        };
        let moments = [
            (20, sent),
            (1500, What::Received(Message::text("hello \u{1b}[2J"))),
            (
                1700,
                What::Received(Message::text(format!("[{}1]", "1,".repeat(999)))),
            ),
            (1800, What::Closed(Close::new(1001, "bye"))),
        ];
        Connection {
            url: "ws://host/?token=abcdef".to_owned(),
            started: Some(Duration::from_secs(1_795_168_800)),
            answer: Answer {
                status: Some(101),
                ..Answer::default()
            },
            moments: moments
                .map(|(ms, what)| Moment {
                    at: Duration::from_millis(ms),
                    what,
                })
                .to_vec(),
            ..Connection::default()
        }
    }

    #[test]
    fn a_cast_shows_the_prompt_with_its_times() {
        let size = Size {
            columns: 80,
            rows: 24,
        };
        let cast = write(&connection(), size, &Redactor::default());
        let mut lines = cast.lines();
        assert_eq!(
            lines.next(),
            Some(r#"{"version":3,"term":{"cols":80,"rows":24},"timestamp":1795168800}"#)
        );
        let events: Vec<(f64, String, String)> = lines
            .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
            .map(|it| {
                let text = |n: usize| it[n].as_str().unwrap().to_owned();
                (it[0].as_f64().unwrap(), text(1), text(2))
            })
            .collect();
        let times: Vec<_> = events.iter().map(|it| it.0).collect();
        assert_eq!(times, [0.0, 0.02, 1.48, 0.2, 0.1]);
        let shown: String = events.iter().map(|it| &*it.2).collect();
        assert!(
            shown.contains("hello \\x1b[2J\r\n") && shown.contains("bye"),
            "{shown}"
        );
        assert!(
            !shown.contains("\u{1b}[2J") && !shown.contains("abcdef"),
            "{shown}"
        );
    }

    #[test]
    fn text_is_whole_and_without_colours() {
        let shown = text(&connection(), &Redactor::default());
        let shown = String::from_utf8(shown).unwrap();
        assert!(!shown.contains('\u{1b}'), "{shown}");
        assert!(shown.contains("> hi\n< hello \\x1b[2J\n"), "{shown}");
        assert_eq!(shown.matches("1,").count(), 999, "{shown}");
    }
}
