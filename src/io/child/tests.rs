//! Real processes: what they print, how they end, and what is left of them.

use std::fs;
use std::time::Instant;

use super::*;

fn run<T>(job: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(job)
}

fn output(line: &str, input: &[u8]) -> Result<String, String> {
    let output = run(async { Command::shell(line).output(input, 64 << 10).await });
    output
        .map(|bytes| String::from_utf8(bytes).unwrap())
        .map_err(|failure| failure.to_string())
}

/// Whether a process is there and not a zombie.
fn is_running(id: i32) -> bool {
    let status = fs::read_to_string(format!("/proc/{id}/stat"));
    status.is_ok_and(|text| !text.rsplit(") ").next().unwrap().starts_with('Z'))
}

fn waits_until(condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "it never happens"
        );
        std::thread::sleep(LOOK);
    }
}

#[test]
fn what_a_command_prints_is_its_output() {
    assert_eq!(output("echo hello", b""), Ok("hello\n".to_owned()));
    assert_eq!(output("tr a-z A-Z", b"abc"), Ok("ABC".to_owned()));
    assert_eq!(output("cat", b""), Ok(String::new()), "an empty stdin ends");
    let large = vec![b'x'; 60_000];
    assert_eq!(output("cat | wc -c", &large).unwrap().trim(), "60000");
}

#[test]
fn a_command_that_reads_nothing_is_no_failure() {
    let large = vec![b'x'; 1 << 20];
    assert_eq!(output("echo done", &large), Ok("done\n".to_owned()));
}

#[test]
fn a_failure_says_why() {
    for (line, why) in [
        ("exit 3", "the command failed (exit status: 3)"),
        ("kill -9 $$", "the command failed (signal: 9 (SIGKILL))"),
        ("cat /dev/zero", "its output is larger than 64 KiB"),
        (
            "trap '' PIPE TERM; while :; do echo xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx; done",
            "its output is larger than 64 KiB",
        ),
    ] {
        assert_eq!(output(line, b""), Err(why.to_owned()), "{line}");
    }
    let missing = run(async { Command::program("/nowhere", []).output(b"", 1).await });
    let words = missing.unwrap_err().to_string();
    assert!(words.starts_with("cannot run a shell: "), "{words}");
}

#[test]
fn a_status_is_described() {
    run(async {
        for (line, words) in [
            ("exit 3", "exited with status 3"),
            ("kill -TERM $$", "was ended by SIGTERM"),
        ] {
            let mut child = Command::shell(line).start().unwrap();
            assert_eq!(describe(child.wait().await.unwrap()), words);
        }
    });
}

#[test]
fn variables_are_added_to_the_environment() {
    let variables = [("WIRECAT_X".to_owned(), "a b'\"$(c)".to_owned())];
    let output = run(async {
        let command = Command::shell("printf %s \"$WIRECAT_X$HOME\"").variables(&variables);
        command.output(b"", 1000).await.unwrap()
    });
    let output = String::from_utf8(output).unwrap();
    assert!(output.starts_with("a b'\"$(c)"), "{output}");
}

#[test]
fn ending_a_child_ends_what_it_started() {
    run(async {
        let line = "sh -c 'trap \"\" TERM; echo $$; while :; do sleep 0.1; done' & wait";
        let mut child = Command::shell(line).pipe_stdout().start().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let mut bytes = [0; 16];
        let read = stdout.read(&mut bytes).await.unwrap();
        let id = String::from_utf8_lossy(&bytes[..read])
            .trim()
            .parse()
            .unwrap();
        assert!(is_running(id));
        let status = child.end(Duration::from_millis(100)).await.unwrap();
        assert!(!status.success());
        waits_until(|| !is_running(id));
    });
}

#[test]
fn what_a_child_leaves_running_is_ended() {
    run(async {
        let line = "sh -c 'echo $$; exec sleep 600' & exit 0";
        let mut child = Command::shell(line).pipe_stdout().start().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        assert!(child.wait().await.unwrap().success());
        let mut text = String::new();
        // It ends when every process that has the pipe has ended.
        stdout.read_to_string(&mut text).await.unwrap();
        assert!(child.finish().await);
        assert!(!is_running(text.trim().parse().unwrap()));
    });
}

#[test]
fn a_pipeline_that_ends_by_itself_is_not_ended() {
    run(async {
        let line = "(sleep 0.05) & exit 0";
        let mut child = Command::shell(line).start().unwrap();
        assert!(child.wait().await.unwrap().success());
        assert!(!child.finish().await);
    });
}

#[test]
fn a_child_that_is_dropped_is_killed_with_its_children() {
    run(async {
        let line = "trap '' TERM; sh -c 'echo $$; exec sleep 600' & wait";
        let mut child = Command::shell(line).pipe_stdout().start().unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let mut bytes = [0; 16];
        let read = stdout.read(&mut bytes).await.unwrap();
        let id = String::from_utf8_lossy(&bytes[..read])
            .trim()
            .parse()
            .unwrap();
        drop(child);
        waits_until(|| !is_running(id));
    });
}

#[test]
fn only_a_child_of_our_group_shares_it() {
    let group = |command: Command| {
        let output = run(async { command.output(b"", 1000).await.unwrap() });
        let text = String::from_utf8(output).unwrap();
        text.trim().parse::<i32>().unwrap()
    };
    let line = "ps -o pgid= -p $$";
    let ours = nix::unistd::getpgrp().as_raw();
    assert_eq!(group(Command::shell(line).in_our_group()), ours);
    assert_ne!(group(Command::shell(line)), ours);
}

#[test]
fn a_child_gets_no_descriptor_of_ours() {
    let file = fs::File::open("/dev/null").unwrap();
    let listing = output("ls /proc/$$/fd", b"").unwrap();
    drop(file);
    // Those that our own parent has left open are everyone's.
    let parent = format!("/proc/{}/fd", nix::unistd::getppid());
    let inherited: Vec<String> = fs::read_dir(parent)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let open: Vec<u32> = listing
        .lines()
        .filter(|it| !inherited.iter().any(|inherited| inherited == it))
        .map(|it| it.parse().unwrap())
        .collect();
    assert!(
        open.iter().all(|number| *number <= 2 || *number == 10),
        "{open:?}"
    );
}
