use super::*;

/// The differences of these replies and those that came, in short.
#[track_caller]
fn compare_with(rules: Rules, recorded: &[&str], came: &[&str]) -> Vec<String> {
    let recorded: Vec<Message> = recorded.iter().map(|it| Message::text(*it)).collect();
    let replies = recorded.iter().zip((11..).map(Some));
    let mut comparison = Comparison::new(replies, rules);
    for message in came {
        comparison.handle_reply(&Message::text(*message));
    }
    let found = comparison.finish();
    assert_eq!(found.kept.len(), found.count().min(KEPT));
    assert_eq!(found.equal + found.changed + found.extra, came.len());
    assert_eq!(found.equal + found.changed + found.missing, recorded.len());
    let text = |message: &Message| message.as_text().unwrap().to_owned();
    found
        .kept
        .iter()
        .map(|difference| match difference {
            Difference::Changed(expected, was, came) => {
                format!("{} {}->{}", expected.number, text(was), text(came))
            }
            Difference::Missing(expected, was) => {
                assert_eq!(expected.line, Some(expected.number as u64 + 10));
                format!("{} {}->", expected.number, text(was))
            }
            Difference::Extra(number, came) => format!("{number} ->{}", text(came)),
        })
        .collect()
}

fn ignoring(paths: &[&str], unordered: bool) -> Rules {
    let paths: Vec<String> = paths.iter().map(|it| (*it).to_owned()).collect();
    Rules::new(&paths, unordered).unwrap()
}

#[track_caller]
fn compare(recorded: &[&str], came: &[&str]) -> Vec<String> {
    compare_with(Rules::default(), recorded, came)
}

#[test]
fn equal_replies_differ_in_nothing() {
    assert!(compare(&["a", r#"{"n":1}"#], &["a", r#"{ "n": 1.0 }"#]).is_empty());
}

#[test]
fn what_follows_a_difference_is_found_again() {
    let recorded = &["a", "b", "c", "d"];
    assert_eq!(compare(recorded, &["a", "x", "c", "d"]), ["2 b->x"]);
    assert_eq!(compare(recorded, &["a", "c", "d"]), ["2 b->"]);
    assert_eq!(compare(recorded, &["a", "x", "b", "c", "d"]), ["2 ->x"]);
    assert_eq!(compare(recorded, &["a", "b", "c"]), ["4 d->"]);
    assert_eq!(compare(recorded, &["a", "b", "c", "d", "e"]), ["5 ->e"]);
    assert_eq!(
        compare(recorded, &["x", "y", "z"]),
        ["1 a->x", "2 b->y", "3 c->z", "4 d->"]
    );
    assert_eq!(compare(&[], &["x"]), ["1 ->x"]);
}

#[test]
fn replies_in_another_order_differ_unless_that_is_allowed() {
    let (recorded, came) = (&["a", "b", "a"], &["b", "a", "a"]);
    assert_eq!(compare(recorded, came), ["1 a->", "3 ->a"]);
    let unordered = ignoring(&[], true);
    assert!(compare_with(unordered.clone(), recorded, came).is_empty());
    assert_eq!(
        compare_with(unordered.clone(), recorded, &["a", "a", "a"]),
        ["2 b->a"]
    );
    assert_eq!(
        compare_with(unordered, recorded, &["b"]),
        ["1 a->", "3 a->"]
    );
}

#[test]
fn what_is_ignored_is_deleted_on_both_sides() {
    let rules = ignoring(&[".ts", ".data[].id"], false);
    let recorded = &[
        r#"{"ts":1,"data":[{"id":1,"n":1}]}"#,
        r#"{"ts":2,"n":1}"#,
        "x",
    ];
    let came = &[r#"{"ts":7,"data":[{"id":9,"n":1}]}"#, r#"{"n":1}"#, "x"];
    assert!(compare_with(rules.clone(), recorded, came).is_empty());
    let came = &[r#"{"ts":7,"data":[{"id":9,"n":2}]}"#, r#"{"n":1}"#, "x"];
    assert_eq!(
        compare_with(rules, recorded, came),
        [r#"1 {"data":[{"n":1}]}->{"data":[{"n":2}]}"#]
    );
    for wrong in [".ts[", "1 +", "nothing", "1", ".a + 1"] {
        let error = Rules::new(&[wrong.to_owned()], false).unwrap_err();
        assert!(error.message.starts_with("--ignore: "), "{}", error.message);
    }
}

#[test]
fn many_differences_are_counted_and_found_in_little_time() {
    let texts = |from: usize| (from..from + 20_000).map(|n| n.to_string()).collect();
    let (recorded, came): (Vec<String>, Vec<String>) = (texts(0), texts(1_000_000));
    let recorded: Vec<&str> = recorded.iter().map(String::as_str).collect();
    let came: Vec<&str> = came.iter().map(String::as_str).collect();
    assert_eq!(compare(&recorded, &came).len(), KEPT);
    let unordered = ignoring(&[], true);
    assert_eq!(compare_with(unordered, &recorded, &came).len(), KEPT);
}
