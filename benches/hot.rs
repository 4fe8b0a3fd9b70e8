//! The pure parts that every message or byte passes through. `cargo bench` runs them; the whole
//! program is measured by `benches/compare`.

use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use wirecat::internals::event::Event;
use wirecat::internals::message::Message;
use wirecat::internals::output::{Format, Options, Renderer, sanitize};
use wirecat::internals::payload::InputFormat;
use wirecat::internals::pipe::framing::{Framer, Framing, Item};
use wirecat::internals::secret::Redactor;
use wirecat::internals::wire::deflate::{Deflater, Inflater};
use wirecat::internals::wire::fragments::Fragmentation;
use wirecat::internals::wire::inbound::{self, Inbound};
use wirecat::internals::wire::outbound::{self, Outbound};
use wirecat::internals::wire::validate::{self, Role};

/// As much as the program reads from stdin or a socket at once.
const READ: usize = 64 << 10;

/// 100 bytes of text.
fn line() -> String {
    "0123456789".repeat(10)
}

/// 64 KiB of whole lines of 100 bytes.
fn lines() -> Vec<u8> {
    let line = line() + "\n";
    line.repeat(READ / line.len()).into_bytes()
}

/// 64 KiB of whole text frames of 100 bytes, as a server sends them.
fn frames() -> Vec<u8> {
    let frame = [b"\x81\x64", line().as_bytes()].concat();
    frame.repeat(READ / frame.len())
}

fn framing(criterion: &mut Criterion) {
    let input = lines();
    let mut group = criterion.benchmark_group("framing");
    group.throughput(Throughput::Bytes(input.len() as u64));
    group.bench_function("64 KiB of 100-byte lines", |bencher| {
        let fresh = || {
            let mut framer = Framer::new(Framing::Line, InputFormat::default());
            framer.buffer().extend_from_slice(&input);
            (framer, Vec::with_capacity(1024))
        };
        let cut = |(mut framer, mut messages): (Framer, Vec<Item>)| {
            framer
                .handle_input(&mut messages)
                .expect("the lines are text");
            assert_eq!(messages.len(), READ / 101);
            (framer, messages)
        };
        bencher.iter_batched(fresh, cut, BatchSize::SmallInput);
    });
    group.finish();
}

fn rendering(criterion: &mut Criterion) {
    let json = r#"{"event":"tick","data":{"symbol":"ABC","bid":1.25,"ask":1.5,"tags":["a",null,true]},"seq":123456789}"#;
    let mut group = criterion.benchmark_group("rendering");
    for (name, format, text) in [
        ("raw, 100 bytes", Format::Raw, line()),
        ("json, 100 bytes", Format::Json, line()),
        ("pretty, a JSON message", Format::Pretty, json.to_owned()),
    ] {
        group.throughput(Throughput::Bytes(text.len() as u64));
        let message = Message::text(text);
        let options = Options {
            format,
            stdout_tty: format == Format::Pretty,
            stdout_color: format == Format::Pretty,
            ..Options::plain()
        };
        let mut renderer = Renderer::new(options, Redactor::default());
        let (mut out, mut err) = (Vec::new(), Vec::new());
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                out.clear();
                let event = Event::Receive {
                    conn: 1,
                    message: black_box(&message),
                    record: None,
                };
                renderer.render(Duration::from_millis(1234), &event, &mut out, &mut err);
                black_box(out.len())
            });
        });
    }
    group.finish();
}

fn inbound(deflate: bool, trace: Option<usize>) -> Inbound {
    Inbound::new(inbound::Options {
        rules: validate::Options {
            role: Role::Client,
            deflate,
            max_message_size: 1 << 20,
        },
        hide_pings: false,
        trace,
        inflater: deflate.then(|| Inflater::new(15, true)),
    })
}

fn outbound(deflate: bool) -> Outbound {
    Outbound::new(outbound::Options {
        fragmentation: Fragmentation::default(),
        trace: None,
        first_is_secret: false,
        deflater: deflate.then(|| Deflater::new(1, 15, true)).flatten(),
    })
}

/// Everything in rounds of whole frames, so that the machines are at a boundary again after each.
fn wire(criterion: &mut Criterion) {
    let mut input = frames();
    let mut group = criterion.benchmark_group("wire, 64 KiB of 100-byte frames");
    group.throughput(Throughput::Bytes(input.len() as u64));
    let mut machine = inbound(false, None);
    group.bench_function("in place", |bencher| {
        bencher.iter(|| machine.handle_in_place(black_box(&mut input)));
    });
    let mut out = Vec::new();
    let mut machine = inbound(false, None);
    group.bench_function("in, rewritten", |bencher| {
        bencher.iter(|| {
            out.clear();
            machine.handle_bytes(black_box(&input), &mut out)
        });
    });
    for (name, deflate) in [("out, as it is", false), ("out, deflated", true)] {
        let mut machine = outbound(deflate);
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                out.clear();
                machine.handle_bytes(black_box(&input), &mut || [1, 2, 3, 4], &mut out);
            });
        });
    }
    let mut deflated = Vec::new();
    outbound(true).handle_bytes(&input, &mut || [0; 4], &mut deflated);
    let mut machine = inbound(true, None);
    group.bench_function("in, inflated", |bencher| {
        bencher.iter(|| {
            out.clear();
            let mut rest = &deflated[..];
            while !rest.is_empty() || machine.is_busy() {
                out.clear();
                rest = &rest[machine.handle_bytes(black_box(rest), &mut out)..];
            }
        });
    });
    group.finish();
}

fn sanitizing(criterion: &mut Criterion) {
    let text = String::from_utf8(lines()).expect("the lines are text");
    let mut group = criterion.benchmark_group("sanitizing");
    group.throughput(Throughput::Bytes(text.len() as u64));
    let mut out = Vec::new();
    group.bench_function("64 KiB of ASCII", |bencher| {
        bencher.iter(|| {
            out.clear();
            sanitize::lines(black_box(&text), &mut out);
            black_box(out.len())
        });
    });
    group.finish();
}

criterion_group!(hot, framing, rendering, wire, sanitizing);
criterion_main!(hot);
