//! `--reconnect` with `--confirm` while servers are killed and connections cut, again and again:
//! nothing is lost, order is kept, and what came twice has been told.
//!
//! The servers write down what they take before they answer it, so that the judgement is theirs. The
//! tests that need no peers are small; the large ones are left out of a plain `cargo test`.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, Read, Write};
use std::ops::RangeInclusive;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::peers::Kind;
use crate::support::killable::Killable;
use crate::support::ledger::Ledger;
use crate::support::mixture::Chance;
use crate::support::proxy::{Cut, Proxy};
use crate::support::{Output, WIRECAT, output_within, wirecat};

/// Longer than any run here takes on a busy machine; what passes it hangs.
const HANGS: Duration = Duration::from_secs(300);

/// How often the ledger is looked at. A peer takes some hundred messages meanwhile.
const LOOK: Duration = Duration::from_millis(2);

const RECONNECT: [&str; 6] = [
    "--reconnect",
    "--reconnect-delay",
    "20ms",
    "--reconnect-max-delay",
    "200ms",
    "--stats",
];

/// Lines between two kills where lines may be lost.
const LOSSY_PART: u64 = 300;

/// A server that keeps a ledger.
#[derive(Clone, Copy, Debug)]
enum Server {
    /// Answers with the message itself.
    Echoes(Kind),
    /// Answers with `{"ack":N}`.
    Acknowledges(Kind),
    /// The same, and it is wirecat's own.
    Serve,
}
use Server::{Acknowledges, Echoes, Serve};

impl Server {
    fn command(self, port: u16, ledger: &Path) -> Command {
        let port = port.to_string();
        let mut command = match self {
            Echoes(kind) | Acknowledges(kind) => kind.script("ledger"),
            Serve => Command::new(WIRECAT),
        };
        match self {
            Echoes(_) => command.args(["--reply", "echo", "--port", &port]),
            Acknowledges(_) => command.args(["--reply", "ack", "--port", &port]),
            Serve => command.args(["serve", "--silent", &port]),
        };
        command.arg("--ledger").arg(ledger);
        command
    }

    fn path(self) -> &'static str {
        match self {
            Serve => "/ledger",
            _ => "/",
        }
    }

    fn confirm(self) -> &'static str {
        match self {
            Echoes(_) => "--confirm=reply",
            Acknowledges(_) | Serve => "--confirm=.ack",
        }
    }
}

/// What happens on the way, that many times, spread over the lines.
#[derive(Clone, Copy, Debug)]
enum Trouble {
    /// The server is killed and started again.
    Kills(u64),
    /// The same, where lines may be lost: each time after some hundred more.
    LossyKills(u64),
    /// The server is killed and started again, each time when it has written down all that was sent.
    CalmKills(u64),
    /// The connection is cut, somewhere.
    Cuts(u64, Cut),
}
use Trouble::{CalmKills, Cuts, Kills, LossyKills};

/// Each test once per server, so that a failure names it.
macro_rules! survives {
    ($($name:ident: $server:expr, $lines:expr, $trouble:expr;)*) => { $(
        #[test]
        fn $name() {
            survives($server, $lines, $trouble);
        }
    )* };
    ($reason:literal $($name:ident: $server:expr, $lines:expr, $trouble:expr;)*) => { $(
        #[test]
        #[ignore = $reason]
        fn $name() {
            survives($server, $lines, $trouble);
        }
    )* };
}

survives! {
    kills_of_serve: Serve, 20_000, Kills(20);
    calm_kills_of_serve: Serve, 20_000, CalmKills(20);
    resets_by_the_way_to_serve: Serve, 20_000, Cuts(20, Cut::Reset);
    ends_by_the_way_to_serve: Serve, 20_000, Cuts(20, Cut::Fin);
}

survives! { "takes long in a debug build"
    many_kills_of_serve: Serve, 100_000, Kills(100);
    many_resets_by_the_way_to_serve: Serve, 100_000, Cuts(100, Cut::Reset);
}

survives! { "needs .ci/peers"
    kills_of_ws8: Echoes(Kind::Ws8), 100_000, Kills(100);
    kills_of_ws8_that_acknowledges: Acknowledges(Kind::Ws8), 100_000, Kills(100);
    kills_of_websockets17: Echoes(Kind::Websockets17), 100_000, Kills(100);
    kills_of_websockets17_that_acknowledges: Acknowledges(Kind::Websockets17), 100_000, Kills(100);
    calm_kills_of_ws8: Acknowledges(Kind::Ws8), 20_000, CalmKills(100);
    calm_kills_of_websockets17: Echoes(Kind::Websockets17), 20_000, CalmKills(100);
    kills_of_websockets10: Echoes(Kind::Websockets10), 20_000, Kills(20);
    resets_by_the_way_to_ws8: Echoes(Kind::Ws8), 100_000, Cuts(100, Cut::Reset);
    ends_by_the_way_to_ws8: Echoes(Kind::Ws8), 100_000, Cuts(100, Cut::Fin);
    resets_by_the_way_to_websockets17: Acknowledges(Kind::Websockets17), 100_000, Cuts(100, Cut::Reset);
}

#[track_caller]
fn survives(server: Server, lines: u64, trouble: Trouble) {
    let args = [&RECONNECT[..], &[server.confirm()]].concat();
    let outcome = run(server, lines, trouble, &args);
    outcome.lost_nothing(1..=lines);
    let (Kills(wanted) | LossyKills(wanted) | CalmKills(wanted) | Cuts(wanted, _)) = trouble;
    assert_eq!(outcome.troubles, wanted, "the lines were over before");
    if let CalmKills(_) = trouble {
        // Where nothing was on its way, what was sent again is just what came twice.
        let repeated = figure(&outcome.output.stderr, "repeated");
        assert_eq!(
            repeated,
            outcome.ledger.repeats() as u64,
            "{}",
            outcome.output.stderr
        );
        println!("{server:?}: {repeated} repeats, told and in the ledger");
    }
}

/// A pong says that the endpoint has read what came before it, no more: what a server lost that had
/// read it may be missing, and nothing else.
#[track_caller]
fn loses_only_acknowledged_messages(server: Server, lines: u64, kills: u64) {
    let args = [&RECONNECT[..], &["--confirm=pong", "--json"]].concat();
    let outcome = run(server, lines, Kills(kills), &args);
    outcome.output.exits(0);
    assert_eq!(outcome.troubles, kills);
    assert_eq!(figure(&outcome.output.stderr, "confirmed"), lines);
    assert!(outcome.ledger.first_appearances_in_order());
    let answered = acknowledged_before_kill(&outcome.written);
    let missing = outcome.ledger.missing(1..=lines);
    for number in &missing {
        assert!(
            answered.contains(number),
            "{number} is lost, and no pong came for it"
        );
    }
    println!(
        "{server:?}: {} of {lines} lost after their pong",
        missing.len()
    );
    if let Serve = server {
        // It answers pings when it has written down what came before them.
        assert!(missing.is_empty(), "{missing:?}");
    }
}

/// The numbers of the messages that a pong has come for, in the events of a run.
fn acknowledged_before_kill(events: &str) -> BTreeSet<u64> {
    let mut answered = BTreeSet::new();
    // Of the connection under way: what was sent, and how much of it before each ping.
    let (mut conn, mut sent, mut pings) = (Value::Null, Vec::new(), HashMap::new());
    for line in events.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        if !event["conn"].is_null() && event["conn"] != conn {
            (conn, sent, pings) = (event["conn"].clone(), Vec::new(), HashMap::new());
        }
        match (event["type"].as_str().unwrap(), event["dir"].as_str()) {
            ("send", _) => sent.push(event["n"].as_u64().unwrap()),
            ("ping", Some("send")) => drop(pings.insert(event["data"].to_string(), sent.len())),
            ("pong", Some("receive")) => {
                answered.extend(&sent[..pings[&event["data"].to_string()]]);
            }
            _ => {}
        }
    }
    answered
}

/// Without confirmations some may be missing, but none that was not told, and the exit code says so.
#[track_caller]
fn reports_what_may_be_missing(server: Server, lines: u64, kills: u64) {
    let outcome = run(server, lines, LossyKills(kills), &RECONNECT);
    outcome.output.exits(1);
    assert_eq!(outcome.troubles, kills);
    let stderr = &outcome.output.stderr;
    let told = reported_numbers(stderr, "may not have arrived");
    for number in outcome.ledger.missing(1..=lines) {
        assert!(
            told.iter().any(|range| range.contains(&number)),
            "{number}; {stderr}"
        );
    }
    assert_eq!(outcome.ledger.repeats(), 0);
    assert!(outcome.ledger.first_appearances_in_order());
    assert!(figure(stderr, "uncertain") > 0, "{stderr}");
}

#[test]
#[ignore = "slow: many kills"]
fn kills_of_serve_that_pongs_confirm() {
    loses_only_acknowledged_messages(Serve, 20_000, 20);
}

#[test]
#[ignore = "needs .ci/peers"]
fn kills_of_ws8_that_pongs_confirm() {
    loses_only_acknowledged_messages(Acknowledges(Kind::Ws8), 20_000, 20);
}

#[test]
#[ignore = "needs .ci/peers"]
fn kills_of_websockets17_that_pongs_confirm() {
    loses_only_acknowledged_messages(Acknowledges(Kind::Websockets17), 20_000, 20);
}

#[test]
#[ignore = "slow: many kills"]
fn kills_of_serve_that_nothing_confirms() {
    reports_what_may_be_missing(Serve, 50_000, 5);
}

#[test]
#[ignore = "needs .ci/peers"]
fn kills_of_ws8_that_nothing_confirms() {
    reports_what_may_be_missing(Echoes(Kind::Ws8), 200_000, 20);
}

#[test]
#[ignore = "needs .ci/peers"]
fn kills_of_websockets17_that_nothing_confirms() {
    reports_what_may_be_missing(Echoes(Kind::Websockets17), 200_000, 20);
}

/// What the tests above would be worth little without: that the servers write down what they are
/// sent, and that what a client loses is seen.
mod driver {
    use super::*;

    #[track_caller]
    fn sees_all_lines_and_all_losses(server: Server) {
        let outcome = run(server, 20_000, Kills(0), &["--count", "20000"]);
        outcome.output.exits(0);
        assert!(outcome.replies().numbers.into_iter().eq(1..=20_000));
        assert!(outcome.ledger.numbers.into_iter().eq(1..=20_000));

        for trouble in [Kills(3), Cuts(3, Cut::Reset)] {
            let outcome = run(server, 20_000, trouble, &[]);
            assert_ne!(outcome.output.code(), 0);
            assert_eq!(outcome.troubles, 1);
            let Ledger { numbers } = &outcome.ledger;
            assert!(numbers.iter().copied().eq(1..=numbers.len() as u64));
            assert_eq!(outcome.ledger.missing(1..=20_000).pop(), Some(20_000));
        }
    }

    #[test]
    #[ignore = "needs .ci/peers"]
    fn ws8() {
        sees_all_lines_and_all_losses(Echoes(Kind::Ws8));
    }

    #[test]
    #[ignore = "needs .ci/peers"]
    fn websockets17() {
        sees_all_lines_and_all_losses(Acknowledges(Kind::Websockets17));
    }
}

/// What a run left behind.
struct Outcome {
    output: Output,
    /// What the client wrote.
    written: String,
    /// What the server took.
    ledger: Ledger,
    /// How often it was killed or cut.
    troubles: u64,
}

impl Outcome {
    /// What the client wrote of answers.
    fn replies(&self) -> Ledger {
        Ledger::parse(self.written.as_bytes())
    }

    #[track_caller]
    fn lost_nothing(&self, lines: RangeInclusive<u64>) {
        self.output.exits(0);
        let stderr = &self.output.stderr;
        let missing = self.ledger.missing(lines.clone());
        assert!(missing.is_empty(), "{missing:?} were lost; {stderr}");
        assert!(self.ledger.first_appearances_in_order(), "{stderr}");
        assert_eq!(figure(stderr, "confirmed"), *lines.end());

        let told = sent_again(stderr);
        let sum = told.iter().map(|range| range.clone().count() as u64).sum();
        assert_eq!(figure(stderr, "repeated"), sum, "{stderr}");
        assert!(self.ledger.repeats() as u64 <= sum, "{stderr}");
        let mut untold = self.ledger.repeated_numbers();
        untold.retain(|number| !told.iter().any(|range| range.contains(number)));
        assert!(untold.is_empty(), "{untold:?} came twice; {stderr}");

        // What was answered is confirmed, and what is confirmed is not sent again.
        assert!(self.replies().numbers.into_iter().eq(lines), "{stderr}");
    }
}

/// The number in the row of `--stats` with this label.
#[track_caller]
fn figure(stderr: &str, label: &str) -> u64 {
    let label = format!("{label:<10}");
    let mut rows = stderr.lines().filter_map(|line| line.strip_prefix(&label));
    let number = rows
        .next()
        .and_then(|row| row.split(' ').next()?.parse().ok());
    number.unwrap_or_else(|| panic!("no number after {label:?} in:\n{stderr}"))
}

/// The messages that are said to be sent again, as often as that is said.
#[track_caller]
fn sent_again(stderr: &str) -> Vec<RangeInclusive<u64>> {
    let mut told = reported_numbers(stderr, "were not confirmed and are sent again");
    told.extend(reported_numbers(
        stderr,
        "was not confirmed and is sent again",
    ));
    told
}

/// The numbers in the lines that end in these words.
#[track_caller]
fn reported_numbers(stderr: &str, words: &str) -> Vec<RangeInclusive<u64>> {
    let range = |line: &str| {
        let numbers = line.strip_suffix(words)?.trim_end();
        let numbers: Vec<_> = numbers.split(' ').collect();
        let number = |word: &str| word.parse::<u64>().ok();
        Some(match numbers[..] {
            ["messages", first, "to", last] => number(first)?..=number(last)?,
            ["message", only] => number(only)?..=number(only)?,
            _ => panic!("{line:?}"),
        })
    };
    stderr.lines().filter_map(range).collect()
}

/// Sends lines with the numbers from 1 on to a server that meets with trouble meanwhile, until the
/// client ends.
#[track_caller]
fn run(server: Server, lines: u64, trouble: Trouble, args: &[&str]) -> Outcome {
    let directory = tempfile::tempdir().unwrap();
    let [ledger, replies] = ["ledger", "replies"].map(|name| directory.path().join(name));
    File::create(&ledger).unwrap();
    let path = ledger.clone();
    let mut process = Killable::start(move |port| server.command(port, &path));
    let proxy = Proxy::start(process.address());
    let mut args = args.to_vec();
    let url = match trouble {
        Kills(_) | LossyKills(_) => process.url(server.path()),
        CalmKills(_) => proxy.url(server.path()),
        Cuts(cuts, cut) => {
            cut_often(&proxy, lines, cuts, cut);
            // The cuts count on frames of a certain size.
            args.push("--no-compress");
            proxy.url(server.path())
        }
    };

    args.extend(["-o", replies.to_str().unwrap(), &url]);
    let mut client = wirecat(args).spawn();
    let mut stdin = client.stdin.take().unwrap();
    let (more, wanted) = mpsc::channel();
    thread::spawn(move || {
        // Long lines, so that not all of them fit into the buffers of a connection that is lost.
        let pad = match trouble {
            LossyKills(_) => 1000,
            _ => 0,
        };
        for portion in wanted {
            // A client that ends early breaks the pipe.
            if stdin.write_all(numbered(portion, pad).as_bytes()).is_err() {
                return;
            }
        }
    });
    let client = thread::spawn(move || output_within(HANGS, client));
    let troubles = match trouble {
        Kills(kills) | LossyKills(kills) => {
            more.send(1..=lines).unwrap();
            drop(more);
            let part = match trouble {
                Kills(_) => lines / (kills + 1),
                _ => LOSSY_PART,
            };
            kill_often(&mut process, &ledger, part, kills, &|| client.is_finished())
        }
        CalmKills(kills) => {
            kill_calmly(&mut process, &proxy, &ledger, lines, kills, &more);
            drop(more);
            kills
        }
        Cuts(..) => {
            more.send(1..=lines).unwrap();
            drop(more);
            0
        }
    };
    let output = client
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    Outcome {
        output,
        // A run that fails before there is anything to write makes no file.
        written: std::fs::read_to_string(replies).unwrap_or_default(),
        ledger: Ledger::read(ledger),
        troubles: troubles + proxy.counts().cuts,
    }
}

/// Kills the server each time that another part of the lines is in the ledger; says how often that
/// was before the client ended.
fn kill_often(
    server: &mut Killable,
    ledger: &Path,
    part: u64,
    kills: u64,
    ended: &dyn Fn() -> bool,
) -> u64 {
    let mut entries = Entries::of(ledger).unwrap();
    for kill in 0..kills {
        // Something must have been taken since the kill before, too.
        let enough = match part {
            LOSSY_PART => entries.count().unwrap() + part,
            part => (part * (kill + 1)).max(entries.count().unwrap() + 1),
        };
        while entries.count().unwrap() < enough {
            if ended() {
                return kill;
            }
            thread::sleep(LOOK);
        }
        server.kill();
        server.restart();
    }
    kills
}

/// Kills the server each time that it has written down the last of another part of the lines, and
/// sends the next part after that.
fn kill_calmly(
    server: &mut Killable,
    proxy: &Proxy,
    ledger: &Path,
    lines: u64,
    kills: u64,
    more: &mpsc::Sender<RangeInclusive<u64>>,
) {
    let mut entries = Entries::of(ledger).unwrap();
    let mut first = 1;
    for part in 1..=kills + 1 {
        let last = lines * part / (kills + 1);
        more.send(first..=last).unwrap();
        first = last + 1;
        if part > kills {
            return;
        }
        let start = Instant::now();
        while entries.last().unwrap() < last {
            assert!(start.elapsed() < HANGS, "{last} never comes");
            thread::sleep(LOOK);
        }
        let before = proxy.counts().accepted;
        server.kill();
        server.restart();
        // A client that tries again has noticed, and sends nothing more to where nobody is.
        proxy.wait_for(|counts| counts.accepted > before);
    }
}

/// Numbers, or objects with that many bytes besides.
fn numbered(lines: RangeInclusive<u64>, pad: usize) -> String {
    let line = |number| match pad {
        0 => format!("{number}\n"),
        pad => format!("{{\"n\":{number},\"pad\":\"{}\"}}\n", "x".repeat(pad)),
    };
    lines.map(line).collect()
}

/// A cut each time that some bytes have passed. All together there are fewer of them than the lines
/// have as frames, however few of the frames that passed were confirmed.
fn cut_often(proxy: &Proxy, lines: u64, cuts: u64, cut: Cut) {
    let mut chance = Chance(0x5eed);
    let most = lines * 8 / cuts;
    for number in 0..cuts {
        let bytes = 1 + chance.below(most as usize) as u64;
        // The first connection is to come about: without it there is nothing to reconnect.
        let bytes = if number == 0 { bytes.max(2000) } else { bytes };
        proxy.cut_after(bytes, cut);
    }
}

/// Counts the lines of a file that grows.
struct Entries {
    file: File,
    count: u64,
    /// What is still without an end.
    rest: Vec<u8>,
    highest: u64,
}

impl Entries {
    fn of(path: &Path) -> io::Result<Entries> {
        Ok(Entries {
            file: File::open(path)?,
            count: 0,
            rest: Vec::new(),
            highest: 0,
        })
    }

    /// The highest number so far.
    fn last(&mut self) -> io::Result<u64> {
        self.file.read_to_end(&mut self.rest)?;
        while let Some(end) = self.rest.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.rest.drain(..=end).collect();
            let numbers = Ledger::parse(&line).numbers;
            self.highest = numbers.into_iter().fold(self.highest, u64::max);
        }
        Ok(self.highest)
    }

    fn count(&mut self) -> io::Result<u64> {
        let mut more = Vec::new();
        self.file.read_to_end(&mut more)?;
        self.count += more.iter().filter(|byte| **byte == b'\n').count() as u64;
        Ok(self.count)
    }
}
