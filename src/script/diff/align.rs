//! Finds what two sequences have in common, so that what was inserted or left out is shown as that.

use std::ops::Range;

/// Largest table, in cells. Longer sequences are compared without one.
const MAX_CELLS: usize = 1 << 20;

/// A step from the first sequence to the second one, with positions in them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    Same(usize, usize),
    /// Only in the first.
    First(usize),
    /// Only in the second.
    Second(usize),
}

/// The steps from one sequence to the other, with a longest common subsequence if both are short
/// enough between what they have in common at their ends.
pub(super) fn align<T: PartialEq>(first: &[T], second: &[T]) -> Vec<Step> {
    let same = |(a, b): &(&T, &T)| a == b;
    let before = first.iter().zip(second).take_while(same).count();
    let (a, b) = (rest(first, before), rest(second, before));
    let after = a.iter().rev().zip(b.iter().rev()).take_while(same).count();
    let middle = (before..first.len() - after, before..second.len() - after);

    let mut steps: Vec<Step> = (0..before).map(|at| Step::Same(at, at)).collect();
    match middle.0.len().saturating_mul(middle.1.len()) {
        0 | MAX_CELLS.. => {
            steps.extend(middle.0.clone().map(Step::First));
            steps.extend(middle.1.clone().map(Step::Second));
        }
        _ => align_middle(first, second, &middle, &mut steps),
    }
    let ends = middle.0.end..first.len();
    steps.extend(ends.zip(middle.1.end..).map(|(a, b)| Step::Same(a, b)));
    steps
}

fn rest<T>(all: &[T], from: usize) -> &[T] {
    all.get(from..).unwrap_or_default()
}

/// The classic table: each cell is the length of the longest common subsequence of what follows.
fn align_middle<T: PartialEq>(
    first: &[T],
    second: &[T],
    (rows, columns): &(Range<usize>, Range<usize>),
    steps: &mut Vec<Step>,
) {
    let a = first.get(rows.clone()).unwrap_or_default();
    let b = second.get(columns.clone()).unwrap_or_default();
    let width = b.len() + 1;
    let mut table = vec![0_u32; (a.len() + 1) * width];
    for (row, x) in a.iter().enumerate().rev() {
        for (column, y) in b.iter().enumerate().rev() {
            let at = row * width + column;
            table[at] = match x == y {
                true => table[at + width + 1] + 1,
                false => table[at + width].max(table[at + 1]),
            };
        }
    }
    let (mut row, mut column) = (0, 0);
    while let (Some(x), Some(y)) = (a.get(row), b.get(column)) {
        let at = row * width + column;
        let (here, there) = (rows.start + row, columns.start + column);
        if x == y {
            steps.push(Step::Same(here, there));
            (row, column) = (row + 1, column + 1);
        } else if table[at + width] >= table[at + 1] {
            steps.push(Step::First(here));
            row += 1;
        } else {
            steps.push(Step::Second(there));
            column += 1;
        }
    }
    steps.extend((rows.start + row..rows.end).map(Step::First));
    steps.extend((columns.start + column..columns.end).map(Step::Second));
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `=` for what both have, `-` and `+` for the rest.
    fn signs(first: &str, second: &str) -> String {
        let (a, b): (Vec<char>, Vec<char>) = (first.chars().collect(), second.chars().collect());
        let shown = align(&a, &b).into_iter().map(|step| match step {
            Step::Same(x, y) => {
                assert_eq!(a[x], b[y]);
                format!("={}", a[x])
            }
            Step::First(x) => format!("-{}", a[x]),
            Step::Second(y) => format!("+{}", b[y]),
        });
        shown.collect()
    }

    #[test]
    fn what_both_have_stays() {
        for (first, second, steps) in [
            ("", "", ""),
            ("abc", "abc", "=a=b=c"),
            ("abc", "", "-a-b-c"),
            ("", "ab", "+a+b"),
            ("abc", "axc", "=a-b+x=c"),
            ("abcd", "bcde", "-a=b=c=d+e"),
            ("aa", "aaa", "=a=a+a"),
            ("abab", "baba", "-a=b=a=b+a"),
        ] {
            assert_eq!(signs(first, second), steps, "{first} {second}");
        }
    }

    #[test]
    fn long_sequences_are_not_compared_item_by_item() {
        let first: Vec<usize> = (0..100_000).collect();
        let second: Vec<usize> = (1..100_001).rev().collect();
        assert_eq!(align(&first, &second).len(), 200_000);
    }
}
