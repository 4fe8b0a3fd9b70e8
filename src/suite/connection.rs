//! A connection of a test: its run, and what is known of it.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokio::task::JoinHandle;

use super::end::End;
use super::lane::{LaneSink, LaneSource, LaneStop, SharedLane};
use super::options::Dial;
use crate::close::Close;
use crate::event::{Control, Event};
use crate::io::recorder::{Recorded, Recorder};
use crate::io::signals::Stop;
use crate::message::Message;
use crate::script::result::Place;
use crate::script::schema::Schema;
use crate::session::frontend::Sink;
use crate::session::reconnect::When;
use crate::session::{self, Approach};

/// How long the end of a run may take after what it waits for itself.
const LAST_MOMENTS: Duration = Duration::from_secs(1);

/// How many messages that steps have passed over are remembered, and how large each may be, in bytes.
const REMEMBERED: usize = 20;
const MAX_REMEMBERED: usize = 4096;

/// A connection under way, or at its end.
pub(super) struct Connection {
    pub(super) name: Option<String>,
    /// Where the script opens it.
    pub(super) place: Option<Place>,
    pub(super) lane: SharedLane,
    /// When the step that opened it began.
    pub(super) start: Instant,
    /// The script says how it ends, or that it is refused.
    pub(super) is_end_expected: bool,
    /// The script says that it is lost.
    pub(super) is_loss_expected: bool,
    /// Nothing may be passed over.
    pub(super) is_strict: bool,
    /// Messages that steps have passed over, with their lines: the last ones.
    pub(super) passed_over: VecDeque<(u32, Message)>,
    /// A loss is no failure: it would be opened again.
    pub(super) reopens: bool,
    close_timeout: Duration,
    run: Option<JoinHandle<()>>,
}

impl Connection {
    /// Begins to connect.
    pub(super) fn open(
        name: Option<String>,
        dial: Dial,
        environment: Arc<HashMap<String, String>>,
        recorder: Option<Recorder>,
        schema: Option<Arc<Schema>>,
    ) -> Connection {
        let lane = SharedLane::default();
        let reopens = dial.session.reconnect.when != When::Never;
        let close_timeout = dial.session.keepalive.close_timeout;
        let run =
            tokio::task::spawn_local(run(dial, (lane.clone(), schema), environment, recorder));
        Connection {
            name,
            place: None,
            lane,
            start: now(),
            is_end_expected: false,
            is_loss_expected: false,
            is_strict: false,
            passed_over: VecDeque::new(),
            reopens,
            close_timeout,
            run: Some(run),
        }
    }

    /// Remembers what a step at this line has passed over, for the one that waits for it in vain.
    pub(super) fn pass_over(&mut self, line: u32, message: &Message) {
        if message.len() > MAX_REMEMBERED {
            return;
        }
        if self.passed_over.len() == REMEMBERED {
            self.passed_over.pop_front();
        }
        self.passed_over.push_back((line, message.clone()));
    }

    /// Begins to close the connection, unless it has ended.
    pub(super) fn leave(&self, how: Finish) {
        // A Close behind many messages is read only if these are.
        self.lane.with(|lane| lane.happened.end_messages());
        self.lane.make_room();
        match how {
            Finish::Close => self.lane.leave(Control::Close(Close::normal())),
            Finish::Interrupt => self.lane.stop(Stop::Interrupt),
        }
    }

    /// Waits for the end of a run that has begun to leave.
    pub(super) async fn end(&mut self) -> Option<End> {
        if let Some(run) = &mut self.run {
            let waiting = self.close_timeout.saturating_add(LAST_MOMENTS);
            if tokio::time::timeout(waiting, &mut *run).await.is_err() {
                run.abort();
            }
            self.run = None;
        }
        self.lane.with(|lane| lane.end.clone())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        if let Some(run) = &self.run {
            run.abort();
        }
    }
}

/// How a connection is ended that a test leaves open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Finish {
    Close,
    /// As SIGINT ends a run: with 1001.
    Interrupt,
}

/// tokio's clock, so that tests can pause it.
pub(super) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// Connects and talks until everything is over, and leaves in the lane how that ended.
async fn run(
    dial: Dial,
    (lane, schema): (SharedLane, Option<Arc<Schema>>),
    environment: Arc<HashMap<String, String>>,
    recorder: Option<Recorder>,
) {
    let deadline = dial.max_time.map(|time| Box::pin(tokio::time::sleep(time)));
    let mut stop = LaneStop {
        lane: lane.clone(),
        deadline,
    };
    let mut source = LaneSource(lane.clone());
    let mut sink = Recorded::new(
        LaneSink {
            lane: lane.clone(),
            schema,
        },
        recorder.clone(),
    );
    let started = SystemTime::now().duration_since(UNIX_EPOCH);
    let header = Event::Header {
        url: &dial.plan.shown_url(),
        started: started.unwrap_or_default(),
    };
    sink.handle_event(now(), &header);
    let environment = |name: &str| environment.get(name).cloned();
    let approach = Approach::Dial(&dial.plan, &environment);
    let ends = (&mut source, &mut sink);
    let finished = session::run(approach, &dial.session, ends, &mut stop).await;
    let end = End::of(&finished);
    let (exit, totals) = (end.exit, &finished.totals);
    sink.handle_event(now(), &Event::End { exit, totals });
    if let Some(recorder) = recorder {
        let failures = recorder.finish().await;
        lane.with(|lane| lane.notes.extend(failures));
    }
    lane.with(|lane| lane.end = Some(end));
    lane.wake_steps();
}
