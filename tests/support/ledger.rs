//! What a server wrote down about the numbered messages that it took, in the order in which it took
//! them.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;
use std::path::Path;

/// The numbers, one per message.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Ledger {
    pub(crate) numbers: Vec<u64>,
}

impl Ledger {
    #[track_caller]
    pub(crate) fn read(file: impl AsRef<Path>) -> Ledger {
        Ledger::parse(&std::fs::read(file).unwrap())
    }

    /// Each line is an integer, or a JSON object that has one as its member `n`, or `ack` as in the
    /// answers. A last line without
    /// its newline does not count: the server was killed while it wrote.
    #[track_caller]
    pub(crate) fn parse(bytes: &[u8]) -> Ledger {
        let whole = bytes.iter().rposition(|byte| *byte == b'\n');
        let lines = bytes[..whole.unwrap_or(0)].split(|byte| *byte == b'\n');
        let lines = lines.filter(|_| whole.is_some());
        Ledger {
            numbers: lines.map(number).collect(),
        }
    }

    /// Those of the range that it lacks.
    pub(crate) fn missing(&self, all: RangeInclusive<u64>) -> Vec<u64> {
        let seen: BTreeSet<_> = self.numbers.iter().collect();
        all.filter(|number| !seen.contains(number)).collect()
    }

    /// Entries beyond the first of their number.
    pub(crate) fn repeats(&self) -> usize {
        self.firsts_and_repeats().1.len()
    }

    /// The numbers that stand there more than once.
    pub(crate) fn repeated_numbers(&self) -> BTreeSet<u64> {
        self.firsts_and_repeats().1.into_iter().collect()
    }

    /// Whether the numbers are in order apart from repeats.
    pub(crate) fn first_appearances_in_order(&self) -> bool {
        self.firsts_and_repeats().0.is_sorted()
    }

    fn firsts_and_repeats(&self) -> (Vec<u64>, Vec<u64>) {
        let mut seen = BTreeSet::new();
        self.numbers.iter().partition(|number| seen.insert(*number))
    }
}

#[track_caller]
fn number(line: &[u8]) -> u64 {
    let value: serde_json::Value = serde_json::from_slice(line).unwrap_or_default();
    let member = || value.get("n").or(value.get("ack"))?.as_u64();
    let number = value.as_u64().or_else(member);
    number.unwrap_or_else(|| panic!("no number: {:?}", String::from_utf8_lossy(line)))
}

#[test]
fn a_line_is_a_number_or_has_one() {
    let ledger = Ledger::parse(b"1\n{\"n\":2}\n{\"other\":[7],\"n\":3}\n{\"ack\":4}\n");
    assert_eq!(ledger.numbers, [1, 2, 3, 4]);
}

#[test]
fn a_torn_line_at_the_end_does_not_count() {
    assert_eq!(Ledger::parse(b"1\n2\n3").numbers, [1, 2]);
    assert_eq!(Ledger::parse(b"1\n{\"n\":").numbers, [1]);
    assert!(Ledger::parse(b"1").numbers.is_empty());
    assert!(Ledger::parse(b"").numbers.is_empty());
}

#[test]
#[should_panic(expected = "no number: \"12x\"")]
fn garbage_is_an_error() {
    Ledger::parse(b"1\n12x\n3\n");
}

#[test]
fn what_lacks_and_what_repeats() {
    let numbers = vec![1, 2, 4, 2, 4, 4, 5];
    let ledger = Ledger { numbers };
    assert_eq!(ledger.missing(1..=6), [3, 6]);
    assert_eq!(ledger.repeats(), 3);
    assert_eq!(ledger.repeated_numbers(), BTreeSet::from([2, 4]));
    assert!(ledger.first_appearances_in_order());
}

#[test]
fn order_is_that_of_first_appearances() {
    let in_order = |numbers: &[u64]| {
        let numbers = numbers.to_vec();
        Ledger { numbers }.first_appearances_in_order()
    };
    assert!(in_order(&[]));
    assert!(in_order(&[1, 2, 3, 2, 3, 4]));
    assert!(in_order(&[1, 3, 1]));
    assert!(!in_order(&[1, 3, 2]));
    assert!(!in_order(&[1, 2, 4, 1, 3, 4, 5]));
}
