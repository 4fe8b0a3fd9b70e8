//! How a connection ended, and the exit code for it. Pure.

use std::time::Duration;

use crate::close::{Close, code_name};
use crate::error::{Error, Exit, Stage};
use crate::event::{By, Cause, Peer};
use crate::io::signals::Stop;
use crate::wire::loss::Loss;
use crate::wire::validate::Violation;

/// Advice after a lost connection.
const LOST_ADVICE: &str =
    "see the server's log: it crashed, was stopped, or a proxy in between cut an idle connection";

/// From here on, silence may be why a connection was ended. No proxy is that impatient.
const IDLE: Duration = Duration::from_millis(1500);

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Ended {
    /// We closed, and the peer answered.
    ByUs,
    /// We closed, and the peer closed at the same time, for its own reason.
    Crossed(Close),
    /// We closed, and the peer ended the TCP connection instead of answering.
    ClosedByEof,
    /// We closed, and the peer did not answer in time.
    Unanswered,
    /// We closed, and the connection broke.
    ClosedByLoss(Loss),
    /// The peer closed, and was answered.
    ByPeer(Close),
    /// There was no Close: 1006. `unsent` is whether something was waiting to be sent, `silent` how
    /// long nothing had moved in either direction.
    Lost {
        loss: Loss,
        unsent: bool,
        silent: Duration,
    },
    /// Writing failed, but the peer has neither closed nor ended the connection.
    SendFailed(String),
    /// The peer broke a rule. The Close is ours; it may have been sent before.
    Violation(Violation, Close),
    /// The peer was considered dead.
    NoPong {
        waited: Duration,
        silent: Duration,
    },
    /// Nothing moved in either direction for this long.
    Stuck(Duration),
    /// The front end quit without a connection, or without waiting for the answer to our Close.
    Left,
    /// The front end quit before the system had accepted everything to be sent.
    LeftUnsent,
    /// The connection was lost after everything had been confirmed.
    Done,
    Stopped(Stop),
}

/// How a run ended, or why it never connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Ended(Ended),
    Failed(Error),
}

/// The front end's view of its own success.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// `Some(false)` if `--count`, `--until` or `-1` was given and not met.
    pub condition_met: Option<bool>,
    /// The reader of stdout is gone.
    pub output_closed: bool,
    /// The output could not be written; that has been reported.
    pub output_failed: bool,
    /// The input could not be sent as it is; that has been reported.
    pub bad_input: bool,
    /// Number of messages that were read but never sent.
    pub unsent: usize,
    /// A message of `--on-open` waited in vain for one of the peer.
    pub unopened: bool,
    /// A message was being sent when its connection ended, and no other connection sent it.
    pub cut_off: bool,
    /// Some messages may not have arrived.
    pub unconfirmed: bool,
    /// The command of `--run` failed or was not started; that has been reported.
    pub program_failed: bool,
    /// A command that was to give an answer has failed; that has been reported.
    pub answer_failed: bool,
}

impl Ended {
    /// The exit code, considering the front end's view.
    pub fn exit(&self, verdict: Verdict) -> Exit {
        if let Ended::Stopped(stop) = self {
            return stop.exit();
        }
        if verdict.output_failed {
            return Exit::Usage;
        }
        let met = verdict.condition_met == Some(true);
        let failed = verdict.unconfirmed || verdict.program_failed;
        if (verdict.output_closed && !verdict.program_failed) || (met && !failed) {
            return Exit::Ok;
        }
        let unmet = verdict.condition_met == Some(false)
            || failed
            || verdict.unsent > 0
            || verdict.unopened
            || verdict.answer_failed
            || verdict.cut_off;
        match self.own_exit() {
            Exit::Ok if verdict.bad_input => Exit::Usage,
            _ if met => Exit::Unmet,
            Exit::Ok if unmet => Exit::Unmet,
            other => other,
        }
    }

    /// The exit code, where everything else went well.
    fn own_exit(&self) -> Exit {
        match self {
            Ended::ByUs | Ended::ClosedByEof | Ended::Left | Ended::Done => Exit::Ok,
            Ended::Crossed(close) | Ended::ByPeer(close) => exit_of_close(close),
            Ended::Unanswered | Ended::NoPong { .. } | Ended::Stuck(_) => Exit::Timeout,
            Ended::Lost { unsent: true, .. } | Ended::SendFailed(_) => Exit::Send,
            Ended::Lost { .. } | Ended::ClosedByLoss(_) => Exit::Lost,
            Ended::Violation(..) => Exit::Protocol,
            Ended::LeftUnsent => Exit::Unmet,
            Ended::Stopped(stop) => stop.exit(),
        }
    }

    /// The error to report, if the connection did not end well. A Close from the peer was reported
    /// when it arrived.
    pub fn error(&self, peer: Peer) -> Option<Error> {
        match self {
            Ended::ByUs
            | Ended::Crossed(_)
            | Ended::ClosedByEof
            | Ended::ByPeer(_)
            | Ended::Left
            | Ended::Done => None,
            Ended::Unanswered => Some(
                Error::new(
                    Stage::Close,
                    Exit::Timeout,
                    format!("{} did not answer our Close in time", peer.the()),
                )
                .advice("--close-timeout T waits longer"),
            ),
            Ended::Lost {
                loss, unsent: true, ..
            } => Some(send_failed(&format!(
                "connection lost (1006): {}",
                words(loss, peer)
            )))
            .map(|error| advised(error, peer, LOST_ADVICE)),
            Ended::ClosedByLoss(loss) => {
                Some(advised(lost_error(&words(loss, peer)), peer, LOST_ADVICE))
            }
            Ended::Lost { loss, silent, .. } => {
                let error = lost_error(&words_after(loss, *silent, peer));
                Some(advised(error, peer, &advice_after(*silent)))
            }
            Ended::SendFailed(why) => Some(advised(send_failed(why), peer, LOST_ADVICE)),
            Ended::Violation(violation, close) => Some(violation_error(violation, close, peer)),
            Ended::LeftUnsent => Some(Error::new(
                Stage::Send,
                Exit::Unmet,
                format!(
                    "left before {} had read everything that was sent",
                    peer.the()
                ),
            )),
            Ended::NoPong { .. } | Ended::Stuck(_) => Some(Error::new(
                Stage::Receive,
                Exit::Timeout,
                self.dead(peer).unwrap_or_default(),
            )),
            Ended::Stopped(Stop::MaxTime) => Some(Error::new(
                Stage::Receive,
                Exit::Timeout,
                "--max-time is over",
            )),
            Ended::Stopped(_) => None,
        }
    }
}

impl Ended {
    /// The cause for a decision on reconnecting; `None` if the user chose to end.
    pub fn cause(&self) -> Option<Cause> {
        match self {
            Ended::ByUs
            | Ended::Crossed(_)
            | Ended::ClosedByEof
            | Ended::Unanswered
            | Ended::ClosedByLoss(_)
            | Ended::Left
            | Ended::LeftUnsent
            | Ended::Done
            | Ended::Stopped(_) => None,
            Ended::ByPeer(close) => Some(Cause::Close {
                by: By::Peer,
                close: close.clone(),
            }),
            // If the Close was sent before, it was not for this violation.
            Ended::Violation(violation, close) if close.code != Some(violation.code) => None,
            Ended::Violation(_, close) => Some(Cause::Close {
                by: By::Us,
                close: close.clone(),
            }),
            Ended::Lost { loss, silent, .. } => {
                Some(Cause::Lost(words_after(loss, *silent, Peer::Server)))
            }
            Ended::SendFailed(why) => Some(Cause::Lost(why.clone())),
            Ended::NoPong { .. } | Ended::Stuck(_) => self.dead(Peer::Server).map(Cause::Dead),
        }
    }

    /// Why the peer is considered dead.
    fn dead(&self, peer: Peer) -> Option<String> {
        match self {
            Ended::NoPong { waited, silent } => Some(format!(
                "no pong within {} (last byte {} ago)",
                seconds(*waited),
                seconds(*silent)
            )),
            Ended::Stuck(time) => Some(format!(
                "{} has neither read nor sent anything for {}",
                peer.the(),
                seconds(*time)
            )),
            _ => None,
        }
    }

    /// Whether the peer has read everything that was sent to it, or closed normally.
    pub fn is_answered(&self) -> bool {
        match self {
            Ended::ByUs | Ended::ClosedByEof => true,
            Ended::ByPeer(close) => close.code == Some(1000),
            _ => false,
        }
    }
}

fn words(loss: &Loss, peer: Peer) -> String {
    loss.describe(peer.the())
}

/// The words for a loss, with the silence that may be its reason.
fn words_after(loss: &Loss, silent: Duration, peer: Peer) -> String {
    match silent < IDLE {
        true => words(loss, peer),
        false => format!("{} after {} of silence", words(loss, peer), seconds(silent)),
    }
}

/// The advice is about servers, and what stands between them and us.
fn advised(error: Error, peer: Peer, advice: &str) -> Error {
    match peer {
        Peer::Server => error.advice(advice),
        Peer::Client => error,
    }
}

/// What to try after a loss that this much silence preceded.
fn advice_after(silent: Duration) -> String {
    if silent < IDLE {
        return LOST_ADVICE.to_owned();
    }
    // The clock has just been late; half of what is allowed is soon enough.
    let interval = (silent / 2).as_secs().max(1);
    format!(
        "if a proxy in between ends idle connections, --ping-interval {interval}s keeps this one busy; otherwise see the server's log"
    )
}

/// `0.3 s`, `20 s`: rounded for people.
fn seconds(time: Duration) -> String {
    let tenths = (time.as_secs_f64() * 10.0).round();
    if time >= Duration::from_secs(10) || tenths % 10.0 == 0.0 {
        return format!("{:.0} s", time.as_secs_f64());
    }
    format!("{:.1} s", tenths / 10.0)
}

/// The exit code that a Close from the peer gives by itself.
pub fn exit_of_close(close: &Close) -> Exit {
    match close.reported_code() {
        1000 | 1001 | 1005 => Exit::Ok,
        3000..=4999 => Exit::PeerPrivate,
        _ => Exit::PeerError,
    }
}

fn violation_error(violation: &Violation, close: &Close, peer: Peer) -> Error {
    let Violation { code, rule, frame } = violation;
    let too_big = *code == 1009;
    let message = if too_big {
        format!("{} sent {rule}", peer.the())
    } else {
        format!("{} broke the protocol: {rule}", peer.the())
    };
    let mut error = Error::new(Stage::Receive, Exit::Protocol, message);
    for line in frame {
        error = error.detail(line.as_str());
    }
    let code = close.reported_code();
    error = error.detail(format!("closed by us: {code} ({})", code_name(code)));
    if too_big {
        error = error.advice("--max-message-size SIZE allows more");
    }
    error
}

fn send_failed(why: &str) -> Error {
    Error::new(Stage::Send, Exit::Send, format!("sending failed: {why}"))
}

fn lost_error(why: &str) -> Error {
    Error::new(
        Stage::Receive,
        Exit::Lost,
        format!("connection lost without a Close frame (1006): {why}"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reset() -> Loss {
        Loss::Reset("reset".into())
    }

    fn lost() -> Ended {
        Ended::Lost {
            loss: reset(),
            unsent: false,
            silent: Duration::ZERO,
        }
    }

    fn peer(code: u16) -> Ended {
        Ended::ByPeer(Close::new(code, ""))
    }

    #[test]
    fn the_exit_code_of_every_end() {
        let ended = [
            (peer(1000), Exit::Ok),
            (peer(1001), Exit::Ok),
            (Ended::ByPeer(Close::default()), Exit::Ok),
            (peer(1011), Exit::PeerError),
            (peer(1014), Exit::PeerError),
            (peer(3000), Exit::PeerPrivate),
            (peer(4001), Exit::PeerPrivate),
            (lost(), Exit::Lost),
            (
                Ended::Lost {
                    loss: reset(),
                    unsent: true,
                    silent: Duration::ZERO,
                },
                Exit::Send,
            ),
            (Ended::SendFailed("broken pipe".into()), Exit::Send),
            (Ended::ByUs, Exit::Ok),
            (Ended::Crossed(Close::new(1011, "")), Exit::PeerError),
            (Ended::ClosedByEof, Exit::Ok),
            (Ended::Unanswered, Exit::Timeout),
            (Ended::ClosedByLoss(reset()), Exit::Lost),
            (
                Ended::Violation(
                    Violation {
                        code: 1002,
                        rule: "x".into(),
                        frame: Vec::new(),
                    },
                    Close::new(1002, ""),
                ),
                Exit::Protocol,
            ),
            (
                Ended::NoPong {
                    waited: Duration::ZERO,
                    silent: Duration::ZERO,
                },
                Exit::Timeout,
            ),
            (Ended::Stuck(Duration::ZERO), Exit::Timeout),
            (Ended::Left, Exit::Ok),
            (Ended::LeftUnsent, Exit::Unmet),
            (Ended::Done, Exit::Ok),
            (Ended::Stopped(Stop::Interrupt), Exit::Interrupted),
            (Ended::Stopped(Stop::Hangup), Exit::HungUp),
            (Ended::Stopped(Stop::Terminate), Exit::Terminated),
            (Ended::Stopped(Stop::MaxTime), Exit::Timeout),
        ];
        for (ended, exit) in ended {
            assert_eq!(ended.exit(Verdict::default()), exit, "{ended:?}");
            if let Some(error) = ended.error(Peer::Server) {
                assert_eq!(error.exit, exit, "{ended:?}");
            }
        }
    }

    #[test]
    fn the_front_ends_result_affects_the_exit_code() {
        let unmet = Verdict {
            condition_met: Some(false),
            ..Verdict::default()
        };
        assert_eq!(peer(1000).exit(unmet), Exit::Unmet);
        assert_eq!(peer(4001).exit(unmet), Exit::PeerPrivate);
        let met = Verdict {
            condition_met: Some(true),
            ..Verdict::default()
        };
        assert_eq!(Ended::Unanswered.exit(met), Exit::Ok);
        assert_eq!(Ended::Stopped(Stop::Interrupt).exit(met), Exit::Interrupted);
        let unconfirmed = Verdict {
            unconfirmed: true,
            ..Verdict::default()
        };
        assert_eq!(peer(1000).exit(unconfirmed), Exit::Unmet);
        assert_eq!(peer(1011).exit(unconfirmed), Exit::PeerError);
        let cut_off = Verdict {
            cut_off: true,
            ..Verdict::default()
        };
        assert_eq!(peer(1000).exit(cut_off), Exit::Unmet);
        assert_eq!(peer(1011).exit(cut_off), Exit::PeerError);
        let unopened = Verdict {
            unopened: true,
            ..Verdict::default()
        };
        assert_eq!(peer(1000).exit(unopened), Exit::Unmet);
        assert_eq!(peer(4001).exit(unopened), Exit::PeerPrivate);
        let unanswered = Verdict {
            answer_failed: true,
            ..Verdict::default()
        };
        assert_eq!(peer(1000).exit(unanswered), Exit::Unmet);
        assert_eq!(peer(4001).exit(unanswered), Exit::PeerPrivate);
        let met_before = Verdict {
            cut_off: true,
            ..met
        };
        assert_eq!(peer(1000).exit(met_before), Exit::Ok);
        let met_only = Verdict {
            unconfirmed: true,
            ..met
        };
        assert_eq!(peer(1000).exit(met_only), Exit::Unmet);
        let gone = Verdict {
            unconfirmed: true,
            output_closed: true,
            ..Verdict::default()
        };
        assert_eq!(lost().exit(gone), Exit::Ok);
        let unsent = Verdict {
            unsent: 1,
            ..Verdict::default()
        };
        assert_eq!(peer(1000).exit(unsent), Exit::Unmet);
        assert_eq!(peer(4001).exit(unsent), Exit::PeerPrivate);
        let met_before = Verdict { unsent: 1, ..met };
        assert_eq!(peer(1000).exit(met_before), Exit::Ok);
        let bad = Verdict {
            bad_input: true,
            ..Verdict::default()
        };
        assert_eq!(peer(1000).exit(bad), Exit::Usage);
        assert_eq!(peer(1011).exit(bad), Exit::PeerError);
    }

    #[test]
    fn a_loss_after_silence_is_explained_by_it() {
        for (silent, words, advice) in [
            (1_499, "the server ended the TCP connection", LOST_ADVICE),
            (
                2_004,
                "the server ended the TCP connection after 2 s of silence",
                "if a proxy in between ends idle connections, --ping-interval 1s keeps this one busy; otherwise see the server's log",
            ),
            (
                60_010,
                "the server ended the TCP connection after 60 s of silence",
                "if a proxy in between ends idle connections, --ping-interval 30s keeps this one busy; otherwise see the server's log",
            ),
        ] {
            let ended = Ended::Lost {
                loss: Loss::Eof(None),
                unsent: false,
                silent: Duration::from_millis(silent),
            };
            let cause = Some(Cause::Lost(words.to_owned()));
            let error = lost_error(words).advice(advice);
            assert_eq!(
                (ended.cause(), ended.error(Peer::Server)),
                (cause, Some(error))
            );
        }
    }

    #[test]
    fn a_dead_peer_is_described() {
        for (waited, silent, words) in [
            (20_003, 40_970, "no pong within 20 s (last byte 41 s ago)"),
            (300, 1_249, "no pong within 0.3 s (last byte 1.2 s ago)"),
            (1_999, 9_960, "no pong within 2 s (last byte 10 s ago)"),
        ] {
            let ended = Ended::NoPong {
                waited: Duration::from_millis(waited),
                silent: Duration::from_millis(silent),
            };
            assert_eq!(ended.cause(), Some(Cause::Dead(words.into())));
        }
    }
}
