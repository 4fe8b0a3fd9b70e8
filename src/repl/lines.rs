//! The lines on their way to the terminal: rendered, then handed to the writer, which prints them above
//! the line being typed. While another program has the terminal they wait here, as many as fit into a
//! bounded memory. It must never block, and never write to a terminal that is away.

use std::task::{Context, Poll, ready};

use crate::io::writer::{self, Writer};
use crate::session::frontend::Progress;

/// Bytes kept while another program has the terminal. Twice as many wait before the oldest are
/// dropped.
const HELD: usize = 64 * 1024;

#[derive(Default)]
pub(super) struct Lines {
    /// Writes to the terminal, first by stdout and then above the line being typed.
    writer: Option<Writer>,
    /// Rendered, and not yet handed over.
    pending: Vec<u8>,
    /// Another program has the terminal.
    held: bool,
    /// Lines dropped since then.
    dropped: u64,
    /// Bytes dropped since the start.
    dropped_bytes: u64,
}

impl Lines {
    /// Where lines are appended, each with its line feed.
    pub(super) fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.pending
    }

    /// Prints by `writer` from here on.
    pub(super) fn set_writer(&mut self, writer: Writer) {
        self.writer = Some(writer);
    }

    /// Takes the writer, after which nothing is printed.
    pub(super) fn take_writer(&mut self) -> Option<Writer> {
        self.writer.take()
    }

    /// Hands over what was appended where that is much; otherwise [`Lines::flush`] does.
    pub(super) fn hand_over(&mut self) {
        if self.held {
            return self.drop_oldest();
        }
        if let Some(writer) = &mut self.writer {
            writer.buffer().append(&mut self.pending);
            writer.submit_if_full();
        }
    }

    /// Hands over all that was appended.
    pub(super) fn flush(&mut self) {
        if self.held {
            return self.drop_oldest();
        }
        if !self.pending.is_empty() && self.writer.is_none() {
            self.writer = writer::stdout().ok().map(Writer::new);
        }
        if let Some(writer) = &mut self.writer {
            writer.buffer().append(&mut self.pending);
            writer.submit();
        }
    }

    /// Keeps the newest lines where too many wait.
    fn drop_oldest(&mut self) {
        if self.pending.len() <= 2 * HELD {
            return;
        }
        let from = self.pending.len() - HELD;
        let line_end = memchr::memchr(b'\n', &self.pending[from..]);
        let end = line_end.map_or(self.pending.len(), |at| from + at + 1);
        let lines = memchr::memchr_iter(b'\n', &self.pending[..end]).count();
        self.dropped += lines as u64;
        self.dropped_bytes += end as u64;
        self.pending.drain(..end);
    }

    /// Another program gets the terminal: what comes from here on waits.
    pub(super) fn hold(&mut self) {
        self.flush();
        self.held = true;
    }

    /// The terminal is back. Returns how many lines were dropped meanwhile.
    pub(super) fn release(&mut self) -> u64 {
        self.held = false;
        std::mem::take(&mut self.dropped)
    }

    /// Ready when everything that was handed over is printed.
    pub(super) fn poll_written(&self, cx: &mut Context<'_>) -> Poll<()> {
        match &self.writer {
            Some(writer) => writer.poll_written(cx),
            None => Poll::Ready(()),
        }
    }

    /// Ready when there is room for more.
    pub(super) fn poll_ready(&self, cx: &mut Context<'_>) -> Poll<()> {
        if let Some(writer) = &self.writer {
            ready!(writer.poll_ready(cx));
        }
        Poll::Ready(())
    }

    /// Whether so much waits that nothing more may be read.
    pub(super) fn is_overfull(&self) -> bool {
        self.writer.as_ref().is_some_and(Writer::is_overfull)
    }

    /// How far the terminal has got.
    pub(super) fn progress(&self) -> Progress {
        let (handed, written) = self.writer.as_ref().map_or((0, 0), Writer::progress);
        Progress {
            handed: handed + self.pending.len() as u64 + self.dropped_bytes,
            written: written + self.dropped_bytes,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_for_the_terminal_is_bounded_and_whole_lines() {
        let mut lines = Lines::default();
        lines.hold();
        for n in 0..100_000 {
            lines
                .buffer()
                .extend_from_slice(format!("line {n}\n").as_bytes());
            lines.hand_over();
            assert!(lines.pending.len() <= 2 * HELD);
        }
        let kept = String::from_utf8(lines.pending.clone()).unwrap();
        assert!(kept.starts_with("line ") && kept.ends_with("line 99999\n"));
        assert_eq!(lines.release() as usize + kept.lines().count(), 100_000);
        let progress = lines.progress();
        let written: usize = (0..100_000).map(|n| format!("line {n}\n").len()).sum();
        assert_eq!(progress.handed, written as u64);
        assert_eq!(progress.handed - progress.written, kept.len() as u64);
    }
}
