//! Shows messages again that were kept: whole, one after another, or the places in them where a text
//! was found. It always renders for the terminal, whatever `-o` is, so a peer's bytes are safe.

use crate::event::{By, Event};
use crate::output::style::{Painter, Role};
use crate::output::{Format, Options, Renderer, Timestamps, columns_of, sanitize};
use crate::repl::view::scrollback::Kept;
use crate::repl::view::search::{Excerpt, Pattern};
use crate::secret::Redactor;
use crate::units::counted;

/// The least that is shown of a message, in columns.
const NARROW: usize = 16;

/// Renders messages that are kept.
pub(super) struct Again {
    renderer: Renderer,
}

impl Again {
    /// Renders as `options` say, but for a terminal, with times, and without a filter.
    pub(super) fn new(options: &Options, redactor: &Redactor) -> Self {
        let options = Options {
            format: match options.stdout_tty {
                true => options.format,
                false => Format::Pretty,
            },
            timestamps: match options.timestamps {
                None | Some(Timestamps::Delta) => Some(Timestamps::Short),
                some => some,
            },
            stdout_tty: true,
            stdout_color: options.stderr_color,
            filter: None,
            ..options.clone()
        };
        let renderer = Renderer::new(options, redactor.clone());
        Again { renderer }
    }

    /// Learns when the run began.
    pub(super) fn learn(&mut self, header: &Event<'_>) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        self.renderer
            .render(Default::default(), header, &mut out, &mut err);
    }

    /// Changes how messages are shown.
    pub(super) fn reconfigure(&mut self, change: impl FnOnce(&mut Options)) {
        self.renderer.reconfigure(change);
    }

    /// Sets the columns and rows of the terminal.
    pub(super) fn resize(&mut self, size: Option<(usize, usize)>) {
        self.renderer.resize(size);
    }

    /// Escapes what the locale of the terminal lacks in what was appended since `from`.
    pub(super) fn fit_locale(&self, from: usize, out: &mut Vec<u8>) {
        self.renderer.fit_locale(from, out);
    }

    /// Appends a message with its number and time; whole, unless it is `folded`.
    pub(super) fn push(&mut self, kept: &Kept, folded: bool, out: &mut Vec<u8>) {
        self.push_number(kept, out);
        let place = (kept.t, kept.conn, kept.record);
        let data = kept.message.as_data();
        self.renderer.show_again(place, kept.by, data, folded, out);
        self.push_left_out(kept, out);
    }

    fn push_left_out(&self, kept: &Kept, out: &mut Vec<u8>) {
        if kept.left_out > 0 {
            let left_out = counted(kept.left_out as u64, "more byte");
            let note = format!("… {left_out} not in the scrollback\n");
            self.aside(&note, out);
        }
    }

    /// Appends one line with what is around the match in a message, on a terminal of this many
    /// columns. Of binary data it is the text in it that is searched. Returns whether there is a match.
    pub(super) fn push_match(
        &mut self,
        pattern: &Pattern,
        kept: &Kept,
        columns: usize,
        out: &mut Vec<u8>,
    ) -> bool {
        let message = self.renderer.redacted(kept.by, kept.message.as_data());
        let text = &*String::from_utf8_lossy(&message);
        if pattern.find(text, 0).is_none() {
            return false;
        }
        let line = out.len();
        self.push_number(kept, out);
        self.renderer.push_stamp(kept.t, out);
        out.extend_from_slice(match kept.by {
            By::Peer => b"< ",
            By::Us => b"> ",
        });
        let left = columns.saturating_sub(columns_of(&out[line..]));
        let Some(excerpt) = self.excerpt(pattern, text, left.max(NARROW)) else {
            return false;
        };
        let from = out.len();
        self.push_excerpt(&excerpt, out);
        self.renderer.fit_locale(from, out);
        out.push(b'\n');
        true
    }

    /// As much around the first match as a line of this many columns shows, with the marks of what is
    /// left out. Characters count as one column.
    fn excerpt<'a>(&self, pattern: &Pattern, text: &'a str, columns: usize) -> Option<Excerpt<'a>> {
        let excerpt = pattern.excerpt(text, columns)?;
        if !excerpt.cut_before && !excerpt.cut_after {
            return Some(excerpt);
        }
        let mark = if self.renderer.options().ascii { 3 } else { 1 };
        pattern.excerpt(text, columns.saturating_sub(2 * mark))
    }

    fn push_excerpt(&self, excerpt: &Excerpt<'_>, out: &mut Vec<u8>) {
        if excerpt.cut_before {
            self.aside("…", out);
        }
        for piece in &excerpt.pieces {
            match piece.is_match {
                true => self.painter().paint(Role::Failure, out, |out| {
                    sanitize::line(piece.text, out);
                }),
                false => sanitize::line(piece.text, out),
            }
        }
        if excerpt.cut_after {
            self.aside("…", out);
        }
    }

    fn push_number(&self, kept: &Kept, out: &mut Vec<u8>) {
        self.aside(&format!("#{} ", kept.number), out);
    }

    /// Appends text of our own that is less important.
    pub(super) fn aside(&self, text: &str, out: &mut Vec<u8>) {
        let text = match self.renderer.options().ascii {
            true => &*text.replace('…', "..."),
            false => text,
        };
        let (line, end) = match text.strip_suffix('\n') {
            Some(line) => (line, "\n"),
            None => (text, ""),
        };
        self.painter().paint(Role::Aside, out, |out| {
            out.extend_from_slice(line.as_bytes());
        });
        out.extend_from_slice(end.as_bytes());
    }

    fn painter(&self) -> Painter {
        Painter::new(self.renderer.options().stdout_color)
    }
}
