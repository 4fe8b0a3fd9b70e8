//! Any bytes at all as the stream from a peer.

use wirecat::internals::close::Close;
use wirecat::internals::event::{TracedFrame, Volume};
use wirecat::internals::wire::deflate::Inflater;
use wirecat::internals::wire::frame::{PING, PONG};
use wirecat::internals::wire::inbound::{self, Inbound};
use wirecat::internals::wire::validate::{self, Role, Violation};

use super::frames::{self, Message};
use super::input::{Input, SINGLE, Sizes, WHOLE};

/// Around the steps of the length forms and of the buffers.
const LIMITS: [usize; 8] = [0, 1, 125, 126, 1_000, 65_536, 70_000, 140_000];

/// Most that one call may give: one byte less than enough, and then a frame of one chunk.
const MOST: usize = 2 * 64 * 1024 + 9;

/// Input: a byte of switches, a byte of window and trace, how to cut the stream, the stream.
///
/// # Panics
/// Where a promise is not kept.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let setting = Setting::read(&mut input);
    let sizes = input.sizes();
    let stream = input.rest();
    let whole = setting.rewrite(stream, WHOLE);
    setting.agree(&setting.rewrite(stream, sizes), &whole);
    if !setting.deflate {
        setting.agree(&setting.rewrite(stream, SINGLE), &whole);
        for sizes in [WHOLE, sizes, SINGLE] {
            setting.agree(&setting.pass(stream, sizes), &whole);
        }
    }
}

/// What [`inbound::Options`] are made from, anew for each run.
#[derive(Clone, Copy, Debug)]
pub(super) struct Setting {
    pub(super) role: Role,
    pub(super) deflate: bool,
    pub(super) takeover: bool,
    pub(super) window_bits: u8,
    pub(super) hide_pings: bool,
    pub(super) trace: Option<usize>,
    pub(super) limit: usize,
}

/// All that can be told of a stream.
#[derive(Debug)]
pub(super) struct Received {
    pub(super) messages: Vec<Message>,
    /// Whether each ping and pong was a ping, where pings are hidden.
    pub(super) pings: Vec<bool>,
    pub(super) close: Option<Result<Close, Box<Violation>>>,
    pub(super) volume: Volume,
    /// Only where the frames are written anew.
    pub(super) traced: Option<Vec<TracedFrame>>,
    data: u64,
}

impl Setting {
    fn read(input: &mut Input<'_>) -> Self {
        let (switches, numbers) = (input.byte(), input.byte());
        let switch = |bit: u8| switches & 1 << bit != 0;
        Setting {
            role: if switch(0) {
                Role::Server
            } else {
                Role::Client
            },
            deflate: switch(1),
            takeover: switch(2),
            hide_pings: switch(3),
            trace: switch(4).then_some(usize::from(numbers >> 3)),
            limit: LIMITS[usize::from(switches >> 5)],
            window_bits: 8 + (numbers & 7),
        }
    }

    fn inbound(&self) -> Inbound {
        Inbound::new(inbound::Options {
            rules: validate::Options {
                role: self.role,
                deflate: self.deflate,
                max_message_size: self.limit,
            },
            hide_pings: self.hide_pings,
            trace: self.trace,
            inflater: self
                .deflate
                .then(|| Inflater::new(self.window_bits, self.takeover)),
        })
    }

    /// Through the buffers.
    pub(super) fn rewrite(&self, stream: &[u8], sizes: Sizes<'_>) -> Received {
        let mut inbound = self.inbound();
        let (mut engine, mut traced) = (Vec::new(), Vec::new());
        let mut calls = 0;
        for mut piece in sizes.cut(stream) {
            loop {
                let mut out = Vec::new();
                let took = inbound.handle_bytes(piece, &mut out);
                piece = &piece[took..];
                assert!(out.len() <= MOST, "{} bytes at once", out.len());
                engine.append(&mut out);
                traced.extend(std::iter::from_fn(|| inbound.poll_frame()));
                calls += 1;
                // Two for every byte that comes and six for every chunk that goes are plenty.
                assert!(
                    calls <= 8 + 2 * stream.len() + engine.len() / 10_000,
                    "no progress"
                );
                if inbound.closed() || (piece.is_empty() && !inbound.is_busy()) {
                    break;
                }
            }
        }
        let traced = self.trace.map(|_| traced);
        self.received(inbound, &engine, false, traced)
    }

    /// Where the frames lie.
    pub(super) fn pass(&self, stream: &[u8], sizes: Sizes<'_>) -> Received {
        let mut inbound = self.inbound();
        let mut engine = Vec::new();
        for piece in sizes.cut(stream) {
            let mut piece = piece.to_vec();
            let passed = inbound.handle_in_place(&mut piece);
            engine.extend_from_slice(&piece[..passed]);
        }
        self.received(inbound, &engine, self.role == Role::Server, None)
    }

    fn received(
        &self,
        mut inbound: Inbound,
        engine: &[u8],
        masked: bool,
        traced: Option<Vec<TracedFrame>>,
    ) -> Received {
        let messages = frames::read(engine, masked, self.limit);
        let controls = messages
            .iter()
            .filter(|(opcode, _)| [PING, PONG].contains(opcode));
        if self.hide_pings {
            assert!(controls.clone().all(|(opcode, _)| *opcode == PONG));
        }
        let close = inbound.take_close();
        assert_eq!(close.is_some(), inbound.closed());
        Received {
            pings: controls.map(|_| inbound.next_was_ping()).collect(),
            volume: inbound.volume(),
            data: inbound.data_bytes(),
            messages,
            close,
            traced,
        }
    }

    /// The same stream in two ways.
    fn agree(&self, one: &Received, other: &Received) {
        assert_eq!(one.messages, other.messages);
        assert_eq!(one.pings, other.pings);
        match (&one.close, &other.close) {
            (Some(Err(one)), Some(Err(other))) => {
                assert_eq!(one.code, other.code, "{one:?} {other:?}");
                // How far a message had been inflated when it was too large is up to the cutting.
                assert!(self.deflate || one.rule == other.rule, "{one:?} {other:?}");
                assert_eq!(one.frame[0], other.frame[0]);
            }
            (one_close, other_close) => {
                assert_eq!(one_close, other_close);
                assert_eq!(one.volume, other.volume);
                assert_eq!(one.data, other.data);
                if let (Some(one), Some(other)) = (&one.traced, &other.traced) {
                    assert_eq!(one, other);
                }
            }
        }
    }
}
