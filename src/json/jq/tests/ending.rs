//! Expressions under the meter all end.

use std::time::{Duration, Instant};

use super::super::{Filter, Interrupt};

/// Expressions that never end, or take very long, within bounded memory.
const ENDLESS: &[&str] = &[
    "def f: f; f",
    "def f: try f catch f; f",
    "def f(g): f(g); f(.)",
    "def f: (f | f); f",
    "def f: [1] | f; f",
    "def f: . as $x | f; f",
    "0 | until(false; .)",
    "0 | until(false; . + 1)",
    "repeat(.) | empty",
    "first(repeat(1) | empty)",
    "last(repeat(1))",
    "limit(1e12; repeat(1)) | empty",
    "skip(1e12; repeat(1))",
    "isempty(repeat(empty))",
    "[limit(1e12; range(1e12) | empty)]",
    "range(1e18) | empty",
    "range(0; 1; 0) | empty",
    "last(range(1e18))",
    "skip(1e18; range(1e18))",
    "reduce range(1e18) as $i (0; . + $i)",
    "foreach range(1e18) as $i (0; 1; empty)",
    "[range(1e9) | select(false)]",
    "any(range(1e18); . < 0)",
    "label $f | repeat(1) | if . == 2 then break $f else empty end",
    "try repeat(error(\"x\")?) catch .",
    "repeat(try error(\"x\") catch .) | empty",
    "path(repeat(.)) | empty",
    "(repeat(.)) |= .",
    "(range(1e18) | empty) // (def f: f; f)",
    "(null, range(1e18) | null) // 1",
    "reduce range(60) as $i (1; [., .]) | [..] | length",
    "reduce range(60) as $i (1; [., .]) | last(..)",
    "reduce range(60) as $i (1; [., .]) | first(path(..) | empty)",
    "reduce range(60) as $i (1; [., .]) | walk(.)",
    "reduce range(60) as $i (1; [., .]) | flatten",
    "(reduce range(60) as $i (1; [., .])) as $a | (reduce range(60) as $i (1; [., .])) as $b | $a == $b",
    "(reduce range(60) as $i (1; [., .])) as $a | (reduce range(60) as $i (1; [., .])) as $b | [$a, $b] | sort",
    "(reduce range(60) as $i (1; [., .])) as $a | (reduce range(60) as $i (1; [., .])) as $b | [$a] - [$b]",
    "(reduce range(60) as $i (1; [., .])) as $a | (reduce range(60) as $i (2; [., .])) as $b | $a | contains($b)",
    "(reduce range(60) as $i (1; [., .])) as $a | (reduce range(60) as $i (1; [., .])) as $b | [$a] | index([$b])",
    "(reduce range(60) as $i ({}; {a: ., b: .})) | . * .",
    "reduce range(60) as $i (1; [., .]) | {(.): 1}",
    "reduce range(60) as $i (1; [., .]) | tobytes",
    "[\"a\" * 3000000] | .[0] as $x | $x | indices($x[:1500000] + \"b\")",
    "[limit(3000; repeat([range(3000)]))] as $x | $x | contains([[3001]])",
    "\"a\" * 20000000 | test(\"(a?){50}(b?){50}c$\")",
    "\"a\" * 1000000 | [match(\".*[^a]|a\"; \"g\") | empty]",
    "\"a\" * 1000000 | gsub(\"a\"; \"b\") | length | repeat(.) | empty",
    "repeat([range(1000)] | sort | tojson | fromjson) | empty",
    "repeat(\"x\" * 1000000 | @base64 | length) | empty",
];

/// Expressions that need more than there is.
const GREEDY: &[&str] = &[
    "[range(1e9)] | length",
    "[range(1e9)] | sort",
    "[range(1e9) | tostring]",
    "[repeat(1)]",
    "[repeat({a: [1]})]",
    "reduce range(1e9) as $i ([]; . + [$i])",
    "reduce range(1e9) as $i ({}; .[$i | tostring] = $i)",
    "reduce range(60) as $i (\"x\"; . + .)",
    "reduce range(60) as $i ([1]; . + .)",
    "reduce range(60) as $i (1; [., .]) | tojson",
    "reduce range(60) as $i (1; [., .]) | tostring | length",
    "reduce range(60) as $i (1; [., .]) | \"\\(.)\" | length",
    "reduce range(60) as $i (1; [., .]) | error",
    "reduce range(60) as $i (1; [., .]) | .a",
    "reduce range(60) as $i (1; [., .]) | [..]",
    "reduce range(60) as $i (1; [., .]) | [paths]",
    "reduce range(1e9) as $i (0; [.])",
    "reduce range(1e9) as $i (0; {a: .})",
    "\"x\" * 1000000000",
    "\"xyz\" * 1000000000000000000",
    "\"x\" * 100000000000000000000000",
    "\"xy\" * 1000000 | explode",
    "\"xy\" * 1000000 | . / \"\"",
    "\"xy\" * 1000000 | split(\"x\")",
    "\"'\" * 2000000 | @html",
    "\"\\u0001\" * 2000000 | tojson",
    "\"x\" * 2000000 | [match(\"\"; \"g\")]",
    "\"x\" * 2000000 | [splits(\"x\")]",
    "\"[\" + \"1,\" * 1000000 + \"1]\" | fromjson",
    "def f: 1 + f; f",
    "def f: [f]; f",
    "def f: f | f; f",
    "def f(g): 1 + f(g | g); f(.)",
    "def f: {a: f}; f",
    "def f(g): f(g | . + 1); f(.)",
    "def f: .a | f; path(f)",
    "[limit(1e9; repeat(\"x\"))]",
    "[range(1e5)] | [.[] as $x | .[] | [$x, .]] | length",
    "[range(1e5)] | group_by(.) | [limit(1e9; repeat(.[]))]",
    "[range(1e5)] | [combinations(2)?]",
    "[range(3000)] | [., .] | [combinations]",
    "{} | .[range(1e9) | tostring] = 1",
];

const TOO_MUCH: [&str; 2] = [
    "the expression needs more than",
    "the expression recurses too deeply",
];

#[test]
fn expressions_that_never_end_are_interrupted() {
    for expr in ENDLESS {
        let interrupt = Interrupt::default();
        let filter = Filter::compile(expr).unwrap_or_else(|error| panic!("{error}"));
        filter.set_interrupt(&interrupt);
        let start = Instant::now();
        interrupt.set_deadline(start + Duration::from_millis(100));
        let error = filter.run(b"{}").unwrap().expect_err(expr);
        // A fast computer may have reached its memory limit before.
        let ended = error == "interrupted" || TOO_MUCH.iter().any(|it| error.starts_with(it));
        assert!(ended, "{expr}: {error}");
        let took = start.elapsed();
        assert!(took < Duration::from_secs(10), "{expr}: {took:?}");
    }
}

#[test]
fn expressions_that_need_too_much_are_errors() {
    for expr in GREEDY {
        let filter = Filter::compile(expr).unwrap_or_else(|error| panic!("{error}"));
        let memory = 8 << 20;
        let filter = Filter { memory, ..filter };
        // The memory is that of the whole process; other tests may free some meanwhile.
        let error = (0..5).find_map(|_| filter.run(b"null").unwrap().err());
        let error = error.unwrap_or_else(|| panic!("{expr} ends well"));
        let known = TOO_MUCH.iter().any(|it| error.starts_with(it));
        assert!(known, "{expr}: {error}");
    }
}

#[test]
fn a_pressed_key_ends_the_evaluations_of_all_messages_that_follow() {
    let filter = Filter::compile("[limit(1e12; repeat(1))]").unwrap();
    let interrupt = Interrupt::default();
    filter.set_interrupt(&interrupt);
    interrupt.set_key(true);
    assert_eq!(filter.run(b"1"), Some(Err("interrupted".to_owned())));
    // Without a thread for each of them.
    let start = Instant::now();
    for _ in 0..2000 {
        assert_eq!(filter.run(b"1"), Some(Err("interrupted".to_owned())));
    }
    assert!(start.elapsed() < Duration::from_secs(5));
}
