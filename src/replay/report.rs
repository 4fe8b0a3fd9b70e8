//! What differs from a recording, as lines for people. Pure. What a server or a recording said is safe for
//! a terminal in them, short, and without secrets.

use super::compare::{Difference, Expected};
use super::exchange::Verdict;
use crate::message::Message;
use crate::output::sanitize;
use crate::script::diff::{self, Diff, Line};
use crate::script::matching::{Content, Matcher, Mismatch};
use crate::script::shown::Shown;
use crate::secret::Redactor;
use crate::units::{counted, grouped};

/// The most characters or bytes of a message that is shown whole.
const MOST: usize = 500;

/// The lines about one connection; nothing if all was as recorded. `connection` is its number, where
/// there are several.
pub fn differences(verdict: &Verdict, connection: Option<usize>, redactor: &Redactor) -> Vec<u8> {
    let mut report = Report {
        redactor,
        out: Vec::new(),
    };
    if let Some(number) = connection.filter(|_| !verdict.is_equal()) {
        report.line(&format!("connection {number}:"));
    }
    for difference in &verdict.replies.kept {
        report.difference(difference);
    }
    let hidden = verdict.replies.count() - verdict.replies.kept.len();
    if hidden > 0 {
        report.line(&format!("and {hidden} more"));
    }
    for deviation in &verdict.deviations {
        let place = place(deviation.line);
        report.line(&format!("{}{place}", deviation.what));
    }
    report.out
}

/// What was found on all connections, in one line.
pub fn summary(verdicts: &[Verdict]) -> String {
    let sum = |count: fn(&Verdict) -> usize| verdicts.iter().map(count).sum::<usize>();
    let equal = sum(|it| it.replies.equal);
    let all_equal = verdicts.iter().all(Verdict::is_equal);
    if all_equal {
        return format!("{} came as recorded", replies(equal));
    }
    let counts = [
        (sum(|it| it.replies.changed), "changed"),
        (sum(|it| it.replies.missing), "missing"),
        (sum(|it| it.replies.extra), "not recorded"),
    ];
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    let mut parts: Vec<String> = counts
        .map(|(count, what)| format!("{} {what}", replies(count)))
        .collect();
    if sum(|it| it.deviations.len()) > 0 {
        parts.push("another end".to_owned());
    }
    let equal = replies(equal);
    format!("not as recorded: {}; {equal} equal", parts.join(", "))
}

fn replies(count: usize) -> String {
    let noun = if count == 1 { "reply" } else { "replies" };
    format!("{} {noun}", grouped(count as u64))
}

/// ` (line 12 of the recording)`
fn place(line: Option<u64>) -> String {
    line.map_or_else(String::new, |line| {
        format!(" (line {line} of the recording)")
    })
}

struct Report<'a> {
    redactor: &'a Redactor,
    out: Vec<u8>,
}

impl Report<'_> {
    fn difference(&mut self, difference: &Difference) {
        match difference {
            Difference::Changed(expected, was, came) => {
                self.title(expected, "differs");
                self.changed(was, came);
            }
            Difference::Missing(expected, was) => {
                self.title(expected, "did not come");
                self.message('-', was);
            }
            Difference::Extra(number, came) => {
                self.line(&format!("reply {number} is not in the recording"));
                self.message('+', came);
            }
        }
    }

    fn title(&mut self, expected: &Expected, what: &str) {
        let (number, place) = (expected.number, place(expected.line));
        self.line(&format!("reply {number}{place} {what}"));
    }

    fn changed(&mut self, was: &Message, came: &Message) {
        let matcher = Matcher::equal(None, content(was));
        match diff::of(&matcher, came.as_data(), self.redactor) {
            Some(Diff { lines, more }) => {
                for Line { side, text } in lines {
                    self.signed(side.sign(), &text);
                }
                if more > 0 {
                    self.line(&format!("  … {}", counted(more as u64, "more line")));
                }
            }
            None => {
                if was.kind() != came.kind() {
                    let why = Mismatch::Kind(was.kind()).describe();
                    self.line(&format!("  {why}"));
                }
                self.message('-', was);
                self.message('+', came);
            }
        }
    }

    fn message(&mut self, sign: char, message: &Message) {
        let shown = Shown::message(message.as_data(), MOST, self.redactor);
        self.signed(sign, &shown);
    }

    fn signed(&mut self, sign: char, text: &Shown) {
        self.line(&format!("{sign} {}", text.as_str()));
    }

    fn line(&mut self, text: &str) {
        sanitize::line(text, &mut self.out);
        self.out.push(b'\n');
    }
}

fn content(message: &Message) -> Content {
    match message {
        Message::Text(text) => Content::Text(text.to_string()),
        Message::Binary(bytes) => Content::Binary(bytes.clone()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::replay::compare::{Comparison, Rules};
    use crate::replay::exchange::Deviation;

    fn verdict(recorded: &[Message], came: &[Message]) -> Verdict {
        let replies = recorded.iter().zip((7..).map(Some));
        let mut comparison = Comparison::new(replies, Rules::default());
        came.iter().for_each(|it| comparison.handle_reply(it));
        Verdict {
            replies: comparison.finish(),
            ..Verdict::default()
        }
    }

    #[track_caller]
    fn reports(verdict: &Verdict, expected: &str) {
        let report = differences(verdict, None, &Redactor::default());
        assert_eq!(String::from_utf8(report).unwrap(), expected);
    }

    #[test]
    fn a_difference_names_the_reply_and_its_line() {
        let text = |text: &str| Message::text(text);
        let found = verdict(
            &[text("a"), text(r#"{"n":1,"x":2}"#), text("c")],
            &[text("a"), text(r#"{"n":3,"x":2}"#)],
        );
        let expected = "reply 2 (line 8 of the recording) differs\n  {\n-   \"n\": 1\n+   \"n\": 3\n    \"x\": 2\n  }\nreply 3 (line 9 of the recording) did not come\n- c\n";
        reports(&found, expected);
        assert_eq!(
            summary(&[found]),
            "not as recorded: 1 reply changed, 1 reply missing; 1 reply equal"
        );
        let found = verdict(&[text("a")], &[text("a"), text("b")]);
        reports(&found, "reply 2 is not in the recording\n+ b\n");
        let found = verdict(&[text("a")], &[text("a")]);
        reports(&found, "");
        assert_eq!(
            summary(&[found.clone(), found]),
            "2 replies came as recorded"
        );
    }

    #[test]
    fn what_a_server_says_is_safe_and_short() {
        let found = verdict(
            &[Message::text("a\u{1b}[2J"), Message::binary(vec![1; 9])],
            &[
                Message::text("b\u{9b}\u{202e}\n"),
                Message::text("x".repeat(9000)),
            ],
        );
        let report = differences(&found, Some(2), &Redactor::default());
        let report = String::from_utf8(report).unwrap();
        assert!(report.starts_with("connection 2:\nreply 1 "), "{report}");
        assert!(report.contains("a text message came where binary was expected"));
        let is_safe = |c: char| c == '\n' || !(c.is_control() || c == '\u{202e}');
        assert!(report.chars().all(is_safe), "{report:?}");
        assert!(report.len() < 2000);
    }

    #[test]
    fn another_end_is_a_line_too() {
        let found = Verdict {
            deviations: vec![Deviation {
                what: "the server did not close".to_owned(),
                line: Some(3),
            }],
            ..Verdict::default()
        };
        reports(
            &found,
            "the server did not close (line 3 of the recording)\n",
        );
        assert!(summary(&[found]).contains("another end"));
    }
}
