//! A message of more lines than the screen shows: the editor has those around the cursor, and this has the
//! lines before and after them, so that a key costs the same in the first line and in the ten-thousandth.
//! Pure. Every byte is either here or in the editor, and never in both.

use unicode_width::UnicodeWidthStr;

use super::brackets::{self, Brackets, End};

/// The most columns that a tab takes.
const TAB: usize = 8;

/// The rows that stay free when lines are given to the editor, so that it can take some more.
const SPARE: usize = 4;

/// The size of the terminal.
#[derive(Clone, Copy, Debug)]
pub(super) struct Space {
    pub(super) columns: usize,
    pub(super) rows: usize,
}

/// What a key does that the editor may be unable to do, because it does not have the lines for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// Begins a new line.
    NewLine,
    Up,
    Down,
    /// One character to the left.
    Back,
    /// One character to the right.
    Forward,
    /// Removes the character on the left.
    Erase,
    /// Removes the character on the right.
    Delete,
    /// To the beginning of the message.
    Start,
    /// To its end.
    End,
}

/// Who takes a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taker {
    /// The editor, within its lines.
    Editor,
    /// The document, which gives the editor other lines.
    Document,
    /// Nobody: there is nothing.
    Nobody,
}

/// The text before the cursor, and that after it.
pub(super) type Lines = (String, String);

#[derive(Debug, Default)]
pub(super) struct Document {
    /// Whole lines.
    before: String,
    /// The brackets of these.
    brackets: Brackets,
    /// Whole lines, each with the line end before it.
    after: String,
    /// The step to take once the editor has given its lines back, and where its cursor was.
    wanted: Option<(Step, usize)>,
    /// The editor was given lines that it would take away again as its first change.
    given: bool,
}

impl Document {
    /// Whether the editor has the whole message.
    pub(super) fn is_empty(&self) -> bool {
        self.before.is_empty() && self.after.is_empty()
    }

    /// The lines before those of the editor.
    pub(super) fn before(&self) -> &str {
        &self.before
    }

    /// Whether Enter begins the next line of the message: it is not closed, and has no empty line at its
    /// end. `line` is what the editor has.
    pub(super) fn goes_on(&self, line: &str) -> bool {
        if self.is_empty() {
            return brackets::goes_on(line);
        }
        let texts = [&self.after, line, &self.before];
        let last = texts.into_iter().find(|text| !text.is_empty());
        if last.is_some_and(|text| text.ends_with('\n')) {
            return false;
        }
        let mut brackets = self.brackets.clone();
        brackets.read(line);
        brackets.read(&self.after);
        brackets.is_open()
    }

    /// What closes the message, where the editor has its last line.
    pub(super) fn open(&self) -> Option<String> {
        match self.brackets.end() {
            End::Open(closing) if self.after.is_empty() => Some(closing),
            _ => None,
        }
    }

    /// Who takes a step, with the editor's lines and the cursor in them.
    pub(super) fn taker(&self, step: Step, line: &str, at: usize, space: Space) -> Taker {
        let first = !line[..at].contains('\n');
        let last = !line[at..].contains('\n');
        let beyond = |edge: bool, rest: &str| match (edge, rest.is_empty()) {
            (true, false) => Taker::Document,
            (true, true) if !self.is_empty() => Taker::Nobody,
            (true, true) => Taker::Editor,
            (false, _) if is_tall(line, space) => Taker::Document,
            (false, _) => Taker::Editor,
        };
        let at_edge = |edge: bool, rest: &str| match edge && !rest.is_empty() {
            true => Taker::Document,
            false => Taker::Editor,
        };
        match step {
            Step::NewLine if self.ends(line, at) && !self.is_empty() => Taker::Document,
            Step::NewLine => at_edge(is_tall(line, space), "\n"),
            Step::Up => beyond(first, &self.before),
            Step::Down => beyond(last, &self.after),
            Step::Back | Step::Erase => at_edge(at == 0, &self.before),
            Step::Forward | Step::Delete => at_edge(at == line.len(), &self.after),
            Step::Start | Step::End => at_edge(!self.is_empty(), "\n"),
        }
    }

    /// Whether the cursor is at the end of the message.
    fn ends(&self, line: &str, at: usize) -> bool {
        at == line.len() && self.after.is_empty()
    }

    /// Whether the editor can only undo what was typed.
    pub(super) fn may_undo(&self) -> bool {
        !self.given
    }

    /// Remembers the step until the editor has given its lines back.
    pub(super) fn want(&mut self, step: Step, at: usize) {
        self.wanted = Some((step, at));
    }

    /// Takes the step that was wanted, with the lines of the editor; gives it those that it has next.
    pub(super) fn take_step(&mut self, line: String, space: Space) -> Lines {
        let Some((step, at)) = self.wanted.take() else {
            return (line, String::new());
        };
        if step == Step::NewLine && self.ends(&line, at) {
            self.given = false;
            for text in [&*line, "\n"] {
                self.before.push_str(text);
                self.brackets.read(text);
            }
            return Lines::default();
        }
        let left = std::mem::take(&mut self.before) + &line[..at];
        let right = line[at..].to_owned() + &self.after;
        let (left, right) = moved(step, left, right);
        self.place(left, right, space)
    }

    /// Gives the editor the lines around the cursor.
    fn place(&mut self, mut left: String, mut right: String, space: Space) -> Lines {
        let rows = space.rows.saturating_sub(SPARE);
        // One half on each side, and what one side does not need for the other one.
        let below = measure(&mut right.split('\n'), rows / 2, space);
        let above = measure(
            &mut left.rsplit('\n'),
            rows.saturating_sub(below.rows),
            space,
        );
        let below = measure(
            &mut right.split('\n'),
            rows.saturating_sub(above.rows),
            space,
        );
        let window = left.split_off(left.len() - above.bytes);
        self.after = right.split_off(below.bytes);
        self.given = true;
        self.brackets = Brackets::default();
        self.brackets.read(&left);
        self.before = left;
        (window, right)
    }

    /// The whole message, of which the editor has this.
    pub(super) fn whole(&self, line: &str) -> String {
        [&self.before, line, &self.after].concat()
    }

    /// The whole message, of which the editor had this; the next one is new.
    pub(super) fn take_whole(&mut self, line: &str) -> String {
        let whole = self.whole(line);
        *self = Document::default();
        whole
    }
}

/// The text before the cursor and after it, once the step has been taken.
fn moved(step: Step, mut left: String, mut right: String) -> Lines {
    match step {
        Step::NewLine => left.push('\n'),
        Step::Erase => drop(left.pop()),
        Step::Delete => drop(first(&right).map(|c| right.drain(..c.len_utf8()))),
        Step::Back => right.insert_str(0, &pop(&mut left)),
        Step::Forward => {
            if let Some(c) = first(&right) {
                left.push(c);
                right.remove(0);
            }
        }
        Step::Start => right.insert_str(0, &std::mem::take(&mut left)),
        Step::End => left.push_str(&std::mem::take(&mut right)),
        Step::Up => return up(left, right),
        Step::Down => return down(left, right),
    }
    (left, right)
}

fn first(text: &str) -> Option<char> {
    text.chars().next()
}

fn pop(text: &mut String) -> String {
    text.pop().map(String::from).unwrap_or_default()
}

/// The cursor in the same column of the line above.
fn up(mut left: String, right: String) -> Lines {
    let start = left.rfind('\n').unwrap_or(0);
    let above = left[..start].rfind('\n').map_or(0, |at| at + 1);
    let column = left[start..].trim_start_matches('\n').chars().count();
    let cursor = above + column_in(&left[above..start], column);
    let crossed = left.split_off(cursor);
    (left, crossed + &right)
}

/// The cursor in the same column of the line below.
fn down(mut left: String, mut right: String) -> Lines {
    let start = left.rfind('\n').map_or(0, |at| at + 1);
    let column = left[start..].chars().count();
    let below = right.find('\n').map_or(right.len(), |at| at + 1);
    let end = right[below..]
        .find('\n')
        .map_or(right.len(), |at| below + at);
    let rest = right.split_off(below + column_in(&right[below..end], column));
    left.push_str(&right);
    (left, rest)
}

/// The position of a column in a line, or its end.
fn column_in(line: &str, column: usize) -> usize {
    let mut columns = line.char_indices().map(|(at, _)| at);
    columns.nth(column).unwrap_or(line.len())
}

/// Whether lines, and one more, leave no row of the screen to the rest of it.
fn is_tall(lines: &str, space: Space) -> bool {
    let mut rows = 2;
    lines.split('\n').any(|line| {
        rows += rows_of(line, space);
        rows > space.rows
    })
}

fn rows_of(line: &str, space: Space) -> usize {
    let tabs = line.bytes().filter(|byte| *byte == b'\t').count();
    (line.width() + tabs * TAB) / space.columns.max(1) + 1
}

/// The size of some lines: their rows, their bytes and those of the line ends between them.
struct Size {
    bytes: usize,
    rows: usize,
}

/// The first line, and those after it that fit into `rows` with it.
fn measure(lines: &mut dyn Iterator<Item = &str>, rows: usize, space: Space) -> Size {
    let first = lines.next().unwrap_or_default();
    let mut size = Size {
        bytes: first.len(),
        rows: rows_of(first, space),
    };
    for line in lines {
        let more = rows_of(line, space);
        if size.rows + more > rows {
            break;
        }
        size.rows += more;
        size.bytes += 1 + line.len();
    }
    size
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SPACE: Space = Space {
        columns: 40,
        rows: 12,
    };

    /// An editor with its lines and the document of the others.
    #[derive(Debug, Default)]
    struct Typing {
        document: Document,
        lines: Lines,
        /// The most rows that the editor had.
        rows: usize,
    }

    impl Typing {
        fn insert(&mut self, c: char) {
            self.lines.0.push(c);
        }

        fn line(&self) -> String {
            self.lines.0.clone() + &self.lines.1
        }

        fn step(&mut self, step: Step) -> Taker {
            let (line, at) = (self.line(), self.lines.0.len());
            let taker = self.document.taker(step, &line, at, SPACE);
            let (left, right) = std::mem::take(&mut self.lines);
            self.lines = match taker {
                Taker::Editor => moved(step, left, right),
                Taker::Nobody => (left, right),
                Taker::Document => {
                    self.document.want(step, at);
                    self.document.take_step(line, SPACE)
                }
            };
            let line = self.line();
            let rows = line.split('\n').map(|line| rows_of(line, SPACE));
            self.rows = self.rows.max(rows.sum());
            taker
        }

        /// Types a text, and presses Enter where a line ends.
        fn type_text(&mut self, text: &str) {
            for c in text.chars() {
                match c {
                    '\n' => drop(self.step(Step::NewLine)),
                    c => self.insert(c),
                }
            }
        }

        fn whole(&self) -> String {
            self.document.whole(&self.line())
        }

        fn cursor(&self) -> usize {
            self.document.before.len() + self.lines.0.len()
        }
    }

    fn typed(text: &str) -> Typing {
        let mut typing = Typing::default();
        typing.type_text(text);
        typing
    }

    fn numbers(count: usize) -> String {
        let lines: Vec<_> = (0..count).map(|n| format!("  {n:04},")).collect();
        format!("[\n{}", lines.join("\n"))
    }

    #[test]
    fn a_message_of_less_than_a_screen_stays_in_the_editor() {
        let text = numbers(9);
        let typing = typed(&text);
        assert_eq!(typing.line(), text);
        assert!(typing.document.is_empty());
        for step in [Step::Up, Step::Down, Step::Start, Step::End, Step::Erase] {
            let taker = typing.document.taker(step, &text, 0, SPACE);
            assert_eq!(taker, Taker::Editor, "{step:?}");
        }
    }

    #[test]
    fn beyond_a_screen_the_editor_has_the_line_being_typed() {
        let text = numbers(2000);
        let mut typing = typed(&text);
        assert_eq!(typing.line(), "  1999,");
        assert!(typing.rows < SPACE.rows);
        assert_eq!(typing.document.open().as_deref(), Some("]"));
        let line = typing.line();
        assert!(typing.document.goes_on(&line));
        assert!(!typing.document.goes_on("]"));
        assert_eq!(typing.document.take_whole(&line), text);
        assert!(typing.document.is_empty() && typing.document.may_undo());
    }

    #[test]
    fn an_empty_line_ends_the_message() {
        let typing = typed(&(numbers(100) + "\n"));
        assert_eq!(typing.line(), "");
        assert!(!typing.document.goes_on(""));
    }

    #[test]
    fn the_lines_above_come_back_with_the_cursor_in_its_column() {
        let mut typing = typed(&(numbers(100) + "\n  "));
        assert_eq!(typing.step(Step::Up), Taker::Document);
        assert!(typing.lines.0.ends_with("0098,\n  "), "{typing:?}");
        assert_eq!(typing.lines.1, "0099,\n  ");
        assert!(!typing.document.may_undo());
        while typing.step(Step::Up) != Taker::Nobody {}
        assert_eq!((typing.cursor(), typing.document.before()), (1, ""));
        while typing.step(Step::Down) != Taker::Nobody {}
        assert_eq!(typing.whole(), numbers(100) + "\n  ");
        assert_eq!(typing.cursor(), typing.whole().len() - 1);
        assert!(typing.rows < SPACE.rows);
    }

    #[test]
    fn lines_that_came_in_one_piece_are_given_in_parts_once_the_cursor_moves() {
        let text = numbers(100);
        let mut typing = Typing::default();
        text.chars().for_each(|c| typing.insert(c));
        assert_eq!(typing.step(Step::Up), Taker::Document);
        assert!(typing.line().len() < 100);
        assert_eq!(typing.whole(), text);
    }

    #[test]
    fn what_is_wider_than_the_screen_counts_with_all_its_rows() {
        assert!(is_tall(&"x".repeat(40 * 10), SPACE));
        assert!(!is_tall(&"x".repeat(40 * 10 - 1), SPACE));
        assert!(is_tall(&"日".repeat(20 * 10), SPACE));
        assert!(is_tall(&"\t".repeat(5 * 10), SPACE));
    }

    fn any_step() -> impl Strategy<Value = Step> {
        prop::sample::select(vec![
            Step::NewLine,
            Step::NewLine,
            Step::NewLine,
            Step::Up,
            Step::Up,
            Step::Up,
            Step::Down,
            Step::Back,
            Step::Forward,
            Step::Erase,
            Step::Delete,
            Step::Start,
            Step::End,
        ])
    }

    #[derive(Clone, Debug)]
    enum Pressed {
        Step(Step),
        Text(String),
    }

    fn any_key() -> impl Strategy<Value = Pressed> {
        prop_oneof![
            any_step().prop_map(Pressed::Step),
            "[ {}\"\\[\\],日é]{0,50}".prop_map(Pressed::Text),
        ]
    }

    proptest! {
        #[test]
        fn parts_are_edited_as_the_whole_would_be(
            lines in 0..40_usize,
            keys in prop::collection::vec(any_key(), 0..60),
        ) {
            let start = numbers(lines);
            let mut typing = typed(&start);
            let mut model = (start, String::new());
            for key in keys {
                match key {
                    Pressed::Text(text) => {
                        model.0.push_str(&text);
                        text.chars().for_each(|c| typing.insert(c));
                    }
                    Pressed::Step(step) => {
                        if typing.step(step) != Taker::Nobody {
                            model = moved(step, model.0, model.1);
                        }
                    }
                }
                let whole = model.0.clone() + &model.1;
                prop_assert_eq!(typing.whole(), &*whole);
                prop_assert_eq!(typing.cursor(), model.0.len());
                let line = typing.line();
                prop_assert_eq!(typing.document.goes_on(&line), brackets::goes_on(&whole));
            }
        }
    }
}
