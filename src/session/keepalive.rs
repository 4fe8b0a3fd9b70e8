//! The timers of a connection: pings, deadlines, the closing handshake. Pure: the time is an
//! argument, and nothing is sent here.

use std::time::{Duration, Instant};

use bytes::Bytes;

/// Maximum number of our pings in flight; older ones lose their round-trip time.
const MAX_OUTSTANDING: usize = 16;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// How long to wait for the peer's answer to our Close.
    pub close_timeout: Duration,
    /// `None` sends no pings.
    pub ping_interval: Option<Duration>,
    /// How long the peer may be silent after a ping.
    pub ping_timeout: Duration,
    /// How often to send the heartbeat message, which shows the peer's application that the client
    /// is alive.
    pub heartbeat: Option<Duration>,
}

/// While pings are stuck behind a full send buffer, they prove nothing about the peer: it may be
/// slow. But if nothing has moved in either direction for this many times the interval plus the
/// timeout, and for at least [`STUCK`], the peer is considered dead.
const STUCK_TIMES: u32 = 3;
const STUCK: Duration = Duration::from_secs(30);

/// What to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    Nothing,
    Ping(Bytes),
    /// Send the heartbeat message.
    Heartbeat,
    /// The peer has been silent for `silent`, of which `waited` since a ping.
    Dead {
        waited: Duration,
        silent: Duration,
    },
    /// The peer has neither read nor sent anything for this long.
    Stuck(Duration),
    /// Our Close was not answered.
    CloseTimedOut,
}

#[derive(Clone, Debug)]
struct Outstanding {
    data: Bytes,
    /// Whether the user requested it; a keepalive ping is not requested.
    asked: bool,
    /// `None` while it is stuck behind a full send buffer.
    sent: Option<Instant>,
}

/// The timers of one connection.
#[derive(Clone, Debug)]
pub struct Keepalive {
    options: Options,
    last_heard: Instant,
    /// When the peer last accepted a byte of ours.
    last_taken: Instant,
    /// When reading, or this process, last resumed after a pause.
    resumed: Instant,
    next_ping: Option<Instant>,
    next_heartbeat: Option<Instant>,
    /// A heartbeat has been handed over and not been flushed yet.
    beating: bool,
    outstanding: Vec<Outstanding>,
    /// When the oldest unanswered ping was sent, if nothing was received after it.
    waiting_since: Option<Instant>,
    pings: u64,
    close_deadline: Option<Instant>,
    /// How long the answer to our Close may take.
    close_patience: Duration,
}

impl Keepalive {
    /// A keepalive for a connection that opened at `now`.
    pub fn new(options: Options, now: Instant) -> Self {
        Keepalive {
            next_ping: options.ping_interval.map(|interval| now + interval),
            next_heartbeat: options.heartbeat.map(|interval| now + interval),
            beating: false,
            options,
            last_heard: now,
            last_taken: now,
            resumed: now,
            outstanding: Vec::new(),
            waiting_since: None,
            pings: 0,
            close_deadline: None,
            close_patience: Duration::MAX,
        }
    }

    /// Any byte from the peer is a sign of life.
    pub fn handle_bytes(&mut self, now: Instant) {
        self.last_heard = now;
        self.waiting_since = None;
    }

    /// The peer accepted bytes of ours.
    pub fn handle_taken(&mut self, now: Instant) {
        self.last_taken = now;
    }

    /// The data of the next ping, unique within the connection.
    pub fn ping_data(&mut self) -> Bytes {
        self.pings += 1;
        Bytes::from(format!("wirecat {}", self.pings))
    }

    /// A ping was handed over for sending; `asked` is whether the user requested it.
    pub fn handle_ping_queued(&mut self, data: Bytes, asked: bool) {
        if self.outstanding.len() == MAX_OUTSTANDING {
            self.outstanding.remove(0);
        }
        self.outstanding.push(Outstanding {
            data,
            asked,
            sent: None,
        });
    }

    /// Everything handed over has been written to the kernel: only now do unanswered pings count.
    pub fn handle_flushed(&mut self, now: Instant) {
        self.beating = false;
        self.handle_pings_flushed(now);
    }

    /// The control frames handed over have been written to the kernel; a data message may still be
    /// in progress.
    pub fn handle_pings_flushed(&mut self, now: Instant) {
        for ping in self
            .outstanding
            .iter_mut()
            .filter(|ping| ping.sent.is_none())
        {
            ping.sent = Some(now);
            if self.options.ping_interval.is_some() && self.close_deadline.is_none() {
                self.waiting_since.get_or_insert(now);
            }
        }
    }

    /// A pong arrived. Returns the round-trip time and whether the user requested the ping, if it
    /// answers a ping of ours (RFC 6455 §5.5.3: it may answer only the most recent one).
    pub fn handle_pong(&mut self, data: &[u8], now: Instant) -> Option<(Duration, bool)> {
        let answered = self
            .outstanding
            .iter()
            .rposition(|ping| ping.data == data)?;
        let ping = self.outstanding.drain(..=answered).next_back()?;
        ping.sent.map(|sent| (now - sent, ping.asked))
    }

    /// We sent a Close, or will never be able to: the peer has until the close timeout, and no
    /// longer than `at_most`.
    pub fn handle_closing(&mut self, now: Instant, at_most: Duration) {
        let patience = self.options.close_timeout.min(at_most);
        self.close_patience = self.close_patience.min(patience);
        let deadline = now + patience;
        self.close_deadline = Some(
            self.close_deadline
                .map_or(deadline, |earlier| earlier.min(deadline)),
        );
        self.next_ping = None;
        self.next_heartbeat = None;
        self.waiting_since = None;
    }

    /// Nothing was read for a while, because this process was suspended or its output was full. The
    /// peer may have answered in that time, so every wait for it starts again.
    pub fn handle_resumed(&mut self, now: Instant) {
        self.resumed = now;
        self.restart_ping_timeout(now);
        if self.close_deadline.is_some() {
            self.close_deadline = Some(now + self.close_patience);
        }
    }

    /// The peer had no chance to answer a ping so far, or its answer was not read: the ping timeout
    /// starts again.
    pub fn restart_ping_timeout(&mut self, now: Instant) {
        self.waiting_since = self.waiting_since.map(|_| now);
    }

    /// When [`Keepalive::handle_timeout`] next has a result.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let deadlines = [
            self.close_deadline,
            self.next_ping,
            self.next_heartbeat,
            self.dead_at(),
            self.stuck_at(),
        ];
        deadlines.into_iter().flatten().min()
    }

    /// What is due at `now`.
    pub fn handle_timeout(&mut self, now: Instant) -> Action {
        if self.close_deadline.is_some_and(|deadline| deadline <= now) {
            return Action::CloseTimedOut;
        }
        if let (Some(dead_at), Some(since)) = (self.dead_at(), self.waiting_since)
            && dead_at <= now
        {
            return Action::Dead {
                waited: now - since,
                silent: now - self.last_heard,
            };
        }
        if self.stuck_at().is_some_and(|stuck_at| stuck_at <= now) {
            return Action::Stuck(now - self.last_moved());
        }
        if let (Some(due), Some(interval)) = (self.next_heartbeat, self.options.heartbeat)
            && due <= now
        {
            self.next_heartbeat = Some(now + interval);
            // Another ping would only wait in the same queue.
            if !self.beating {
                self.beating = true;
                return Action::Heartbeat;
            }
        }
        match (self.next_ping, self.options.ping_interval) {
            (Some(due), Some(interval)) if due <= now => {
                self.next_ping = Some(now + interval);
                if self.is_stuck() {
                    return Action::Nothing;
                }
                Action::Ping(self.ping_data())
            }
            _ => Action::Nothing,
        }
    }

    /// Whether a ping waits behind a full send buffer.
    fn is_stuck(&self) -> bool {
        self.outstanding.iter().any(|ping| ping.sent.is_none())
    }

    /// How long nothing has moved in either direction.
    pub fn silence(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.last_moved())
    }

    fn last_moved(&self) -> Instant {
        self.last_heard.max(self.last_taken).max(self.resumed)
    }

    fn stuck_at(&self) -> Option<Instant> {
        let open = self.close_deadline.is_none();
        let interval = self
            .options
            .ping_interval
            .filter(|_| open && self.is_stuck())?;
        let patience = (interval + self.options.ping_timeout) * STUCK_TIMES;
        Some(self.last_moved() + patience.max(STUCK))
    }

    fn dead_at(&self) -> Option<Instant> {
        self.waiting_since
            .map(|since| since + self.options.ping_timeout)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn keepalive(interval: Option<u32>) -> (Keepalive, Instant) {
        let start = Instant::now();
        let options = Options {
            close_timeout: 5 * SECOND,
            ping_interval: interval.map(|seconds| seconds * SECOND),
            ping_timeout: 20 * SECOND,
            heartbeat: None,
        };
        (Keepalive::new(options, start), start)
    }

    #[track_caller]
    fn send_ping(keepalive: &mut Keepalive, now: Instant) -> Bytes {
        let Action::Ping(data) = keepalive.handle_timeout(now) else {
            panic!("no ping is due");
        };
        keepalive.handle_ping_queued(data.clone(), false);
        data
    }

    #[test]
    fn without_an_interval_no_ping_is_due() {
        let (mut keepalive, start) = keepalive(None);
        keepalive.handle_ping_queued(Bytes::from_static(b"mine"), true);
        keepalive.handle_flushed(start);
        assert_eq!(keepalive.poll_timeout(), None);
        assert_eq!(
            keepalive.handle_timeout(start + 1000 * SECOND),
            Action::Nothing
        );
        assert_eq!(
            keepalive.handle_pong(b"mine", start + SECOND),
            Some((SECOND, true))
        );
    }

    #[test]
    fn silence_lasts_since_the_last_byte_in_either_direction() {
        let (mut keepalive, start) = keepalive(None);
        keepalive.handle_bytes(start + 3 * SECOND);
        assert_eq!(keepalive.silence(start + 10 * SECOND), 7 * SECOND);
        keepalive.handle_taken(start + 8 * SECOND);
        assert_eq!(keepalive.silence(start + 10 * SECOND), 2 * SECOND);
        assert_eq!(keepalive.silence(start), Duration::ZERO);
    }

    #[test]
    fn a_silent_peer_is_dead_after_interval_and_timeout() {
        let (mut keepalive, start) = keepalive(Some(20));
        assert_eq!(keepalive.poll_timeout(), Some(start + 20 * SECOND));
        let pinged = start + 20 * SECOND;
        send_ping(&mut keepalive, pinged);
        keepalive.handle_flushed(pinged);
        let dead = pinged + 20 * SECOND;
        assert_eq!(
            keepalive.handle_timeout(dead),
            Action::Dead {
                waited: 20 * SECOND,
                silent: 40 * SECOND
            }
        );
    }

    #[test]
    fn any_received_byte_keeps_the_peer_alive() {
        let (mut keepalive, start) = keepalive(Some(20));
        let pinged = start + 20 * SECOND;
        send_ping(&mut keepalive, pinged);
        keepalive.handle_flushed(pinged);
        keepalive.handle_bytes(pinged + SECOND);
        assert_eq!(keepalive.poll_timeout(), Some(start + 40 * SECOND));
        assert!(matches!(
            keepalive.handle_timeout(start + 40 * SECOND),
            Action::Ping(_)
        ));
    }

    #[test]
    fn a_ping_behind_a_full_send_buffer_does_not_count() {
        let (mut keepalive, start) = keepalive(Some(20));
        send_ping(&mut keepalive, start + 20 * SECOND);
        let later = start + 300 * SECOND;
        // The peer accepts something now and then.
        for seconds in (20..300).step_by(60) {
            let now = start + seconds * SECOND;
            keepalive.handle_taken(now);
            assert_eq!(keepalive.handle_timeout(now), Action::Nothing);
        }
        keepalive.handle_taken(later - SECOND);
        assert_eq!(keepalive.handle_timeout(later), Action::Nothing);
        keepalive.handle_flushed(later);
        assert!(matches!(
            keepalive.handle_timeout(later + 20 * SECOND),
            Action::Dead { .. }
        ));
    }

    #[test]
    fn a_slow_reader_that_has_not_reached_the_ping_is_not_dead() {
        let (mut keepalive, start) = keepalive(Some(20));
        let pinged = start + 20 * SECOND;
        send_ping(&mut keepalive, pinged);
        keepalive.handle_pings_flushed(pinged);
        keepalive.restart_ping_timeout(pinged + 15 * SECOND);
        let later = pinged + 25 * SECOND;
        assert!(matches!(keepalive.handle_timeout(later), Action::Ping(_)));
        let dead = pinged + 35 * SECOND;
        assert_eq!(keepalive.poll_timeout(), Some(dead));
        assert!(matches!(
            keepalive.handle_timeout(dead),
            Action::Dead { .. }
        ));
    }

    #[test]
    fn a_heartbeat_waits_for_the_message_even_after_pings_were_sent() {
        let start = Instant::now();
        let options = Options {
            close_timeout: 5 * SECOND,
            ping_interval: None,
            ping_timeout: 20 * SECOND,
            heartbeat: Some(SECOND),
        };
        let mut keepalive = Keepalive::new(options, start);
        let at = |seconds| start + seconds * SECOND;
        assert_eq!(keepalive.handle_timeout(at(1)), Action::Heartbeat);
        keepalive.handle_pings_flushed(at(1));
        assert_eq!(keepalive.handle_timeout(at(2)), Action::Nothing);
        keepalive.handle_flushed(at(3));
        assert_eq!(keepalive.handle_timeout(at(3)), Action::Heartbeat);
    }

    #[test]
    fn a_peer_is_dead_if_nothing_moves_for_very_long() {
        let (mut keepalive, start) = keepalive(Some(20));
        send_ping(&mut keepalive, start + 20 * SECOND);
        keepalive.handle_taken(start + 25 * SECOND);
        let stuck = start + 25 * SECOND + 3 * 40 * SECOND;
        assert_eq!(
            keepalive.handle_timeout(stuck - SECOND),
            Action::Nothing,
            "a ping is due, and not sent"
        );
        assert_eq!(keepalive.poll_timeout(), Some(stuck));
        assert_eq!(keepalive.handle_timeout(stuck), Action::Stuck(120 * SECOND));
        keepalive.handle_bytes(stuck);
        assert_eq!(keepalive.handle_timeout(stuck), Action::Nothing);
    }

    #[test]
    fn time_without_reading_does_not_count_as_the_peers_silence() {
        let (mut keepalive, start) = keepalive(Some(20));
        let at = |seconds| start + seconds * SECOND;
        send_ping(&mut keepalive, at(20));
        keepalive.handle_flushed(at(20));
        keepalive.handle_resumed(at(100));
        assert!(!matches!(
            keepalive.handle_timeout(at(119)),
            Action::Dead { .. }
        ));
        assert!(matches!(
            keepalive.handle_timeout(at(120)),
            Action::Dead { .. }
        ));
    }

    #[test]
    fn a_peer_that_reads_nothing_is_dead_even_if_its_answers_are_not_read() {
        let (mut keepalive, start) = keepalive(Some(20));
        let at = |seconds| start + seconds * SECOND;
        send_ping(&mut keepalive, at(20));
        keepalive.restart_ping_timeout(at(100));
        assert_eq!(keepalive.handle_timeout(at(119)), Action::Nothing);
        assert_eq!(
            keepalive.handle_timeout(at(120)),
            Action::Stuck(120 * SECOND)
        );
        keepalive.handle_resumed(at(120));
        assert_eq!(keepalive.handle_timeout(at(121)), Action::Nothing);
    }

    #[test]
    fn the_close_timeout_restarts_after_a_pause() {
        let (mut keepalive, start) = keepalive(None);
        keepalive.handle_resumed(start);
        assert_eq!(keepalive.poll_timeout(), None);
        keepalive.handle_closing(start, SECOND);
        keepalive.handle_resumed(start + 10 * SECOND);
        assert_eq!(keepalive.poll_timeout(), Some(start + 11 * SECOND));
    }

    #[test]
    fn a_heartbeat_is_sent_at_its_interval_and_never_queued_twice() {
        let start = Instant::now();
        let options = Options {
            close_timeout: 5 * SECOND,
            ping_interval: None,
            ping_timeout: 20 * SECOND,
            heartbeat: Some(30 * SECOND),
        };
        let mut keepalive = Keepalive::new(options, start);
        let at = |seconds| start + seconds * SECOND;
        assert_eq!(keepalive.poll_timeout(), Some(at(30)));
        assert_eq!(keepalive.handle_timeout(at(30)), Action::Heartbeat);
        assert_eq!(keepalive.handle_timeout(at(60)), Action::Nothing);
        keepalive.handle_flushed(at(61));
        assert_eq!(keepalive.poll_timeout(), Some(at(90)));
        assert_eq!(keepalive.handle_timeout(at(90)), Action::Heartbeat);
        keepalive.handle_closing(at(91), SECOND);
        assert_eq!(keepalive.poll_timeout(), Some(at(92)));
    }

    #[test]
    fn a_pong_gives_the_round_trip_of_its_ping_and_drops_older_pings() {
        let (mut keepalive, start) = keepalive(None);
        for data in ["a", "b", "c"] {
            keepalive.handle_ping_queued(Bytes::from(data), true);
        }
        keepalive.handle_flushed(start);
        assert_eq!(keepalive.handle_pong(b"unasked", start + SECOND), None);
        assert_eq!(
            keepalive.handle_pong(b"b", start + SECOND),
            Some((SECOND, true))
        );
        assert_eq!(keepalive.handle_pong(b"a", start + SECOND), None);
        assert_eq!(
            keepalive.handle_pong(b"c", start + 2 * SECOND),
            Some((2 * SECOND, true))
        );
    }

    #[test]
    fn a_close_has_its_own_deadline_and_ends_the_pings() {
        let (mut keepalive, start) = keepalive(Some(1));
        keepalive.handle_closing(start, Duration::MAX);
        assert_eq!(keepalive.poll_timeout(), Some(start + 5 * SECOND));
        keepalive.handle_closing(start, SECOND);
        assert_eq!(
            keepalive.handle_timeout(start + SECOND),
            Action::CloseTimedOut
        );
    }
}
