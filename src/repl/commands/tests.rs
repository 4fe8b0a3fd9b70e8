use super::*;

#[test]
fn every_command_has_an_example_of_its_own() {
    for Spec { name, example, .. } in COMMANDS {
        let used = example.strip_prefix('/').unwrap();
        let used = used.split(' ').next().unwrap();
        assert_eq!(used, *name);
        let text = help_on(name, false).unwrap();
        assert!(text.contains(&format!("usage:   /{name}")), "{text}");
        assert!(text.ends_with(&format!("example: {example}\n")), "{text}");
    }
    assert_eq!(help_on("/q", false), help_on("quit", false));
    let quit = help_on("quit", false).unwrap();
    assert!(quit.contains("also:    /q, /exit"));
}

#[test]
fn the_help_is_that_of_this_end() {
    let (client, server) = (help(false), help(true));
    for (line, of_client, of_server) in [
        ("  /connect URL|@PROFILE ", true, false),
        ("  /reconnect ", true, false),
        ("  /tls ", true, false),
        ("  /close [CODE [REASON]] ", true, false),
        ("  /close [N|all] [CODE [REASON]] ", false, true),
        ("  /headers [N] ", false, true),
        ("  /clients ", false, true),
        ("  /to [N|all [TEXT]] ", false, true),
        ("  /send [-e] TEXT ", true, true),
    ] {
        assert_eq!(client.contains(line), of_client, "{line}");
        assert_eq!(server.contains(line), of_server, "{line}");
    }
    let close = help_on("close", true).unwrap();
    assert!(close.starts_with("usage:   /close [N|all] "), "{close}");
}

#[test]
fn every_name_is_that_of_one_command() {
    let mut names: Vec<_> = COMMANDS
        .iter()
        .flat_map(|it| it.aliases.iter().chain([&it.name]))
        .collect();
    names.sort();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}
