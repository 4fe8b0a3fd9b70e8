//! The lines of a comparison: few and short, whatever is compared.

use std::collections::VecDeque;

use crate::script::shown::Shown;
use crate::secret::Redactor;

/// The most lines of a comparison.
const MAX_LINES: usize = 200;
/// The most characters of a line.
pub(super) const MAX_COLUMNS: usize = 100;
/// How many lines without a difference are shown next to one with it.
const CONTEXT: usize = 3;
/// As many lines are shown before anything is left out.
const KEPT: usize = 8;

/// The lines of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diff {
    pub lines: Vec<Line>,
    /// How many lines were left out at the end.
    pub more: usize,
}

impl Diff {
    /// How many lines differ.
    pub fn differences(&self) -> usize {
        let differs = |line: &&Line| matches!(line.side, Side::Expected | Side::Came);
        self.lines.iter().filter(differs).count() + self.more
    }
}

/// A line, which never has a line feed at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub side: Side,
    pub text: Shown,
}

/// Where a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Both,
    /// Only in what was expected.
    Expected,
    /// Only in what came.
    Came,
    /// In neither: it says how many lines were left out here.
    Gap,
}

impl Side {
    /// What stands before the line.
    pub fn sign(self) -> char {
        match self {
            Side::Both | Side::Gap => ' ',
            Side::Expected => '-',
            Side::Came => '+',
        }
    }
}

/// Collects lines, and leaves out what is far from every difference.
pub(super) struct Lines<'a> {
    diff: Diff,
    redactor: &'a Redactor,
    /// The last lines that both have, up to [`KEPT`].
    before: VecDeque<Shown>,
    /// How many such lines were left out.
    skipped: usize,
    /// How many such lines are still shown after a difference.
    after: usize,
    /// Whether any two lines differ.
    differs: bool,
}

impl<'a> Lines<'a> {
    pub(super) fn new(redactor: &'a Redactor) -> Self {
        Lines {
            diff: Diff::default(),
            redactor,
            before: VecDeque::new(),
            skipped: 0,
            after: 0,
            differs: false,
        }
    }

    pub(super) fn redactor(&self) -> &'a Redactor {
        self.redactor
    }

    /// Adds a line. `text` makes it, if it will be shown.
    pub(super) fn push(&mut self, side: Side, text: impl FnOnce() -> String) {
        if self.diff.lines.len() >= MAX_LINES {
            self.diff.more += 1;
            return;
        }
        let redactor = self.redactor;
        let shown = || Shown::cut(&text(), MAX_COLUMNS, redactor);
        if side != Side::Both {
            self.flush();
            self.add(side, shown());
            self.after = CONTEXT;
            self.differs = true;
        } else if self.after > 0 {
            self.after -= 1;
            self.add(side, shown());
        } else {
            if self.before.len() == KEPT {
                self.before.pop_front();
                self.skipped += 1;
            }
            self.before.push_back(shown());
        }
    }

    /// Adds two lines that differ. Where both are long, their beginning in common is left out.
    pub(super) fn push_pair(&mut self, label: &str, expected: &str, came: &str) {
        let from = shared(expected, came);
        for (side, text) in [(Side::Expected, expected), (Side::Came, came)] {
            self.push(side, || match text.get(from..) {
                Some(rest) if from > 0 => format!("{label}…{rest}"),
                _ => format!("{label}{text}"),
            });
        }
    }

    /// All lines; `None` if no two lines differ.
    pub(super) fn finish(mut self) -> Option<Diff> {
        if self.skipped > 0 {
            self.skipped += self.before.len();
            self.before.clear();
        }
        self.flush();
        self.differs.then_some(self.diff)
    }

    fn flush(&mut self) {
        let skipped = std::mem::take(&mut self.skipped);
        if skipped > 0 {
            let far = self.before.len().saturating_sub(CONTEXT);
            self.before.drain(..far);
            self.gap(skipped + far);
        }
        for text in std::mem::take(&mut self.before) {
            self.add(Side::Both, text);
        }
    }

    fn gap(&mut self, lines: usize) {
        let text = format!("… {lines} lines that are the same");
        self.add(Side::Gap, Shown::new(&text, self.redactor));
    }

    fn add(&mut self, side: Side, text: Shown) {
        self.diff.lines.push(Line { side, text });
    }
}

/// How many bytes at the beginning of two texts need not be shown: none where the difference is near.
fn shared(one: &str, other: &str) -> usize {
    let characters = one.char_indices().zip(other.chars());
    let same = characters.take_while(|((_, a), b)| a == b);
    let mut places: VecDeque<usize> = VecDeque::with_capacity(MAX_COLUMNS / 2);
    let mut count = 0;
    for ((at, _), _) in same {
        count += 1;
        if places.len() == MAX_COLUMNS / 4 {
            places.pop_front();
        }
        places.push_back(at);
    }
    match places.front() {
        Some(at) if count > MAX_COLUMNS / 2 => *at,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(diff: Option<Diff>) -> String {
        let diff = diff.unwrap();
        let lines = diff.lines.iter();
        let lines = lines.map(|line| format!("{} {}\n", line.side.sign(), line.text.as_str()));
        lines.collect::<String>() + &format!("{} more", diff.more)
    }

    #[test]
    fn lines_far_from_a_difference_are_left_out() {
        let redactor = Redactor::default();
        let mut lines = Lines::new(&redactor);
        for number in 0..22 {
            let side = if number == 9 { Side::Came } else { Side::Both };
            lines.push(side, || number.to_string());
        }
        let text = "  … 6 lines that are the same\n  6\n  7\n  8\n+ 9\n  10\n  11\n  12\n  \
                    … 9 lines that are the same\n0 more";
        assert_eq!(shown(lines.finish()), text);
    }

    #[test]
    fn there_is_a_limit_of_lines_and_of_columns() {
        let redactor = Redactor::default();
        let mut lines = Lines::new(&redactor);
        for _ in 0..1000 {
            lines.push(Side::Came, || "x".repeat(1000));
        }
        let diff = lines.finish().unwrap();
        assert_eq!((diff.lines.len(), diff.more), (200, 800));
        let longest = diff
            .lines
            .iter()
            .map(|line| line.text.as_str().chars().count());
        assert_eq!(longest.max(), Some(101));
    }

    #[test]
    fn of_two_long_lines_the_difference_is_shown() {
        let redactor = Redactor::default();
        let mut lines = Lines::new(&redactor);
        let long = "ä".repeat(1000);
        lines.push_pair("a: ", &format!("{long}1"), &format!("{long}22"));
        lines.push_pair("b: ", "1", "2");
        let near = "ä".repeat(25);
        let text = format!("- a: …{near}1\n+ a: …{near}22\n- b: 1\n+ b: 2\n0 more");
        assert_eq!(shown(lines.finish()), text);
    }

    #[test]
    fn nothing_that_differs_is_no_comparison() {
        let redactor = Redactor::default();
        let mut lines = Lines::new(&redactor);
        lines.push(Side::Both, || "same".to_owned());
        assert_eq!(lines.finish(), None);
    }
}
