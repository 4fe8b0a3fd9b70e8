//! `--reconnect` with `--confirm` while servers are killed and connections cut, again and again:
//! nothing is lost, order is kept, and what came twice has been told.
//!
//! The servers write down what they take before they answer it, so that the judgement is theirs. The
//! tests that need no peers are small; the large ones are left out of a plain `cargo test`.

use std::fs::File;
use std::io::{self, Read, Write};
use std::ops::RangeInclusive;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

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
    /// The connection is cut, somewhere.
    Cuts(u64, Cut),
}
use Trouble::{Cuts, Kills};

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
    let (Kills(wanted) | Cuts(wanted, _)) = trouble;
    assert_eq!(outcome.troubles, wanted, "the lines were over before");
}

/// What the tests above would be worth little without: that the servers write down what they are
/// sent, and that what a client loses is seen.
mod driver {
    use super::*;

    #[track_caller]
    fn sees_all_lines_and_all_losses(server: Server) {
        let outcome = run(server, 20_000, Kills(0), &["--count", "20000"]);
        outcome.output.exits(0);
        assert!(outcome.ledger.numbers.into_iter().eq(1..=20_000));
        assert!(outcome.replies.numbers.into_iter().eq(1..=20_000));

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
    /// What the client wrote of answers.
    replies: Ledger,
    /// What the server took.
    ledger: Ledger,
    /// How often it was killed or cut.
    troubles: u64,
}

impl Outcome {
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
        let answered = self.replies.numbers.iter().copied();
        assert!(answered.eq(lines), "{stderr}");
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
    let range = |line: &str| {
        let (words, _) = line
            .split_once(" were not confirmed and are sent again")
            .or_else(|| line.split_once(" was not confirmed and is sent again"))?;
        let words: Vec<_> = words.split(' ').collect();
        let number = |word: &str| word.parse::<u64>().ok();
        Some(match words[..] {
            [.., "messages", first, "to", last] => number(first)?..=number(last)?,
            [.., "message", only] => number(only)?..=number(only)?,
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
        Kills(_) => process.url(server.path()),
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
    let numbers: String = (1..=lines).map(|number| format!("{number}\n")).collect();
    // A client that ends early breaks the pipe.
    thread::spawn(move || drop(stdin.write_all(numbers.as_bytes())));
    let client = thread::spawn(move || output_within(HANGS, client));
    let troubles = match trouble {
        Kills(kills) => kill_often(&mut process, &ledger, lines, kills, &|| {
            client.is_finished()
        }),
        Cuts(..) => 0,
    };
    let output = client
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    Outcome {
        output,
        replies: Ledger::read(replies),
        ledger: Ledger::read(ledger),
        troubles: troubles + proxy.counts().cuts,
    }
}

/// Kills the server each time that another part of the lines is in the ledger; says how often that
/// was before the client ended.
fn kill_often(
    server: &mut Killable,
    ledger: &Path,
    lines: u64,
    kills: u64,
    ended: &dyn Fn() -> bool,
) -> u64 {
    let mut entries = Entries::of(ledger).unwrap();
    for kill in 0..kills {
        // Something must have been taken since the kill before, too.
        let enough = (lines * (kill + 1) / (kills + 1)).max(entries.count().unwrap() + 1);
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
}

impl Entries {
    fn of(path: &Path) -> io::Result<Entries> {
        let file = File::open(path)?;
        Ok(Entries { file, count: 0 })
    }

    fn count(&mut self) -> io::Result<u64> {
        let mut more = Vec::new();
        self.file.read_to_end(&mut more)?;
        self.count += more.iter().filter(|byte| **byte == b'\n').count() as u64;
        Ok(self.count)
    }
}
