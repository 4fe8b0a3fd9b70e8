//! What a person sees: a model of the terminal that is given what the program writes. It answers
//! nothing, so that a program which asks the terminal something gets no reply.

use std::num::NonZeroU16;

/// The prompts of an edited line, but that with the seconds until the next attempt.
const PROMPTS: [&str; 5] = ["open>", "dial>", "down>", "wait>", "pass>"];

/// Their width, with the space after them.
const PROMPT_WIDTH: usize = 6;

/// Rows that are kept when they leave the screen at its top.
const SCROLLBACK: usize = 500;

/// A terminal without its keyboard.
pub(crate) struct Screen(vt100::Parser<Updates>);

/// Synchronized updates: a terminal shows what it showed before one until that is complete.
#[derive(Default)]
struct Updates {
    before: Option<Look>,
}

impl vt100::Callbacks for Updates {
    fn unhandled_csi(
        &mut self,
        screen: &mut vt100::Screen,
        mark: Option<u8>,
        _: Option<u8>,
        parameters: &[&[u16]],
        last: char,
    ) {
        match (mark, parameters, last) {
            (Some(b'?'), [[2026]], 'h') => self.before = Some(Look::new(screen)),
            (Some(b'?'), [[2026]], 'l') => self.before = None,
            _ => {}
        }
    }
}

impl Screen {
    pub(crate) fn new(rows: u16, columns: u16) -> Screen {
        let [rows, columns] = [rows, columns].map(size);
        let updates = Updates::default();
        Screen(vt100::Parser::new_with_callbacks(
            rows, columns, SCROLLBACK, updates,
        ))
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) {
        self.0.process(bytes);
    }

    /// Rows are cut at the new width, as xterm does.
    pub(crate) fn resize(&mut self, rows: u16, columns: u16) {
        self.0.set_size(size(rows), size(columns));
    }

    /// What is shown now.
    pub(crate) fn look(&self) -> Look {
        let before = self.0.callbacks().before.clone();
        before.unwrap_or_else(|| Look::new(self.0.screen()))
    }
}

fn size(cells: u16) -> NonZeroU16 {
    NonZeroU16::new(cells).unwrap()
}

/// Whether the row begins with a prompt: `open> `, or `dn12> `.
fn is_prompted(row: &str) -> bool {
    let Some(prompt) = row.get(..PROMPT_WIDTH - 1) else {
        return false;
    };
    let seconds = prompt
        .strip_prefix("dn")
        .and_then(|it| it.strip_suffix('>'));
    PROMPTS.contains(&prompt) || seconds.is_some_and(|it| it.trim().parse::<u8>().is_ok())
}

fn trimmed(row: String) -> String {
    row.trim_end().to_owned()
}

/// The screen at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Look {
    /// The rows, without the blanks at their ends.
    pub(crate) rows: Vec<String>,
    pub(crate) columns: usize,
    /// Row and column, from 0.
    pub(crate) cursor: (usize, usize),
    pub(crate) hidden_cursor: bool,
    pub(crate) bracketed_paste: bool,
    pub(crate) alternate: bool,
    /// What is written next has a colour or an attribute.
    pub(crate) styled: bool,
}

impl Look {
    fn new(screen: &vt100::Screen) -> Look {
        let columns = screen.size().1.get();
        let (row, column) = screen.cursor_position();
        let plain = vt100::Color::Default;
        Look {
            rows: screen.rows(0, columns).map(trimmed).collect(),
            columns: usize::from(columns),
            cursor: (usize::from(row), usize::from(column)),
            hidden_cursor: screen.hide_cursor(),
            bracketed_paste: screen.bracketed_paste(),
            alternate: screen.alternate_screen(),
            styled: screen.fgcolor() != plain
                || screen.bgcolor() != plain
                || screen.bold()
                || screen.dim()
                || screen.italic()
                || screen.underline()
                || screen.inverse(),
        }
    }

    /// The row of the last prompt.
    fn prompt_row(&self) -> Option<usize> {
        self.rows.iter().rposition(|row| is_prompted(row))
    }

    /// The prompt that is shown, `open>` for instance.
    pub(crate) fn prompt(&self) -> Option<&str> {
        let row = &self.rows[self.prompt_row()?];
        Some(&row[..PROMPT_WIDTH - 1])
    }

    /// The text after the last prompt, over as many rows as it takes.
    pub(crate) fn typed_line(&self) -> Option<String> {
        let first = self.prompt_row()?;
        let last = self.rows.iter().rposition(|row| !row.is_empty())?;
        let mut line = String::new();
        for row in &self.rows[first..=last] {
            // Blanks at the end of a row were cut off.
            let missing = line.chars().count() % self.columns;
            if missing > 0 {
                line.extend(std::iter::repeat_n(' ', self.columns - missing));
            }
            line.push_str(row);
        }
        Some(line.chars().skip(PROMPT_WIDTH).collect())
    }

    /// Where the cursor stands in [`Look::typed_line`].
    pub(crate) fn typed_cursor(&self) -> Option<usize> {
        let (row, column) = self.cursor;
        let rows = row.checked_sub(self.prompt_row()?)?;
        (rows * self.columns + column).checked_sub(PROMPT_WIDTH)
    }

    /// What stands on the screen, for a message.
    pub(crate) fn text(&self) -> String {
        let shown = self.rows.join("\n");
        format!(
            "{}\ncursor at row {}, column {}",
            shown.trim_end(),
            self.cursor.0,
            self.cursor.1
        )
    }
}
