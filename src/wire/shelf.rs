//! A shelf for what zlib needs to compress or to inflate, which takes more memory than all else of a
//! connection together: between messages a connection leaves it there, and finds it as it was unless
//! others needed it. Each thread has its own shelf, with a bounded number of places. No I/O.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::LocalKey;

/// Connections that keep what they left. Where more of them are busy at the same time, they take it
/// from each other.
const PLACES: usize = 32;

/// What connections have left, the longest unused first.
#[derive(Debug)]
pub(super) struct Shelf<T>(Vec<(Ticket, Box<T>)>);

impl<T> Shelf<T> {
    pub(super) const fn new() -> Self {
        Shelf(Vec::new())
    }

    fn put(&mut self, thing: Box<T>) -> Ticket {
        if self.0.len() >= PLACES {
            self.0.remove(0);
        }
        let ticket = Ticket::next();
        self.0.push((ticket, thing));
        ticket
    }

    fn take(&mut self, ticket: Ticket) -> Option<Box<T>> {
        // The last one is the likeliest.
        let place = self.0.iter().rposition(|(theirs, _)| *theirs == ticket)?;
        Some(self.0.remove(place).1)
    }

    /// The longest unused, where there is no other place left.
    fn take_oldest(&mut self) -> Option<Box<T>> {
        (self.0.len() >= PLACES).then(|| self.0.remove(0).1)
    }
}

/// Names what was left once. No other has the same name, on whatever thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ticket(u64);

impl Ticket {
    fn next() -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Ticket(NEXT.fetch_add(1, Ordering::Relaxed))
    }
}

/// A connection's own, made when it is first needed.
#[derive(Debug)]
pub(super) struct Kept<T: 'static> {
    shelf: &'static LocalKey<RefCell<Shelf<T>>>,
    held: Option<Box<T>>,
    ticket: Option<Ticket>,
}

impl<T> Kept<T> {
    pub(super) const fn new(shelf: &'static LocalKey<RefCell<Shelf<T>>>) -> Self {
        Kept {
            shelf,
            held: None,
            ticket: None,
        }
    }

    /// Whether there is something, as far as is known here.
    pub(super) fn is_some(&self) -> bool {
        self.held.is_some() || self.ticket.is_some()
    }

    /// It as it was left, or else what `make` makes, perhaps of somebody else's.
    pub(super) fn get_or(&mut self, make: impl FnOnce(Option<Box<T>>) -> Box<T>) -> &mut T {
        self.held.get_or_insert_with(|| {
            let left = take(self.shelf, &mut self.ticket);
            left.unwrap_or_else(|| {
                let oldest = self
                    .shelf
                    .try_with(|shelf| shelf.borrow_mut().take_oldest());
                make(oldest.ok().flatten())
            })
        })
    }

    /// Leaves it on the shelf.
    pub(super) fn leave(&mut self) {
        if let Some(held) = self.held.take() {
            let left = self.shelf.try_with(|shelf| shelf.borrow_mut().put(held));
            self.ticket = left.ok();
        }
    }

    /// Forgets it.
    pub(super) fn forget(&mut self) {
        self.held = None;
        take(self.shelf, &mut self.ticket);
    }
}

impl<T> Drop for Kept<T> {
    fn drop(&mut self) {
        self.forget();
    }
}

fn take<T>(
    shelf: &'static LocalKey<RefCell<Shelf<T>>>,
    ticket: &mut Option<Ticket>,
) -> Option<Box<T>> {
    let ticket = ticket.take()?;
    let taken = shelf.try_with(|shelf| shelf.borrow_mut().take(ticket));
    taken.ok().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    thread_local! {
        static SHELF: RefCell<Shelf<usize>> = const { RefCell::new(Shelf::new()) };
    }

    fn leave(number: usize) -> Kept<usize> {
        let mut kept = Kept::new(&SHELF);
        kept.get_or(|_| Box::new(number));
        kept.leave();
        kept
    }

    #[test]
    fn the_least_recently_used_is_evicted() {
        let mut all: Vec<_> = (0..PLACES).map(leave).collect();
        // Used again, so the second is the oldest.
        assert_eq!(*all[0].get_or(|_| Box::new(100)), 0);
        all[0].leave();
        let mut new = Kept::new(&SHELF);
        assert_eq!(new.get_or(|oldest| oldest.unwrap()), &1);
        assert_eq!(*all[1].get_or(|_| Box::new(101)), 101);
        assert_eq!(*all[2].get_or(|_| Box::new(102)), 2);
    }

    #[test]
    fn a_forgotten_item_frees_its_place() {
        let mut all: Vec<_> = (0..PLACES).map(leave).collect();
        all[3].forget();
        drop(all.pop());
        assert!(!all[3].is_some());
        assert_eq!(SHELF.with_borrow(|shelf| shelf.0.len()), PLACES - 2);
        assert_eq!(*leave(7).get_or(|oldest| oldest.unwrap()), 7);
    }

    #[test]
    fn each_thread_has_its_own_shelf() {
        let mut kept = leave(1);
        let there = std::thread::spawn(move || {
            let other = *kept.get_or(|_| Box::new(2));
            kept.leave();
            (kept, other)
        });
        let (mut kept, other) = there.join().unwrap();
        assert_eq!(other, 2);
        // What was left here first is no longer what it is to go on with.
        assert_eq!(*kept.get_or(|_| Box::new(3)), 3);
    }
}
