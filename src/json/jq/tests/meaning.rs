//! Expressions under the meter: they have the same meaning as in jaq, and all of them end.

use std::time::{Duration, Instant};

use jaq_core::data::JustLut;
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Vars, unwrap_valr};
use jaq_json::{Val, read};

use super::super::{Filter, Interrupt, shortened};
use crate::json::parsed::Parsed;
use crate::message::Data;

/// The outputs of a run, and the error after them.
type Run = (Vec<String>, Option<String>);

/// jaq's own results for each message.
fn plain(expr: &str, messages: &[&str]) -> Vec<Run> {
    let defs = jaq_core::defs()
        .chain(jaq_std::defs())
        .chain(jaq_json::defs());
    let funs = jaq_core::funs()
        .chain(jaq_std::funs())
        .chain(jaq_json::funs());
    let arena = Arena::default();
    let file = File {
        code: expr,
        path: (),
    };
    let Ok(modules) = Loader::new(defs).load(&arena, file) else {
        panic!("{expr}")
    };
    let Ok(program) = Compiler::default().with_funs(funs).compile(modules) else {
        panic!("{expr}")
    };
    let run = |json: &&str| {
        let context = Ctx::<JustLut<Val>>::new(&program.lut, Vars::new([]));
        let input = read::parse_single(json.as_bytes()).unwrap();
        let mut outputs = Vec::new();
        for output in program.id.run((context, input)).map(unwrap_valr) {
            match output.map_err(jaq_core::Error::into_val) {
                Ok(value) => outputs.push(value.to_string()),
                Err(Val::TStr(text)) => {
                    let error = shortened(&String::from_utf8_lossy(&text));
                    return (outputs, Some(error));
                }
                Err(other) => return (outputs, Some(shortened(&other.to_string()))),
            }
        }
        (outputs, None)
    };
    messages.iter().map(run).collect()
}

/// The same with our values.
fn ours(filter: &Filter, json: &str) -> Run {
    let found = filter.evaluate(&Parsed::once(Data::Text(json)), |values| {
        let mut outputs = Vec::new();
        for value in values {
            match value {
                Ok(value) => outputs.push(value.to_string()),
                Err(error) => return Ok((outputs, Some(error))),
            }
        }
        Ok((outputs, None))
    });
    found
        .expect("it is JSON")
        .unwrap_or_else(|error| panic!("{filter:?}: {error}"))
}

const MESSAGES: [&str; 9] = [
    "null",
    "true",
    "3",
    "-2.5",
    "\"a, b,ä \\\"quoted\\\" 12 aa\"",
    "[3,1,2,1,null,[1,2],{\"a\":1}]",
    "[\"b\",\"a\",\"ab\",\"\"]",
    r#"{"a":1,"b":[1,2,{"c":"x"}],"d":{"e":null,"f":"ü€👍"},"n":12345678901234567890123}"#,
    r#"[{"id":1,"t":["x"],"v":2.50},{"id":2,"t":[],"v":1},{"id":1,"t":["y","z"],"v":null}]"#,
];

/// All of the language and the library that a filter may use.
const EXPRESSIONS: &[&str] = &[
    // paths
    ".",
    "..",
    ".a",
    ".a?",
    ".a.b?",
    ".[0]",
    ".[-1]",
    ".[1.5]?",
    ".[1.5]",
    ".[2:]",
    ".[:-1]",
    ".[1:3]",
    ".[-2:1]",
    ".[\"a\"]",
    ".[\"a\",\"b\"]?",
    ".[]",
    ".[]?",
    ".[][]?",
    ".[0,1]?",
    ".b[2].c?",
    ".. | numbers",
    "[..]",
    ".[null:2]?",
    ".[\"x\":]?",
    ".[{start:1}]?",
    ".[{\"start\":0,\"end\":2}]?",
    ".[[1,2]]?",
    ".[[]]?",
    ".[1e30]?",
    ".[-1e30:]?",
    ".[99999999999999999999999]?",
    ".[-99999999999999999999999:]?",
    ".[:99999999999999999999999]?",
    ".[true]?",
    ".[null]?",
    "try .[[1]] catch .",
    "try .[{}] catch .",
    "path(..)",
    "[paths]",
    "[paths(type == \"number\")]",
    "path(.a[0]?)",
    "try path(1) catch .",
    "[path(.[]?, .a?)]",
    "getpath([\"a\",\"b\"])?",
    "getpath([])",
    "try getpath([\"d\",\"e\",\"g\"]) catch .",
    "pick(.a)?",
    "pick(.[1])?",
    "path(first(.a,.b)?)",
    "[path(limit(2; .[]?))]",
    "path(last(.[]?))",
    "[path(skip(1; .[]?))]",
    "path(if .a? then .a else . end)",
    "path(.a? // .b?)",
    "[path(recurse)]",
    "to_entries?",
    "with_entries(.value |= tostring)?",
    "from_entries?",
    // updates
    ".a? |= 5",
    ".[0]? |= . + 1",
    ".[]? |= tojson",
    ".. |= .",
    "(.. | numbers) |= . + 1",
    ".[1:]? |= reverse",
    ".[1:]? |= []",
    ".[:2]? = [9,9,9]",
    "try (.[0:1] = 1) catch .",
    ".[-1:]? |= empty",
    ".[1:2]? |= ascii_upcase",
    ".[2:4]? = \"ö\"",
    "try (.a = 1) catch .",
    "try (.[0] = 1) catch .",
    "try (.[9] = 1) catch .",
    ".a? += 1",
    ".a? -= 1",
    ".a? *= 2",
    ".a? /= 2",
    ".a? %= 2",
    ".a? //= 7",
    ".zz? //= 7",
    "del(.a?)",
    "del(.[0]?)",
    "del(.[]?)",
    "del(..)",
    "del(.[0,2]?)",
    "delpaths([[0]])?",
    "setpath([\"a\",\"q\"]; 1)?",
    "setpath([0]; 1)?",
    "map_values(.)?",
    "map_values(empty)?",
    "map_values(.,.)?",
    "map(.)?",
    "walk(if type == \"number\" then -. else . end)",
    ".[]? |= empty",
    "(.[]? | select(. == 1)) |= 10",
    "(.a?, .b?) = 1",
    ".a? = (1,2)",
    "(.. | strings) |= length",
    "limit(1; .[]?) |= 0",
    "first(.[]?) |= 0",
    "(if .a? then .a else .b? end) |= 1",
    "(.a? // .b?) |= 1",
    "reduce .[]? as $x (.; . |= .)",
    "(reduce (0,1) as $i (.; .[$i]?)) |= 1",
    "(foreach (0,1) as $i (.; .[$i]?)) |= 1",
    "(. as $x | .[0]?) |= 3",
    "(def f: .[0]?; f) |= 3",
    "recurse(.[]?) |= .",
    "(label $f | .a) |= 1",
    "try ((1) |= 2) catch .",
    "to_entries? | map(.key) |= sort",
    // arithmetic
    ". + 1?",
    "try (. + 1) catch .",
    "try (. - 1) catch .",
    "try (. * 2) catch .",
    "try (. / 2) catch .",
    "try (. % 2) catch .",
    "try (-.) catch .",
    ". + .",
    "try (. - .) catch .",
    "try (. * .) catch .",
    "try (. / .) catch .",
    "try (. % .) catch .",
    ". + null",
    "null + .",
    "try (. / \",\") catch .",
    "try (. / \"\") catch .",
    "try (. / \"aa\") catch .",
    "\"\" / \",\"",
    "\"a,b,\" / \",\"",
    "\"x\" * 3",
    "3 * \"x\"",
    "\"x\" * 0",
    "\"x\" * -1",
    "\"x\" * 2.5?",
    "try (\"x\" * 2.5) catch .",
    "5 % 3",
    "-5 % 3",
    "5 % -3",
    "try (5 % 0) catch .",
    "5.5 % 2",
    "5 % 2.5",
    "5 % 0.0 | isnan",
    "1 / 3",
    "10 / 2",
    "1e1000",
    "9223372036854775807 + 1",
    "-9223372036854775808 - 1",
    "9223372036854775807 * 9223372036854775807",
    "100000000000000000000 % 7",
    "100000000000000000000 / 10",
    "-(-9223372036854775808)",
    "[3,1,2] - [1]",
    "[[1],[2],{\"a\":1}] - [[1],{\"a\":1}]",
    "{} + {\"a\":1}",
    "{\"a\":{\"b\":1,\"c\":[1]}} * {\"a\":{\"c\":2,\"d\":{}},\"e\":1}",
    "{\"a\":1} * {\"a\":{\"b\":2}}",
    "1.10",
    "0.1 + 0.2",
    "1.0",
    "3.0 | floor",
    "3.7 | floor, ceil, round",
    "1e300 | floor",
    "nan < nan",
    "[nan] == [nan]",
    "[nan] | sort",
    "infinite, -infinite",
    "[nan, 1] | min, max",
    // comparison and order
    ". == .",
    ". != null",
    ". < 1",
    ". <= .",
    "[.[]? < 2]",
    "[.[]?] | sort",
    "sort?",
    "sort_by(.id)?",
    "sort_by(.id, .v)?",
    "group_by(.id)?",
    "unique?",
    "unique_by(.id)?",
    "min?, max?",
    "min_by(.v)?, max_by(.v)?",
    "[{\"b\":1},{\"a\":2},{\"a\":1,\"b\":0},{}] | sort",
    "[[1,2],[1],[],[0,9]] | sort",
    "[null,true,false,1,\"a\",[],{}] | reverse | sort",
    "[1,1.0,\"1\"] | unique",
    "{\"a\":[1,{\"b\":2}]} == {\"a\":[1,{\"b\":2.0}]}",
    "{\"a\":1,\"b\":2} == {\"b\":2,\"a\":1}",
    "[{\"a\":1,\"b\":2}] | sort | . < [{\"b\":2,\"a\":1}]",
    "\"ä\" > \"b\"",
    "bsearch(1)?",
    "[1,2,3] | bsearch(0,1,2,2.5,4)",
    "try bsearch(1) catch .",
    "reverse?",
    "try sort catch .",
    // construction
    "[.]",
    "[.,.]",
    "{a: .}",
    "{a: 1, b: .}",
    "{(\"x\",\"y\"): (1,2)}",
    "{\"a b\": 1, \"c\\(1+1)\": 2}",
    "{a, b}?",
    ". as $x | {$x}",
    ". as {a: $x, b: [$y]} | [$x, $y]",
    "try (. as [$x, [$y]] | [$x, $y]) catch .",
    "{(null): 1}?",
    "{([1]): 2}",
    "{([1]): 2} | .[[1]]",
    "[limit(3; repeat(1))]",
    "\"a\\(.)b\"",
    "@json \"x\\(.)\"",
    "@sh \"e \\(1)\"",
    "[range(5)]",
    "[range(2; 5)]",
    "[range(5; 0; -2)]",
    "[range(0; 1; 0.3)]",
    "[range(0, 1; 3, 4)]",
    "[limit(3; range(0; 1; 0))]",
    "[range(0)]",
    "try [range(\"a\"; \"b\")] catch .",
    "[limit(3; range(10))]",
    "[limit(0; 1, 2)]",
    "[limit(-1; 1, 2)]",
    "[limit(1, 2; 1, 2, 3)]",
    "[first(range(10))]",
    "[first(empty)]",
    "[last(range(10))]",
    "[last(empty)]",
    "[skip(2; range(5))]",
    "[skip(0; range(3))]",
    "nth(3; range(10))",
    "[nth(0, 2; range(5))]",
    "isempty(empty)",
    "isempty(1, error)",
    "[3 | until(. > 100; . * 2)?]",
    "[.[]?] | first, last",
    "[while(length < 3; . + [1])?]",
    "[1 | while(. < 20; . * 2)]",
    "[1 | repeat(. * 2; . > 100)?]?",
    // control
    "if . then 1 else 2 end",
    "if . then 1 end",
    "[if (true, false) then 1 elif . then 2 else 3 end]",
    "[.[]? | if . == 1 then \"one\" elif . == 2 then \"two\" else . end]",
    "empty",
    "[empty]",
    "1, 2",
    "1 as $x | 2 as $y | [$x, $y]",
    "label $out | 1, break $out, 2",
    "[label $a | label $b | 1, break $a, 2]",
    "[.[]? | label $f | if . == 1 then break $f else . end]",
    "label $x | def f: break $x; 1, f, 2",
    "try error(\"x\") catch .",
    "try error catch .",
    "error(\"x\")?",
    "[(1, error(\"x\"), 2)?]",
    "try (1, error(\"x\"), 2) catch .",
    "try error({\"a\":1}) catch .a",
    "error(null)?",
    "error",
    "error(\"a\")",
    "[.[]? | try (if . == 1 then error(\"no\") else . end) catch \"c\"]",
    "(try error(\"x\") catch error(\"y\"))?",
    ".a? // \"d\"",
    "[(false, null, 1, 2) // 3]",
    "[empty // 3]",
    "[(null, false) // (4, 5)]",
    "[(1, null, 2) // error]",
    "first(error(\"x\"))?",
    "true and (true, false)",
    "(true, false) or false",
    "[(true, false) and (true, false)]",
    "not",
    "all, any",
    "[.[]?] | all(. != 2), any(. == 2)",
    "any(1, 2; . == 2)",
    "all(empty)?",
    "reduce .[]? as $x (0; . + 1)",
    "reduce (1, 2, 3) as $x (0; . + $x)",
    "reduce (1, 2) as $x (0; empty)",
    "[reduce (1, 2) as $x ((0, 10); . + $x)]",
    "[reduce (1, 2) as $x (0; . + $x, . * 10)]",
    "reduce ([1, 2], [3, 4]) as [$a, $b] (0; . + $a * $b)",
    "[foreach (1, 2, 3) as $x (0; . + $x)]",
    "[foreach (1, 2, 3) as $x (0; . + $x; [$x, .])]",
    "[foreach (1, 2) as $x (0; (., 10) + $x)]",
    "[foreach .[]? as $x (0; . + 1; select(. > 1))]",
    "[foreach (1, 2, 3) as $x (0; if $x == 2 then empty else . + $x end)]",
    "[label $f | foreach (1, 2, 3) as $x (0; . + $x; if . > 2 then ., break $f else . end)]",
    // definitions and closures
    "def f: 1; f",
    "def f(g): g + g; f(1)",
    "def f(g): [g, g]; f(1, 2)",
    "def f($x): $x + 1; f(1, 2)",
    "def f(g; $x): [g, $x]; f(., 1)",
    "def fac: if . <= 1 then 1 else . * (. - 1 | fac) end; [range(6) | fac]",
    "def f: def g: 3; g; f",
    "def f($a; g): $a as $b | g | . + $b; 1 | f(10; . * 2)",
    "def f(x): x | def g(y): y + x; g(1); 5 | f(.)",
    "def f: if . > 100 then . else . + 1 | f end; 0 | f",
    "def f(g): if . > 20 then g else . + 1 | f(g | . + 1) end; 0 | f(.)",
    "[recurse(if . < 3 then . + 1 else empty end)?]",
    "[2 | recurse(if . < 20 then . * . else empty end)]",
    "[recurse]",
    "[recurse(.[]?; . != null)]",
    "[1 | recurse(. + 1; . < 4)]",
    "def f: (1, 2) | (., f) ; [limit(7; f)]",
    "def even: if . == 0 then true else . - 1 | odd end; 1",
    // strings
    "length?",
    "try length catch .",
    "utf8bytelength?",
    "ascii_downcase?, ascii_upcase?",
    "explode?",
    "explode? | implode",
    "try implode catch .",
    "[65, 228, -255, 128077] | implode",
    "try ([1114112] | implode) catch .",
    "try ([\"a\"] | implode) catch .",
    "ltrimstr(\"a\")?, rtrimstr(\"a\")?",
    "startswith(\"a\")?, endswith(\"a\")?",
    "try startswith(1) catch .",
    "trim?, ltrim?, rtrim?",
    "split(\", \")?",
    "split(\",\"; null)?",
    "[splits(\", *\")?]",
    "join(\"-\")?",
    "[1, null, \"a\"] | join(\",\")",
    "ascii?",
    "tojson",
    "tojson | fromjson",
    "[range(128)] | implode | ., tojson",
    "\"ü\" | tobytes | ., .[1:], tojson",
    "[65, -200, 10] | implode | ., tojson, length, explode",
    "tostring",
    "try tonumber catch \"no\"",
    "\"12\" | tonumber",
    "\"1.50\" | tonumber",
    "try (\"x\" | tonumber) catch \"no number\"",
    "test(\"a\")?",
    "test(\"A\"; \"i\")?",
    "[match(\"a.?\"; \"g\")?]",
    "[match(\"(?<x>a)(b)?\"; \"g\")?]",
    "[match(\"\"; \"g\")?]",
    "[match(\"\"; \"gn\")?]",
    "capture(\"(?<first>[a-z]+).*(?<n>[0-9]+)\")?",
    "[scan(\"[a-zä]+\")?]",
    "[scan(\"([a-z])([0-9])?\")?]",
    "sub(\"a\"; \"[\\(.)]\")?",
    "gsub(\"a\"; \"A\")?",
    "gsub(\"(?<l>[a-z])\"; \"<\\(.l)>\")?",
    "gsub(\"\"; \"-\")?",
    "gsub(\"^\"; \">\")?",
    "gsub(\"\\\\s+\"; \"\")?",
    "[.[]? | strings | gsub(\"a\"; \"b\"; \"g\")]",
    "try test(\"(\") catch \"bad\"",
    "try test(\"a\"; \"q\") catch .",
    "[match(\"ä\"; \"g\")? | .offset]",
    "\"äöaöa\" | [match(\"a|ö\"; \"g\") | .offset, .length]",
    "\"aXbxc\" | ascii_downcase | split(\"x\")",
    "\"aXbxc\" | [splits(\"x\"; \"i\")]",
    "index(\"a\")?, rindex(\"a\")?",
    "indices(\"a\")?",
    "indices(1)?",
    "indices([1, 2])?",
    "indices([])?",
    "try indices(1) catch .",
    "\"äaäa\" | indices(\"a\", \"äa\", \"\")",
    "inside(\"xx\")?",
    "contains(\"a\")?",
    "contains([1])?",
    "contains({\"a\":1})?",
    "try contains(1) catch .",
    "[\"foobar\", \"baz\"] | contains([\"ba\"], [\"q\"])",
    "{\"a\":{\"b\":[1,2]}} | contains({\"a\":{\"b\":[2]}}, {\"a\":{\"b\":[3]}})",
    "has(\"a\")?",
    "has(0)?",
    "try has(\"a\") catch .",
    "try has(0) catch .",
    "[1] | has(-1, 0, 1)",
    "in([1, 2])?",
    "tobytes?",
    "try tobytes catch .",
    "[1, [2, \"a\"]] | tobytes",
    "\"ä\" | tobytes | .[0], length, .[1:]",
    "@base64, (@base64 | @base64d)",
    "@uri, @html, @sh?, @json, @text",
    "@csv?, @tsv?",
    "\"a&b<c>'\\\"\" | @html",
    "\"é +/\" | @uri",
    "\"ZnJlZQ\" | try @base64d catch \"bad\"",
    "[1, \"a b\"] | @sh",
    "ltrimstr(1)?",
    "tojson | length",
    // the rest of the library
    "type",
    "[.[]? | type]",
    "keys?",
    "keys_unsorted?",
    "try keys catch .",
    "values",
    "nulls, booleans, numbers, strings, arrays, objects, iterables, scalars",
    "add?",
    "add(.[]?)",
    "[[1, 2], [3]] | add",
    "[\"a\", \"b\"] | add",
    "[] | add",
    "flatten?",
    "flatten(1)?",
    "[[[1]], [2]] | flatten(0, 1)",
    "transpose?",
    "[[1, 2], [3]] | transpose",
    "[[1, 2], [3, 4]] | [combinations]",
    "[[0, 1] | combinations(2)]",
    "splits(\"a\")?",
    "tojson | @json",
    "fromjson?",
    "\"[1, {\\\"a\\\":2}]\" | fromjson",
    "todate?",
    "1700000000 | todate, gmtime",
    "\"2015-03-05T23:51:47Z\" | fromdate, strptime(\"%Y-%m-%dT%H:%M:%SZ\")",
    "1700000000 | strftime(\"%A, %B %d, %Y\")",
    "sqrt?",
    "4 | sqrt, pow(.; 2), log2, exp10",
    "abs?",
    "toarray?",
    "-1 | abs, length",
    "-100000000000000000000 | abs, length",
    "-2.5 | length",
    "\"-1.5\" | tonumber | length",
    "infinite | isinfinite",
    "isvalid(.a)?",
    "env | type",
    "input_line_number?",
    "getpath([\"a\"])? as $x | $x",
    "ascii(65)?",
    "@text",
    "tojson | test(\"a\")",
    "splits(1)?",
    "[limit(5; .[]?)]",
    "limit(3; .)",
    "objects | to_entries | map(.key)",
    "[.[]? | numbers] | add",
    "[.[]? | objects | .id?] | unique",
    "map(select(.id? == 1))?",
    "map({id, n: (.t | length)})?",
    "[.[]? | objects | {(.id | tostring): .v}?] | add",
    "group_by(.id)? | map({id: .[0].id, n: length})?",
    "reduce .[]? as {id: $i} ({}; .[\"k\\($i)\"] += 1)?",
    "(.. | select(type == \"string\"))",
    "[.. | scalars] | length",
];

#[test]
fn expressions_mean_what_they_mean_in_jaq() {
    let mut compared = 0;
    for expr in EXPRESSIONS {
        // What jaq does not know is not an expression here either.
        let Ok(filter) = Filter::compile(expr) else {
            continue;
        };
        compared += 1;
        for (json, expected) in MESSAGES.iter().zip(plain(expr, &MESSAGES)) {
            assert_eq!(ours(&filter, json), expected, "{expr} of {json}");
        }
    }
    let all = EXPRESSIONS.len();
    assert!(compared > all * 9 / 10, "{compared} of {all}");
}

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
