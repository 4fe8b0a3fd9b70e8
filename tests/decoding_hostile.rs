//! `--decode` and what a hostile server may send: all that is broken in `tests/corpus`, and messages that
//! claim or become much more than they are. Each is shown as it is, and memory stays flat.

use std::io::{BufRead as _, BufReader, Write as _};

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use crate::support::server::{frame_of, raw, text};
use crate::support::{output, peak_memory, wirecat};

/// The most memory that the program may have had, in a debug build.
const MEMORY: usize = 40 << 20;

/// Largest message in these tests, in KiB.
const LIMIT: usize = 256;

/// The broken inputs of a file.
fn broken(file: &'static str) -> Vec<Vec<u8>> {
    let lines = file.lines().filter_map(|line| line.strip_suffix(" !"));
    lines.map(|line| bytes_of_hex(line).expect("hex")).collect()
}

fn bytes_of_hex(digits: &str) -> Option<Vec<u8>> {
    let pairs = digits.as_bytes().chunks(2).map(std::str::from_utf8);
    pairs
        .map(|pair| u8::from_str_radix(pair.ok()?, 16).ok())
        .collect()
}

/// None of these messages decodes, and the one after them is seen.
#[track_caller]
fn none_decodes(form: &str, messages: Vec<Vec<u8>>) {
    let count = messages.len();
    let server = raw(move |mut wire| {
        wire.handshake();
        for message in messages {
            wire.send(frame_of(0x82, &message));
        }
        wire.send(text("\"done\""));
        wire.until_close();
    });
    let limit = format!("--max-message-size={LIMIT}KiB");
    let mut child = wirecat([
        "--decode",
        form,
        "--filter",
        "select(. == \"done\")",
        &limit,
    ])
    .arg("--on-eof=stay")
    .arg(&server.url("/"))
    .spawn();
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut line).unwrap();
    let peak = peak_memory(&child);
    nix::sys::signal::kill(
        nix::unistd::Pid::from_raw(child.id() as i32),
        nix::sys::signal::Signal::SIGTERM,
    )
    .unwrap();
    let run = output(child);
    assert_eq!(line, "\"done\"\n", "{form}: {}", run.stderr);
    let told = format!("--decode: {count} messages did not decode");
    assert!(run.stderr.contains(&told), "{form}: {}", run.stderr);
    assert!(peak < MEMORY, "{form}: {} KiB", peak / 1024);
    server.result();
}

#[test]
fn what_is_broken_is_shown_as_it_is() {
    for (form, file) in [
        ("msgpack", include_str!("corpus/msgpack.txt")),
        ("cbor", include_str!("corpus/cbor.txt")),
        ("protobuf", include_str!("corpus/protobuf-untyped.txt")),
        ("gzip", include_str!("corpus/gzip.txt")),
        ("zstd", include_str!("corpus/zstd.txt")),
    ] {
        none_decodes(form, broken(file));
    }
    let descriptor = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/decode/test.desc");
    let typed = format!("protobuf:{descriptor}#wirecat.test.All");
    none_decodes(&typed, broken(include_str!("corpus/protobuf.txt")));
}

#[test]
fn messages_that_claim_much_get_no_memory_for_it() {
    none_decodes(
        "msgpack",
        vec![
            b"\xdd\xff\xff\xff\xff".to_vec(),     // an array of 2^32 - 1
            b"\xdf\xff\xff\xff\xff\x01".to_vec(), // a map
            b"\xdb\xff\xff\xff\xff".to_vec(),     // a string
            b"\xc9\xff\xff\xff\xff\x05".to_vec(), // an extension
            vec![0x91; 200_000],                  // arrays in arrays
            [&[0xdd, 0, 3, 0, 0][..], &[0xc0; 0x3_0000]].concat(), // nulls: 5 bytes for each
        ],
    );
    none_decodes(
        "cbor",
        vec![
            b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
            b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff\x01".to_vec(),
            b"\x7b\xff\xff\xff\xff\xff\xff\xff\xff".to_vec(),
            b"\xc2\x5a\xff\xff\xff\xff".to_vec(),
            vec![0xc1; 200_000], // tags of tags
            vec![0x9f; 200_000],
            [&[0x9a, 0, 3, 0, 0][..], &[0xf6; 0x3_0000]].concat(),
        ],
    );
    none_decodes(
        "protobuf",
        vec![
            b"\x0a\xff\xff\xff\xff\x0f".to_vec(), // 4 GiB of a string
            vec![0x0b; 200_000],                  // groups in groups
            b"\x08\x7f".repeat(130_000),          // two bytes become four
        ],
    );
}

#[test]
fn bombs_are_cut_off() {
    const SIZE: usize = 256 << 20;
    let zeros = vec![0; 1 << 20];
    let (mut gzip, mut zlib) = (
        GzEncoder::new(Vec::new(), Compression::best()),
        ZlibEncoder::new(Vec::new(), Compression::best()),
    );
    for _ in 0..SIZE / zeros.len() {
        gzip.write_all(&zeros).unwrap();
        zlib.write_all(&zeros).unwrap();
    }
    zlib.flush().unwrap();
    let (gzip, zlib) = (gzip.finish().unwrap(), zlib.finish().unwrap());
    assert!(gzip.len() < LIMIT * 1024 + 100_000, "{}", gzip.len());
    let part = zlib[..zlib.len().min(LIMIT * 1024 / 2)].to_vec();
    let gzip = gzip[..gzip.len().min(LIMIT * 1024 / 2)].to_vec();
    none_decodes("gzip", vec![gzip.clone(), gzip]);
    none_decodes("zlib", vec![part.clone(), part.clone()]);
    // The second is left out, as the stream is broken.
    none_decodes("zlib-stream", vec![part.clone(), part]);
    // A frame of 128 MiB in blocks that repeat one byte.
    let block = [&(1_u32 << 1 | (128 << 10) << 3).to_le_bytes()[..3], b"x"].concat();
    let frame = [
        b"\x28\xb5\x2f\xfd\x00\x70",
        &block.repeat(1024)[..],
        b"\x01\x00\x00",
    ]
    .concat();
    none_decodes("zstd", vec![frame.clone(), frame]);
}
