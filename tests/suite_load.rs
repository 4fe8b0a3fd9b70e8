//! `wirecat test` under load and on a system that does not do as it should: many files, floods, stops,
//! full disks, and how exact it is with time.

use std::fs;
use std::io::Write as _;
use std::os::unix::process::ExitStatusExt as _;
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::suite_hostile::{Folder, arguments, assert_readable, run, serving, watch_memory};
use crate::support::server::{close, raw, raws, text};
use crate::support::{output, send, wirecat};

#[test]
fn a_flood_is_passed_over_and_its_memory_is_bounded() {
    let server = raw(|mut wire| {
        wire.handshake();
        let mut many = Vec::new();
        for n in 0..100_000 {
            many.extend(text(&format!(r#"{{"type":"tick","n":{n}}}"#)));
        }
        wire.send(many);
        wire.send(text(r#"{"type":"end"}"#));
        wire.answer_close();
    });
    let start = Instant::now();
    let passed = run(
        "WEBSOCKET {{base}}/\n@wait 500ms\n<~(20s) {\"type\":\"end\"}\n",
        &server.url(""),
        &[],
    );
    passed.exits(0);
    println!("100,000 messages passed over: {:?}", start.elapsed());
    let server = raw(|mut wire| {
        wire.handshake();
        let many = text(&"x".repeat(1 << 20));
        for _ in 0..2_000 {
            if wire.0.write_all(&many).is_err() {
                break;
            }
        }
    });
    let folder = Folder::new();
    let path = folder.write(
        "x.wst",
        "WEBSOCKET {{base}}/\n[Options]\nclose-timeout: 1s\n@wait 4s\n",
    );
    let child = wirecat(arguments(&server.url(""), &[&path])).spawn();
    let peak = watch_memory(&child);
    let ended = output(child);
    let peak = peak.join().unwrap();
    println!(
        "2 GB that no step takes: peak {} MB, exit {}",
        peak >> 20,
        ended.code()
    );
    assert!(peak < 600 << 20, "{peak}");
    assert_readable(&ended);
}

#[test]
fn a_server_that_does_not_read_ends_the_step() {
    let server = raw(|mut wire| {
        wire.handshake();
        thread::sleep(Duration::from_secs(20));
    });
    let folder = Folder::new();
    folder.write("payload", vec![b'x'; 1 << 20]);
    let script = "WEBSOCKET {{base}}/\n[Options]\nno-compress\nclose-timeout: 500ms\n@repeat 200\n>text file:payload\n@end\n";
    let path = folder.write("x.wst", script);
    let start = Instant::now();
    let output = wirecat(arguments(&server.url(""), &[&path])).run();
    println!(
        "a server that does not read: exit {}, {:?}",
        output.code(),
        start.elapsed()
    );
    assert!(output.code() > 0);
    assert!(
        output.stdout_text().contains("could not be sent"),
        "{output:?}"
    );
    assert!(start.elapsed() < Duration::from_secs(15));
    assert_readable(&output);
}

/// A message that came while the program was suspended came in time.
#[test]
fn a_suspended_run_goes_on() {
    let server = raws(3, |_, mut wire| {
        wire.handshake();
        wire.message();
        thread::sleep(Duration::from_millis(700));
        wire.send(text("late"));
        wire.answer_close();
    });
    let folder = Folder::new();
    let path = folder.write("x.wst", "WEBSOCKET {{base}}/\n> go\n<(1s) late\n> done\n");
    for _ in 0..3 {
        let child = wirecat(arguments(&server.url(""), &[&path])).spawn();
        thread::sleep(Duration::from_millis(400));
        send(Signal::SIGSTOP, &child);
        thread::sleep(Duration::from_millis(1500));
        send(Signal::SIGCONT, &child);
        output(child).exits(0);
    }
}

/// Each file is run once, and reports come in the order of the files.
#[test]
fn two_hundred_files_are_run_once_each_and_in_order() {
    let server = serving();
    let folder = Folder::new();
    for n in 0..200 {
        let wait = (n * 37) % 11;
        let script = format!(
            "### number-{n:03}\nWEBSOCKET {{{{base}}}}/echo\n> {n}\n< {n}\n@wait {wait}ms\n"
        );
        folder.write(&format!("{n:03}.wst"), script);
    }
    let record = folder.outside("record");
    let junit = folder.outside("junit.xml");
    let report = format!("--report=junit={}", junit.display());
    let more = [
        "--jobs=2",
        "--report=human",
        &report,
        "--record",
        record.to_str().unwrap(),
    ];
    let all = folder.path("").display().to_string();
    let output = wirecat(arguments(&server.url(""), &[&more[..], &[&all]].concat())).run();
    output.exits(0);
    for (what, report) in [
        ("human", output.stdout_text()),
        ("junit", fs::read_to_string(&junit).unwrap()),
    ] {
        let numbers: Vec<usize> = report
            .match_indices("number-")
            .map(|(at, name)| report[at + name.len()..][..3].parse().unwrap())
            .collect();
        assert!(numbers.iter().copied().eq(0..200), "{what}: {numbers:?}");
    }
    let mut recorded: Vec<String> = fs::read_dir(&record)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    recorded.sort();
    let wanted: Vec<String> = (0..200).map(|n| format!("{n:03}-1-1.jsonl")).collect();
    assert_eq!(recorded, wanted);
}

#[test]
fn a_full_disk_is_an_error_that_names_the_report() {
    let server = serving();
    let folder = Folder::new();
    let path = folder.write("x.wst", "### x\nWEBSOCKET {{base}}/echo\n> 1\n< 1\n");
    let base = server.url("");
    for kind in ["human", "tap", "junit", "json"] {
        let report = format!("--report={kind}=/dev/full");
        let output = wirecat(arguments(&base, &[&report, &path])).run();
        output.exits(2).complains(&["/dev/full", "space"]);
        assert_readable(&output);
    }
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let mut child = std::process::Command::new(crate::support::WIRECAT);
    child.args(arguments(&base, &[&path])).stdout(full);
    child.stderr(std::process::Stdio::piped());
    let ended = output(child.spawn().unwrap());
    ended.exits(2).complains(&["stdout", "space"]);
}

#[test]
fn a_reader_that_has_gone_is_no_failure() {
    let server = serving();
    let folder = Folder::new();
    let path = folder.write("x.wst", "### x\nWEBSOCKET {{base}}/echo\n@wait 200ms\n");
    let mut child = wirecat(arguments(&server.url(""), &[&path])).spawn();
    drop(child.stdout.take());
    output(child).exits(0).is_quiet();
}

/// From the message before a step to the message or the Close after it; printed and not asserted.
#[test]
fn limits_are_held() {
    for (step, exit) in [
        ("<(300ms) x", 1),
        ("!<(300ms) x", 0),
        ("<pong(300ms)", 1),
        ("!<close(300ms)", 0),
        ("@wait 300ms", 0),
    ] {
        let server = raw(|mut wire| {
            wire.handshake();
            wire.message();
            let start = Instant::now();
            let next = wire.frame().map(|frame| frame.opcode);
            let took = start.elapsed();
            if next == Some(1) {
                wire.answer_close();
            } else {
                wire.send(close(1000, ""));
            }
            took
        });
        let script = format!("WEBSOCKET {{{{base}}}}/\n> before\n{step}\n> after\n");
        run(&script, &server.url(""), &[]).exits(exit);
        println!("{step}: {:?}", server.result());
    }
}

/// The time of the processor for 1,000 steps that send and 1,000 that expect; printed and not asserted.
#[test]
fn two_thousand_steps_take_little() {
    let server = serving();
    let folder = Folder::new();
    let script = |times| {
        format!(
            "WEBSOCKET {{{{base}}}}/echo\n@repeat {times}\n> {{\"n\":{{{{$n}}}}}}\n<~ {{}}\n@end\n"
        )
    };
    for times in [1, 1_000] {
        let path = folder.write("x.wst", script(times));
        let child = wirecat(arguments(&server.url(""), &[&path])).spawn();
        let cpu = watch_cpu(&child);
        output(child).exits(0);
        println!(
            "@repeat {times}: {} ms of the processor",
            cpu.join().unwrap()
        );
    }
}

/// A Close behind more messages than are kept is found, and what is not read is not taken for nothing.
#[test]
fn what_comes_behind_a_flood_counts() {
    for (steps, exit, words) in [
        ("<close(20s) 1011\n", 0, "1 passed"),
        ("<~(20s) {\"type\":\"error\"}\n<close 1011\n", 0, "1 passed"),
        ("!<~(20s) {\"type\":\"error\"}\n", 1, "what came is unknown"),
        (">ping x\n!<close(20s)\n", 1, "what came is unknown"),
        ("", 111, "1011"),
    ] {
        let server = raw(|mut wire| {
            wire.handshake();
            for _ in 0..10_500 {
                wire.send(text("tick"));
            }
            wire.send(text("{\"type\":\"error\"}"));
            wire.send(close(1011, ""));
            while wire.frame().is_some() {}
        });
        let script = format!("WEBSOCKET {{{{base}}}}/\n{steps}");
        let output = run(&script, &server.url(""), &[]);
        output.exits(exit);
        assert!(output.stdout_text().contains(words), "{steps}: {output:?}");
        server.result();
    }
}

/// A connection that would be opened again may be lost at any moment, at the end of the test too.
#[test]
fn a_loss_at_the_end_is_no_failure_of_what_reconnects() {
    for (options, exit) in [("", 56), ("[Options]\nreconnect: 3\n", 0)] {
        let server = raw(|mut wire| {
            wire.handshake();
            wire.frame();
            wire.reset();
        });
        let script = format!("WEBSOCKET {{{{base}}}}/\n{options}");
        run(&script, &server.url(""), &[]).exits(exit);
        server.result();
    }
}

/// An expression without an end is interrupted, too.
#[test]
fn an_endless_expression_ends_with_the_run() {
    let server = serving();
    let folder = Folder::new();
    let script = "### before\nWEBSOCKET {{base}}/echo\n### endless\nWEBSOCKET {{base}}/echo\n> 1\n< 1\n[Asserts]\n[repeat(1) | select(. == 2)] == []\n";
    let (a, b) = (folder.write("a.wst", script), folder.write("b.wst", script));
    let tap = folder.outside("tap");
    let report = format!("--report=tap={}", tap.display());
    let child = wirecat(arguments(&server.url(""), &["--jobs=2", &report, &a, &b])).spawn();
    thread::sleep(Duration::from_secs(1));
    let start = Instant::now();
    send(Signal::SIGINT, &child);
    let ended = output(child);
    println!("interrupted within {:?}", start.elapsed());
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(ended.status.signal(), Some(2));
    assert!(ended.stdout_text().contains("before"), "{ended:?}");
}

/// The time of the processor that a child has taken, in ms, a little before its end.
fn watch_cpu(child: &std::process::Child) -> thread::JoinHandle<u64> {
    let path = format!("/proc/{}/stat", child.id());
    thread::spawn(move || {
        let mut ticks = 0;
        while let Ok(stat) = fs::read_to_string(&path) {
            let after = stat.rsplit(')').next().unwrap();
            let fields: Vec<&str> = after.split_whitespace().collect();
            let of = |n: usize| fields[n].parse::<u64>().unwrap();
            ticks = of(11) + of(12);
            if fields[0] == "Z" {
                break;
            }
            thread::sleep(Duration::from_millis(2));
        }
        // A tick is 10 ms on Linux.
        ticks * 10
    })
}
