//! The limits of one evaluation: steps, memory, stack, and interruption by the user.
//!
//! jaq has no hook for an interruption, but whatever an expression does goes through a type of
//! ours: the interpreter fetches every term that it runs from [`super::Program`], and builds,
//! compares and prints values through [`super::value::Value`]. Both call [`tick`] and [`charge`]
//! here. A limit that is reached unwinds the evaluation (without the panic hook), so that no `try`
//! of the expression can catch it.
//!
//! An evaluation begins on the caller's thread with small limits: nearly every one ends there. One
//! that needs more is abandoned and run again on its own thread with a large stack. The caller
//! waits for that thread and for [`Interrupt`]; when it stops waiting, the thread ends at its next
//! step. So even a long step within jaq (a sort, a regular expression) does not block the caller,
//! and because no step allocates much without a prior charge, its memory does not grow either.
//! its next step. So even a step that runs long within jaq (a sort, a regular expression) holds
//! nobody up, and as no step allocates much without a charge beforehand, it does not grow either.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::{Duration, Instant};

/// Steps between two checks of the limits.
const FUEL: u32 = 256;
/// Memory that a step may take in addition to values: a few boxed iterators, a link of a list.
const STEP_BYTES: usize = 512;

/// Maximum steps on the caller's thread, which also limit the time and the depth of drops there.
const INLINE_STEPS: u32 = 8_192;
/// Maximum bytes built on the caller's thread.
const INLINE_BYTES: usize = 1 << 20;
/// Maximum stack used on the caller's thread, of 2 MiB in the smallest one.
const INLINE_STACK: usize = 256 << 10;
/// Maximum number of containers put into containers on the caller's thread: each may make a value
/// one level deeper.
const INLINE_NESTED: u32 = 512;

/// Stack sizes to request; a system that grants no large one gets small limits.
#[cfg(target_pointer_width = "64")]
const STACKS: [usize; 3] = [1 << 30, 256 << 20, 64 << 20];
#[cfg(not(target_pointer_width = "64"))]
const STACKS: [usize; 2] = [256 << 20, 64 << 20];
/// The part of the stack for recursion. The rest is for operations that go deeper than the
/// recursion did: iterators that compute their next item, and lists and closures that are dropped.
const STACK_SHARE: usize = 16;
/// Memory of an evaluation per byte of stack: a chain that is dropped link by link takes about as
/// much stack as memory.
const MEMORY_SHARE: usize = 4;
/// Memory that an evaluation may take per byte of its message, if that is more.
const MEMORY_FACTOR: usize = 8;
/// Bytes built between two checks of the process's memory.
const UNMEASURED: usize = 16 << 20;

/// How often the caller checks for an interruption.
const CHECK_INTERVAL: Duration = Duration::from_millis(5);

/// Why an evaluation was abandoned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// It needs more than is allowed on the caller's thread.
    Heavy,
    /// It needs more memory than this, in bytes.
    Memory(usize),
    /// It recurses too deeply.
    Depth,
    /// It was interrupted.
    Interrupted,
    /// The interpreter panicked, or no thread could be started.
    Broken,
}

impl Stop {
    pub(super) fn describe(self) -> String {
        match self {
            Stop::Memory(limit) => {
                format!("the expression needs more than {} MiB", limit >> 20)
            }
            Stop::Depth => "the expression recurses too deeply".to_owned(),
            Stop::Interrupted => "interrupted".to_owned(),
            Stop::Heavy | Stop::Broken => "jq failed on this message".to_owned(),
        }
    }
}

/// Interrupts a running evaluation. Clones share it.
#[derive(Clone, Debug, Default)]
pub struct Interrupt(Arc<Flags>);

#[derive(Debug, Default)]
struct Flags {
    signal: Arc<AtomicBool>,
    key: AtomicBool,
    deadline: OnceLock<Instant>,
    /// The deadline has ended an evaluation.
    expired: AtomicBool,
    /// The run is about to end.
    stopped: AtomicBool,
}

impl Interrupt {
    /// The flag that a signal handler sets, and that is cleared once the signal has been seen.
    pub fn signal_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.0.signal)
    }

    /// Sets the time at which every evaluation ends. Only the first call has an effect.
    pub fn set_deadline(&self, deadline: Instant) {
        let _ = self.0.deadline.set(deadline);
    }

    /// Whether an interrupting key has been pressed and not been seen yet.
    pub fn set_key(&self, pressed: bool) {
        self.0.key.store(pressed, Ordering::SeqCst);
    }

    /// Announces that the run is about to end: from now on no evaluation takes long.
    pub fn set_stopped(&self) {
        self.0.stopped.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.0.stopped.load(Ordering::SeqCst)
    }

    /// Whether the deadline has ended an evaluation.
    pub fn has_expired(&self) -> bool {
        self.0.expired.load(Ordering::SeqCst)
    }

    pub(super) fn is_raised(&self) -> bool {
        let deadline = self.0.deadline.get();
        if deadline.is_some_and(|at| Instant::now() >= *at) {
            self.0.expired.store(true, Ordering::SeqCst);
            return true;
        }
        let Flags {
            signal,
            key,
            stopped,
            ..
        } = &*self.0;
        let flags = [&**signal, key, stopped];
        flags.iter().any(|flag| flag.load(Ordering::SeqCst))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Idle,
    Inline,
    Thread,
}

struct Meter {
    mode: Cell<Mode>,
    /// Steps until the next check.
    fuel: Cell<u32>,
    /// Steps so far, without those of the current fuel.
    steps: Cell<u32>,
    /// The lowest address that the stack may reach.
    floor: Cell<usize>,
    /// Bytes built so far: an upper bound of the memory in use.
    built: Cell<usize>,
    /// The part of them that values take.
    values: Cell<usize>,
    /// Bytes built since the last check of the process's memory.
    unmeasured: Cell<usize>,
    /// The limit of these bytes.
    allowance: Cell<usize>,
    nested: Cell<u32>,
    /// Memory of the process at the start.
    baseline: Cell<usize>,
    limits: Cell<Limits>,
    abandoned: RefCell<Option<Arc<AtomicBool>>>,
}

/// The limits of an evaluation on its own thread, in bytes.
#[derive(Clone, Copy)]
struct Limits {
    stack: usize,
    memory: usize,
    /// Memory for anything but values.
    other: usize,
}

impl Limits {
    /// The limits for a message of this size on a stack of this size, with at most `memory`.
    fn new(stack: usize, message: usize, memory: usize) -> Limits {
        let other = memory.min(stack / MEMORY_SHARE);
        let values = message.saturating_mul(MEMORY_FACTOR).min(memory);
        Limits {
            stack: stack / STACK_SHARE,
            memory: other.max(values),
            other,
        }
    }
}

thread_local! {
    static METER: Meter = const {
        Meter {
            mode: Cell::new(Mode::Idle),
            fuel: Cell::new(0),
            steps: Cell::new(0),
            floor: Cell::new(0),
            built: Cell::new(0),
            values: Cell::new(0),
            unmeasured: Cell::new(0),
            allowance: Cell::new(0),
            nested: Cell::new(0),
            baseline: Cell::new(0),
            limits: Cell::new(Limits { stack: 0, memory: 0, other: 0 }),
            abandoned: RefCell::new(None),
        }
    };
}

impl Meter {
    fn start(&self, mode: Mode, stack: usize, allowance: usize) {
        self.mode.set(mode);
        self.fuel.set(FUEL);
        self.steps.set(0);
        self.floor.set(stack_address().saturating_sub(stack));
        self.built.set(0);
        self.values.set(0);
        self.unmeasured.set(0);
        self.allowance.set(allowance);
        self.nested.set(0);
    }

    fn stop(&self) {
        self.mode.set(Mode::Idle);
        self.floor.set(0);
    }

    #[cold]
    #[inline(never)]
    fn look(&self) {
        if self.mode.get() == Mode::Idle {
            self.fuel.set(FUEL);
            return;
        }
        if stack_address() < self.floor.get() {
            give_up(match self.mode.get() {
                Mode::Thread => Stop::Depth,
                _ => Stop::Heavy,
            });
        }
        self.fuel.set(FUEL);
        let steps = self.steps.get().saturating_add(FUEL);
        self.steps.set(steps);
        if self.mode.get() == Mode::Inline {
            if steps > INLINE_STEPS {
                give_up(Stop::Heavy);
            }
            return;
        }
        let abandoned = self.abandoned.borrow();
        if abandoned
            .as_ref()
            .is_some_and(|it| it.load(Ordering::Relaxed))
        {
            drop(abandoned);
            give_up(Stop::Interrupted);
        }
        drop(abandoned);
        self.add(FUEL as usize * STEP_BYTES);
    }

    fn add(&self, bytes: usize) {
        self.built.set(self.built.get().saturating_add(bytes));
        let unmeasured = self.unmeasured.get().saturating_add(bytes);
        self.unmeasured.set(unmeasured);
        if unmeasured > self.allowance.get() {
            self.measure(bytes);
        }
    }

    /// Checks the process's memory before `next` more bytes are allocated.
    #[cold]
    #[inline(never)]
    fn measure(&self, next: usize) {
        self.unmeasured.set(0);
        match self.mode.get() {
            Mode::Idle => return,
            Mode::Inline => give_up(Stop::Heavy),
            Mode::Thread => {}
        }
        let Limits { memory, other, .. } = self.limits.get();
        // Other threads allocate as well, so an evaluation is charged at most for what it has
        // built. What it has built and dropped again is no longer in the process.
        let grown = resident().saturating_sub(self.baseline.get());
        let used = grown.saturating_add(next).min(self.built.get());
        if used > memory.min(other.saturating_add(self.values.get())) {
            give_up(Stop::Memory(memory));
        }
    }

    /// Whether the caller's thread would have allowed all of it.
    fn was_light(&self) -> bool {
        self.steps.get() < INLINE_STEPS / 2
            && self.values.get() < INLINE_BYTES / 2
            && self.nested.get() < INLINE_NESTED / 2
    }
}

/// One step of an evaluation.
#[inline]
pub(super) fn tick() {
    METER.with(|meter| {
        let fuel = meter.fuel.get();
        if fuel == 0 || stack_address() < meter.floor.get() {
            meter.look();
        } else {
            meter.fuel.set(fuel - 1);
        }
    });
}

/// Bytes that are about to be allocated for a value.
#[inline]
pub(super) fn charge(bytes: usize) {
    METER.with(|meter| {
        meter.values.set(meter.values.get().saturating_add(bytes));
        meter.add(bytes);
    });
}

/// Gives up if this many more bytes are not allowed, without charging for them.
pub(super) fn make_room(bytes: usize) {
    METER.with(|meter| {
        let built = meter.built.get();
        meter.built.set(built.saturating_add(bytes));
        meter.measure(bytes);
        meter.built.set(built);
    });
}

/// Resets the count after the message has been parsed: its memory is not the expression's.
pub(super) fn message_read() {
    METER.with(|meter| {
        if meter.mode.get() == Mode::Thread {
            meter.baseline.set(resident());
        }
    });
}

/// Counts a container that is put into another.
#[inline]
pub(super) fn nest() {
    METER.with(|meter| {
        let nested = meter.nested.get().saturating_add(1);
        meter.nested.set(nested);
        if nested > INLINE_NESTED && meter.mode.get() == Mode::Inline {
            give_up(Stop::Heavy);
        }
    });
}

/// Whether values may have become deep since the start.
#[inline]
pub(super) fn may_be_deep() -> bool {
    METER.with(|meter| meter.nested.get() > 32)
}

/// Announces a step that may take about `work` nanoseconds without a check.
pub(super) fn prepare(work: usize) {
    if work > INLINE_BYTES && METER.with(|meter| meter.mode.get() == Mode::Inline) {
        give_up(Stop::Heavy);
    }
}

fn give_up(stop: Stop) -> ! {
    resume_unwind(Box::new(stop))
}

/// An address in the current frame. Stacks grow downwards on every platform that wirecat supports.
#[inline]
fn stack_address() -> usize {
    let mark = 0_u8;
    std::ptr::from_ref(&mark).addr()
}

/// Memory of this process, in bytes; 0 if the system does not report it.
fn resident() -> usize {
    memory_stats::memory_stats().map_or(0, |stats| stats.physical_mem)
}

fn reason(payload: &(dyn Any + Send)) -> Stop {
    *payload.downcast_ref::<Stop>().unwrap_or(&Stop::Broken)
}

/// Runs `work` on this thread, within small limits.
///
/// # Errors
/// [`Stop::Heavy`] if they do not suffice.
pub(super) fn run_inline<T>(work: impl FnOnce() -> T) -> Result<T, Stop> {
    METER.with(|meter| meter.start(Mode::Inline, INLINE_STACK, INLINE_BYTES));
    let done = catch_unwind(AssertUnwindSafe(work));
    METER.with(Meter::stop);
    done.map_err(|payload| reason(&*payload))
}

/// Runs `work`, which evaluates a message of `message` bytes, on its own thread until it is done or
/// `interrupt` is raised, with at most `memory` bytes. Also returns whether [`run_inline`] would
/// have sufficed.
///
/// # Errors
/// Why it ended.
pub(super) fn run_on_thread<T: Send + 'static>(
    message: usize,
    memory: usize,
    interrupt: &Interrupt,
    work: impl FnOnce() -> T + Clone + Send + 'static,
) -> Result<(T, bool), Stop> {
    let abandoned = Arc::<AtomicBool>::default();
    let (sender, receiver) = mpsc::sync_channel(1);
    let started = STACKS.iter().any(|&stack| {
        let (work, sender, abandoned) = (work.clone(), sender.clone(), Arc::clone(&abandoned));
        let run = move || {
            // If the caller no longer waits, the result is dropped.
            let _ = sender.send(metered(
                Limits::new(stack, message, memory),
                abandoned,
                work,
            ));
        };
        let thread = thread::Builder::new().name("jq".to_owned());
        thread.stack_size(stack).spawn(run).is_ok()
    });
    if !started {
        return Err(Stop::Broken);
    }
    loop {
        match receiver.recv_timeout(CHECK_INTERVAL) {
            Ok(done) => return done,
            Err(RecvTimeoutError::Timeout) if !interrupt.is_raised() => {}
            Err(RecvTimeoutError::Timeout) => {
                abandoned.store(true, Ordering::Relaxed);
                return Err(Stop::Interrupted);
            }
            Err(RecvTimeoutError::Disconnected) => return Err(Stop::Broken),
        }
    }
}

fn metered<T>(
    limits: Limits,
    abandoned: Arc<AtomicBool>,
    work: impl FnOnce() -> T,
) -> Result<(T, bool), Stop> {
    METER.with(|meter| {
        meter.start(
            Mode::Thread,
            limits.stack,
            UNMEASURED.min(limits.other / 16),
        );
        meter.limits.set(limits);
        meter.abandoned.replace(Some(abandoned));
    });
    let done = catch_unwind(AssertUnwindSafe(work));
    METER.with(Meter::stop);
    match done {
        Ok(found) => Ok((found, METER.with(Meter::was_light))),
        Err(payload) => Err(reason(&*payload)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_abandoned_evaluation_ends_at_its_next_step() {
        /// Signals when the evaluation has been unwound.
        #[derive(Clone)]
        struct Ends(mpsc::Sender<()>);
        impl Drop for Ends {
            fn drop(&mut self) {
                let _ = self.0.send(());
            }
        }
        let (sender, ended) = mpsc::channel();
        let interrupt = Interrupt::default();
        interrupt.set_key(true);
        let stopped = run_on_thread(0, usize::MAX, &interrupt, {
            let ends = Arc::new(Ends(sender));
            move || {
                let _ends = ends;
                loop {
                    tick();
                }
            }
        });
        assert_eq!(
            stopped.map(|(never, _): ((), bool)| never),
            Err(Stop::Interrupted)
        );
        ended.recv_timeout(Duration::from_secs(30)).unwrap();
    }

    #[test]
    fn only_a_raised_interrupt_ends_an_evaluation() {
        let interrupt = Interrupt::default();
        assert!(!interrupt.is_raised());
        interrupt.set_key(true);
        assert!(interrupt.is_raised());
        interrupt.set_key(false);
        interrupt.signal_flag().store(true, Ordering::SeqCst);
        assert!(interrupt.clone().is_raised());
        interrupt.signal_flag().store(false, Ordering::SeqCst);
        assert!(!interrupt.is_raised() && !interrupt.has_expired());
        interrupt.set_deadline(Instant::now());
        assert!(interrupt.is_raised() && interrupt.has_expired());
    }
}
