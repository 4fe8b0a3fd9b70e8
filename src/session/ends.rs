//! The two ends of a run, as long as no connection has them to itself.

use std::cell::RefCell;
use std::time::Instant;

use super::frontend::Sink;
use crate::event::Event;

/// Where commands come from and events go. Shared by whatever goes on at once; never borrowed while
/// something waits.
pub(super) struct Ends<'a, I, O> {
    pub(super) source: RefCell<&'a mut I>,
    pub(super) sink: RefCell<&'a mut O>,
}

impl<'a, I, O> Ends<'a, I, O> {
    pub(super) fn new(source: &'a mut I, sink: &'a mut O) -> Self {
        Ends {
            source: RefCell::new(source),
            sink: RefCell::new(sink),
        }
    }
}

impl<I, O: Sink> Ends<'_, I, O> {
    /// Reports at once: the next step may take its time.
    pub(super) fn report(&self, event: &Event<'_>) {
        let mut sink = self.sink.borrow_mut();
        sink.handle_event(Instant::now(), event);
        sink.flush();
    }

    pub(super) fn flush(&self) {
        self.sink.borrow_mut().flush();
    }
}
