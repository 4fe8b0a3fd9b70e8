//! Order and loss over all the connections of a run: lines of the input, answers, messages of
//! `--on-open` and heartbeats, whenever each of them comes, the peer stops to read, the output is full,
//! or the connection ends.

use std::cell::RefCell;
use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;

use proptest::prelude::*;

use super::link::{Peer, link};
use super::*;
use crate::event::Origin;
use crate::json::jq::Filter;
use crate::session::ack::How;
use crate::session::answers::tests::{after, now as at_once, rule};
use crate::session::answers::{Rule, Rules};

const OPENING: [&str; 3] = ["first", r#"{"second":true}"#, "third"];
const HEARTBEAT: &str = "beat";

/// What may wait to be confirmed, and what of answers may wait to be sent, in bytes.
const LIMIT: usize = 1024;

/// What happens next.
#[derive(Clone, Debug)]
enum Step {
    /// There is another line of the input.
    Line,
    /// The peer sends a message.
    Receive(Kind),
    /// The peer sends many of them.
    Flood(Kind),
    /// The peer confirms some of what it has got, with `--confirm`.
    Confirm(usize),
    /// The peer takes so many bytes.
    Room(usize),
    /// Whether the output takes anything.
    Output(bool),
    Time,
    Lost,
    Reset,
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Ignored,
    Welcome,
    Ask,
    AskTwice,
    Ping,
}

fn kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(vec![
        Kind::Ignored,
        Kind::Welcome,
        Kind::Ask,
        Kind::AskTwice,
        Kind::Ping,
    ])
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        8 => Just(Step::Line),
        8 => kind().prop_map(Step::Receive),
        1 => kind().prop_map(Step::Flood),
        4 => (1_usize..6).prop_map(Step::Confirm),
        8 => prop::sample::select(vec![1, 10, 100, 1000, 100_000]).prop_map(Step::Room),
        2 => any::<bool>().prop_map(Step::Output),
        2 => Just(Step::Time),
        1 => Just(Step::Lost),
        1 => Just(Step::Reset),
        1 => Just(Step::Closed),
    ]
}

fn rules() -> Vec<Rule> {
    vec![
        rule(r#".kind == "Ask" or .kind == "AskTwice"={"a":{{.n}}}"#),
        rule(r#".kind == "AskTwice"={"b":{{.n}}}"#),
        rule(r#"ping .kind == "Ping"=pong {{.n}}"#),
    ]
}

/// The options of the mixture. Messages are cut into small pieces, so that each of them may be under
/// way when something else happens.
fn mixed_options(confirms: bool, rate: Option<Duration>) -> Options {
    let confirm = || How::Number(Filter::compile(".ack").unwrap());
    let mut options = options();
    options.keepalive.heartbeat = Some(Duration::from_secs(1));
    options.heartbeat = Some(Message::text(HEARTBEAT));
    options.fragmentation = Fragmentation::AtMost(16);
    options.max_message_size = LIMIT;
    options.outbox = LIMIT;
    options.opening = vec![
        at_once(OPENING[0]),
        after(r#".kind == "Welcome""#, OPENING[1]),
        at_once(OPENING[2]),
    ];
    options.answers = Rules::new(rules());
    options.report_uncertain = true;
    options.confirm = confirms.then(confirm);
    options.policy.drain.confirm = confirms;
    options.policy.pace.interval = rate;
    options
}

/// Lines of the input that have come, and how many of them were taken.
#[derive(Default)]
struct Input {
    lines: VecDeque<Message>,
    taken: u64,
}

#[derive(Clone, Default)]
struct Lines(Rc<RefCell<Input>>);

impl Source for Lines {
    fn poll_next(&mut self, _: &mut Context<'_>, _: Instant) -> Poll<Next> {
        match self.0.borrow().lines.is_empty() {
            true => Poll::Pending,
            false => Poll::Ready(Next::Command { paced: true }),
        }
    }
    fn take(&mut self) -> Option<Command> {
        let mut input = self.0.borrow_mut();
        let line = input.lines.pop_front()?;
        input.taken += 1;
        Some(Command::Send(line))
    }
    fn handle_opened(&mut self) {}
    fn unsent(&self) -> usize {
        self.0.borrow().lines.len()
    }
}

impl Asker for Lines {}

/// What was told on this connection, and of all of them.
#[derive(Default)]
struct Told {
    full: bool,
    /// The answers to what was received.
    due: Vec<String>,
    /// What was received that confirms a line.
    acked: BTreeSet<u64>,
    /// Answers that were handed over, without those to pings.
    answered: usize,
    /// Answers that were told not to have been sent.
    unanswered: usize,
    uncertain: Vec<(u64, u64)>,
    repeated: Vec<(u64, u64)>,
}

#[derive(Clone, Default)]
struct Output(Rc<RefCell<Told>>);

impl Sink for Output {
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<()> {
        match self.0.borrow().full {
            true => Poll::Pending,
            false => Poll::Ready(()),
        }
    }
    fn handle_event(&mut self, _: Instant, event: &Event<'_>) {
        let told = &mut *self.0.borrow_mut();
        match event {
            Event::Receive { message, .. } => {
                let json: serde_json::Value = message.as_text().unwrap().parse().unwrap();
                told.due.extend(answers_to(&json));
                told.acked.extend(json["ack"].as_u64());
            }
            Event::Send {
                origin: Some(Origin::Answer),
                ..
            } => told.answered += 1,
            Event::Uncertain { messages, .. } => told.uncertain.extend_from_slice(messages),
            Event::Repeated { messages, .. } => told.repeated.extend_from_slice(messages),
            Event::Warning(note) if note.contains("as the connection ended") => {
                let count = note.split(' ').next().unwrap();
                told.unanswered += count.parse::<usize>().unwrap();
            }
            _ => {}
        }
    }
    fn flush(&mut self) {}
}

/// The answers to a message.
fn answers_to(message: &serde_json::Value) -> Vec<String> {
    let n = &message["n"];
    match message["kind"].as_str() {
        Some("Ask") => vec![format!(r#"{{"a":{n}}}"#)],
        Some("AskTwice") => vec![format!(r#"{{"a":{n}}}"#), format!(r#"{{"b":{n}}}"#)],
        Some("Ping") => vec![format!("pong {n}")],
        _ => vec![],
    }
}

/// The number of a line of the input.
fn number_of(line: &str) -> Option<u64> {
    line.strip_prefix("line ")?.split(' ').next()?.parse().ok()
}

fn contains(ranges: &[(u64, u64)], number: u64) -> bool {
    let mut ranges = ranges.iter();
    ranges.any(|(first, last)| (first..=last).contains(&&number))
}

/// What has happened, and what must have come of it.
struct Model {
    confirms: bool,
    peer: Peer,
    input: Rc<RefCell<Input>>,
    told: Rc<RefCell<Told>>,
    lines: u64,
    received: u32,
    /// What this peer has confirmed.
    acked: BTreeSet<u64>,
    /// What peers before this one have got, line by line.
    arrived: Vec<u64>,
    /// What was known to be confirmed when this connection began.
    confirmed: BTreeSet<u64>,
}

impl Model {
    fn perform(&mut self, step: &Step) {
        match *step {
            Step::Line => self.add_line(),
            Step::Receive(kind) => self.send(kind),
            Step::Flood(kind) => (0..50).for_each(|_| self.send(kind)),
            Step::Confirm(count) if self.confirms => self.acknowledge(count),
            Step::Confirm(_) | Step::Time => {}
            Step::Room(bytes) => self.peer.take(bytes),
            Step::Output(takes) => self.told.borrow_mut().full = !takes,
            Step::Lost => self.peer.lose(),
            Step::Reset => self.peer.reset(),
            Step::Closed => self.peer.close(1012),
        }
    }

    fn add_line(&mut self) {
        self.lines += 1;
        let (n, more) = (self.lines, "x".repeat(self.lines as usize % 60));
        let line = Message::text(format!("line {n} {more}"));
        self.input.borrow_mut().lines.push_back(line);
    }

    fn send(&mut self, kind: Kind) {
        self.received += 1;
        let n = self.received;
        self.peer.send(&format!(r#"{{"kind":"{kind:?}","n":{n}}}"#));
    }

    /// Confirms up to so many lines that have come.
    fn acknowledge(&mut self, count: usize) {
        let lines = self.lines_on_this_connection();
        let new = lines.into_iter().filter(|n| !self.acked.contains(n));
        for n in new.take(count).collect::<Vec<_>>() {
            self.acked.insert(n);
            self.peer.send(&format!(r#"{{"ack":{n}}}"#));
        }
    }

    fn lines_on_this_connection(&self) -> Vec<u64> {
        let messages = self.peer.messages();
        messages.iter().filter_map(|it| number_of(it)).collect()
    }

    /// Lines that the run knows to be confirmed.
    fn known(&self) -> BTreeSet<u64> {
        &self.confirmed | &self.told.borrow().acked
    }

    /// What holds at any time.
    fn check(&self) {
        let messages = self.peer.messages();
        let of = |wanted: &dyn Fn(&str) -> bool| -> Vec<&str> {
            let messages = messages.iter().map(String::as_str);
            messages.filter(|it| wanted(it)).collect()
        };
        let is_answer = |it: &str| {
            ["{\"a\"", "{\"b\"", "pong"]
                .iter()
                .any(|begin| it.starts_with(begin))
        };
        let (opening, answers) = (of(&|it| OPENING.contains(&it)), of(&is_answer));
        let later = of(&|it| it == HEARTBEAT || number_of(it).is_some());
        assert_eq!(messages.len(), opening.len() + answers.len() + later.len());
        assert_eq!(opening, OPENING[..opening.len()]);
        if let Some(first) = messages.first() {
            assert_eq!(first, OPENING[0]);
        }
        if let Some(later) = later.first() {
            let place = |text: &str| messages.iter().position(|it| it == text);
            assert!(place("third").is_some_and(|third| Some(third) < place(later)));
        }
        let told = self.told.borrow();
        assert_eq!(answers, told.due[..answers.len()], "in order and once");
        // Nothing piles up.
        let waiting: usize = told.due[answers.len()..].iter().map(String::len).sum();
        assert!(waiting <= 40 * LIMIT, "{waiting} bytes of answers");
        drop(told);
        if self.confirms {
            let unconfirmed = self.input.borrow().taken - self.known().len() as u64;
            assert!(unconfirmed <= 8, "{unconfirmed}");
        }
        self.check_lines();
    }

    fn check_lines(&self) {
        let lines = self.lines_on_this_connection();
        assert!(lines.is_sorted_by(|a, b| a < b), "{lines:?}");
        let already: BTreeSet<u64> = self.arrived.iter().copied().collect();
        if self.confirms {
            let again = lines.iter().filter(|n| self.confirmed.contains(n));
            assert_eq!(again.count(), 0, "confirmed before this connection");
            let new: Vec<u64> = lines.into_iter().filter(|n| !already.contains(n)).collect();
            let next = already.last().map_or(1, |last| last + 1);
            assert!(new.iter().copied().eq(next..next + new.len() as u64));
        } else {
            let last = self.arrived.last().copied().unwrap_or(0);
            assert!(lines.first().is_none_or(|first| *first > last));
        }
    }

    /// The connection is over: what is missing has been told.
    fn end(&mut self) {
        self.check();
        let count = |texts: &[String]| texts.iter().filter(|it| it.starts_with('{')).count();
        let messages = self.peer.messages();
        let opening = messages.iter().filter(|it| *it == OPENING[1]).count();
        let arrived = count(&messages) - opening;
        {
            let told = &mut *self.told.borrow_mut();
            let due = count(&std::mem::take(&mut told.due));
            let answered = std::mem::take(&mut told.answered);
            let unanswered = std::mem::take(&mut told.unanswered);
            assert!(unanswered >= due - answered && unanswered <= due - arrived);
        }
        self.confirmed = self.known();
        self.arrived.extend(self.lines_on_this_connection());
        if self.confirms {
            self.check_repeats();
        }
    }

    /// Whatever came twice was told.
    fn check_repeats(&self) {
        let mut seen = BTreeSet::new();
        for n in &self.arrived {
            let is_new = seen.insert(*n);
            let told = contains(&self.told.borrow().repeated, *n);
            assert!(is_new || told, "line {n} came again");
        }
    }

    /// All lines that were taken have come, or it was told that they may not have.
    fn check_all(&self) {
        let input = self.input.borrow();
        assert!(input.lines.is_empty(), "{} lines wait", input.lines.len());
        let told = self.told.borrow();
        for n in 1..=self.lines {
            let arrived = self.arrived.contains(&n);
            let is_told = !self.confirms && contains(&told.uncertain, n);
            assert!(arrived || is_told, "line {n} is lost");
        }
        if self.confirms {
            assert!(self.confirmed.iter().copied().eq(1..=self.lines));
        }
    }
}

/// Polls until nothing moves any more; what it returns is what the future does.
async fn settle<F: Future>(mut future: Pin<&mut F>) -> Option<F::Output> {
    for _ in 0..6 {
        let polled = poll_fn(|cx| Poll::Ready(future.as_mut().poll(cx))).await;
        if let Poll::Ready(output) = polled {
            return Some(output);
        }
        tokio::task::yield_now().await;
    }
    None
}

async fn play(confirms: bool, rate: Option<Duration>, steps: &[Step]) {
    let (plan, options) = (plan(), mixed_options(confirms, rate));
    let (mut source, mut sink, mut stop) = (Lines::default(), Output::default(), Nobody::default());
    let mut model = Model {
        confirms,
        peer: link().0,
        input: Rc::clone(&source.0),
        told: Rc::clone(&sink.0),
        lines: 0,
        received: 0,
        acked: BTreeSet::new(),
        arrived: Vec::new(),
        confirmed: BTreeSet::new(),
    };
    let mut run = Run {
        approach: Approach::Dial(&plan, &|_| None),
        options: &options,
        ends: Ends::new(&mut source, &mut sink),
        stop: &mut stop,
        reconnect: Reconnect::new(reconnect::Options::default()),
        run_state: RunState::new(&options, now()),
        prompted: CachedAnswers::default(),
        failed: None,
    };
    let mut steps = steps.iter();
    for number in 1.. {
        let (peer, stream) = link();
        model.peer = peer;
        model.acked.clear();
        let mut talking = pin!(run.talk(connection(Box::new(stream), number)));
        let is_last = loop {
            if settle(talking.as_mut()).await.is_some() {
                break false;
            }
            model.check();
            match steps.next() {
                Some(step) => model.perform(step),
                None => break true,
            }
            tokio::time::advance(Duration::from_millis(400)).await;
        };
        let is_over = is_last && finish(&mut model, talking).await;
        model.end();
        if is_over {
            return model.check_all();
        }
    }
}

/// Lets everything that waits go on, until nothing is left to do. Returns false if the connection ends
/// instead.
async fn finish<F: Future>(model: &mut Model, mut talking: Pin<&mut F>) -> bool {
    model.told.borrow_mut().full = false;
    model.peer.take(usize::MAX);
    model.send(Kind::Welcome);
    for _ in 0..400 {
        if settle(talking.as_mut()).await.is_some() {
            return false;
        }
        model.check();
        if model.confirms {
            model.acknowledge(usize::MAX);
        }
        let is_settled = !model.confirms || model.known().len() as u64 == model.lines;
        if model.input.borrow().lines.is_empty() && is_settled {
            break;
        }
        tokio::time::advance(Duration::from_millis(400)).await;
    }
    // The last line may be on its way.
    settle(talking).await.is_none()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn every_source_keeps_its_order_and_what_is_lost_is_told(
        confirms in any::<bool>(),
        rate in any::<bool>(),
        steps in prop::collection::vec(step(), 0..120),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let rate = rate.then(|| Duration::from_millis(500));
        runtime.block_on(play(confirms, rate, &steps));
    }
}
