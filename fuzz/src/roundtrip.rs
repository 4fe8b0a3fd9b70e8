//! Messages from the engine of one side to that of the other.

use bytes::Bytes;
use wirecat::internals::event::{TracedFrame, Volume};
use wirecat::internals::wire::deflate::Deflater;
use wirecat::internals::wire::fragments::{Fragmentation, Fragments};
use wirecat::internals::wire::frame::{BINARY, FrameHeader, PING, PONG, TEXT};
use wirecat::internals::wire::mask;
use wirecat::internals::wire::outbound::{Options, Outbound};
use wirecat::internals::wire::validate::Role;

use super::frames::{self, Message};
use super::inbound::{Received, Setting};
use super::input::{Input, Sizes};

const FRAGMENTS: [Option<usize>; 8] = [
    None,
    Some(1),
    Some(2),
    Some(125),
    Some(126),
    Some(1_000),
    Some(65_535),
    Some(65_536),
];

/// Payload of all messages together.
const MOST: usize = 72 * 1024;

/// Invalid text made valid is up to three times as long, and compression may make it longer.
const LIMIT: usize = 4 * MOST;

/// Input: a byte of switches and level, one of fragments, window and control frames, how to cut what
/// goes in and what comes out, messages.
///
/// # Panics
/// Where they do not come out as they went in.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let sender = Sender::read(&mut input);
    let (write_sizes, read_sizes) = (input.sizes(), input.sizes());
    let most = sender.most().min(write_sizes.mean().saturating_mul(1_000));
    let sent = messages(
        &mut input,
        most.min(read_sizes.mean().saturating_mul(1_000)),
    );
    let (engine, sent) = sender.engine(&sent);
    let (wire, traced, volume) = sender.write(&engine, write_sizes);
    sender.judge(&wire);

    let reader = sender.peer();
    let received = reader.rewrite(&wire, read_sizes);
    compare(&reader, &sent, &received);
    if let Some(received) = &received.traced {
        compare_traces(&traced, received);
    }
    if reader.deflate && sender.compresses() {
        assert_eq!(received.volume, volume);
    }
    if !reader.deflate {
        compare(&reader, &sent, &reader.pass(&wire, read_sizes));
    }
}

fn compare(reader: &Setting, sent: &[Message], received: &Received) {
    assert_eq!(received.close, None);
    let shown = |opcode| {
        if opcode == PING && reader.hide_pings {
            PONG
        } else {
            opcode
        }
    };
    let shown: Vec<Message> = sent
        .iter()
        .map(|(opcode, payload)| (shown(*opcode), payload.clone()))
        .collect();
    assert_eq!(received.messages, shown);
    if reader.hide_pings {
        let controls = sent
            .iter()
            .filter(|(opcode, _)| [PING, PONG].contains(opcode));
        assert!(
            controls
                .map(|(opcode, _)| *opcode == PING)
                .eq(received.pings.iter().copied())
        );
    }
}

/// Both see the same frames. What a compressed message stands for is told with its first frame by
/// the sender, who knows, and as it is found by the reader.
fn compare_traces(sent: &[TracedFrame], received: &[TracedFrame]) {
    let frame = |traced: &TracedFrame| (traced.header, traced.payload.clone());
    assert!(sent.iter().map(frame).eq(received.iter().map(frame)));
    let plain = |traced: &[TracedFrame]| traced.iter().filter_map(|frame| frame.plain).sum::<u64>();
    assert_eq!(plain(sent), plain(received));
}

/// Reads messages until the input is over: for each a byte of kind, then what it is made of.
fn messages(input: &mut Input<'_>, most: usize) -> Vec<Message> {
    let mut messages = Vec::new();
    let mut left = most;
    while !input.is_empty() {
        let kind = input.byte();
        let opcode = [TEXT, BINARY, PING, PONG][usize::from(kind & 3)];
        let most = if kind & 2 == 0 { left } else { 125 };
        let mut payload = payload(input, kind >> 2);
        payload.truncate(most);
        if opcode == TEXT {
            payload = String::from_utf8_lossy(&payload).into_owned().into_bytes();
        }
        if opcode == TEXT || opcode == BINARY {
            left = left.saturating_sub(payload.len());
        }
        messages.push((opcode, payload));
    }
    messages
}

/// Bytes of the input as they are, over and over, or counted on: from what compresses to what does
/// not.
fn payload(input: &mut Input<'_>, how: u8) -> Vec<u8> {
    const MOST_NOISE: usize = 400; // of which a compressor takes long
    let len = usize::from(input.byte());
    let seed = input.bytes(len);
    let times = 1usize << (how & 0xf);
    match how >> 4 {
        0 => seed.to_vec(),
        1 => seed.repeat(times.min(MOST / seed.len().max(1))),
        2 => vec![seed.first().copied().unwrap_or(0); times * 2 + len],
        _ => {
            let mut state = seed
                .iter()
                .fold(1u32, |sum, byte| sum.wrapping_mul(31) + u32::from(*byte));
            let noise = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            };
            std::iter::repeat_with(noise)
                .take((times + len).min(MOST_NOISE))
                .collect()
        }
    }
}

struct Sender {
    role: Role,
    deflate: bool,
    takeover: bool,
    level: u8,
    window_bits: u8,
    fragment: Option<usize>,
    trace: bool,
    hide_pings: bool,
    /// Control frames pass between the fragments of the message before them.
    interleaves: bool,
}

impl Sender {
    fn read(input: &mut Input<'_>) -> Self {
        let (switches, numbers) = (input.byte(), input.byte());
        let switch = |bit: u8| switches & 1 << bit != 0;
        Sender {
            role: if switch(0) {
                Role::Server
            } else {
                Role::Client
            },
            deflate: switch(1),
            takeover: switch(2),
            trace: switch(3),
            level: (switches >> 4).min(9),
            fragment: FRAGMENTS[usize::from(numbers & 7)],
            window_bits: 8 + (numbers >> 3 & 7),
            hide_pings: numbers & 0x40 != 0,
            interleaves: numbers & 0x80 != 0,
        }
    }

    /// What the peer is set to.
    fn peer(&self) -> Setting {
        Setting {
            role: match self.role {
                Role::Client => Role::Server,
                Role::Server => Role::Client,
            },
            deflate: self.deflate,
            takeover: self.takeover,
            window_bits: self.window_bits,
            hide_pings: self.hide_pings,
            trace: self.trace.then_some(16),
            limit: LIMIT,
        }
    }

    /// Payload of all messages together: many bytes in many frames take long, and so does a search
    /// for what might repeat.
    fn most(&self) -> usize {
        let most = if self.deflate && self.level > 1 {
            MOST / 16
        } else {
            MOST
        };
        most.min(self.fragment.unwrap_or(usize::MAX).saturating_mul(1_000))
    }

    fn deflater(&self) -> Option<Deflater> {
        let deflater = Deflater::new(self.level, self.window_bits, self.takeover);
        deflater.filter(|_| self.deflate)
    }

    fn compresses(&self) -> bool {
        self.deflate && self.window_bits > 8
    }

    fn fragmentation(&self) -> Fragmentation {
        match self.fragment {
            None => Fragmentation::default(),
            Some(most) => Fragmentation::AtMost(most),
        }
    }

    /// What goes over the wire, its frames and what was compressed.
    fn write(&self, engine: &[u8], sizes: Sizes<'_>) -> (Vec<u8>, Vec<TracedFrame>, Volume) {
        let mut outbound = Outbound::new(Options {
            fragmentation: self.fragmentation(),
            trace: self.trace.then_some(16),
            first_is_secret: false,
            deflater: self.deflater(),
        });
        let mut key = 0u32;
        let mut fresh = || {
            key = key.wrapping_add(0x9e37_79b9);
            key.to_be_bytes()
        };
        let mut wire = Vec::new();
        for piece in sizes.cut(engine) {
            outbound.handle_bytes(piece, &mut fresh, &mut wire);
        }
        let traced = std::iter::from_fn(|| outbound.poll_frame()).collect();
        (wire, traced, outbound.volume())
    }

    /// What the engine writes, and the messages in the order of their ends.
    fn engine(&self, sent: &[Message]) -> (Vec<u8>, Vec<Message>) {
        let parts = self.fragmentation().parts(self.compresses());
        let (mut out, mut order) = (Vec::new(), Vec::new());
        let is_control = |(opcode, _): &&Message| [PING, PONG].contains(opcode);
        let mut rest = sent.iter().peekable();
        while let Some(message) = rest.next() {
            if !is_control(&message) {
                let mut fragments =
                    Fragments::new(message.0, Bytes::from(message.1.clone()), parts);
                loop {
                    let next = fragments.next_fragment();
                    self.frame(next.fin, next.opcode, &next.payload, &mut out);
                    if next.fin {
                        break;
                    }
                    if let Some(control) = rest.next_if(|it| self.interleaves && is_control(it)) {
                        self.frame(true, control.0, &control.1, &mut out);
                        order.push(control.clone());
                    }
                }
            } else {
                self.frame(true, message.0, &message.1, &mut out);
            }
            order.push(message.clone());
        }
        (out, order)
    }

    fn frame(&self, fin: bool, opcode: u8, payload: &[u8], out: &mut Vec<u8>) {
        let mask = (self.role == Role::Client).then_some([0x37, 0xfa, 0x21, 0x3d]);
        let len = payload.len() as u64;
        FrameHeader {
            mask,
            ..FrameHeader::plain(fin, opcode, len)
        }
        .write(out);
        let start = out.len();
        out.extend_from_slice(payload);
        if let Some(key) = mask {
            mask::apply(key, 0, &mut out[start..]);
        }
    }

    /// No frame is larger than was asked for.
    fn judge(&self, wire: &[u8]) {
        let most = self.fragment.unwrap_or(usize::MAX) as u64;
        let mut rest = wire;
        while let Some((header, payload, after)) = frames::first(rest) {
            assert_eq!(payload.len() as u64, header.len, "{header}");
            assert!(header.is_control() || header.len <= most, "{header}");
            rest = after;
        }
        assert!(rest.is_empty(), "{rest:x?}");
    }
}
