use std::collections::BTreeSet;

use flate2::{Decompress, FlushDecompress};

use super::frames::{CHUNK, CHUNKS_PER_FRAGMENT, TAIL};
use super::*;
use crate::wire::frame::{CONTINUATION, FrameHeader};

/// Bytes once each, without the message that all begin with.
fn bytes(name: &str) -> Vec<u8> {
    let pieces = find(name).unwrap().pieces();
    let bytes: Vec<u8> = pieces.into_iter().flat_map(|piece| piece.bytes).collect();
    let before = b"\x81\x06before";
    bytes.strip_prefix(before).expect(name).to_vec()
}

/// Headers and payloads. The last payload may be shorter than its header says.
fn frames(name: &str) -> Vec<(FrameHeader, Vec<u8>)> {
    let bytes = bytes(name);
    let mut rest = &bytes[..];
    let mut frames = Vec::new();
    while !rest.is_empty() {
        let header = FrameHeader::parse(rest).expect(name);
        rest = &rest[header.size()..];
        let length = rest.len().min(usize::try_from(header.len).unwrap());
        let (payload, after) = rest.split_at(length);
        frames.push((header, payload.to_vec()));
        rest = after;
    }
    frames
}

fn payload(name: &str) -> Vec<u8> {
    frames(name)
        .into_iter()
        .flat_map(|(_, payload)| payload)
        .collect()
}

/// FIN, RSV, opcode, length and its bits of each frame; a `*` marks what breaks a rule. The bomb
/// has a test of its own.
const HEADERS: &[(&str, &str)] = &[
    ("rsv", "1 2* 1 12/7"),
    ("rsv1", "1 4* 1 12/7"),
    ("rsv3", "1 1* 1 12/7"),
    ("opcode", "1 0 3* 8/7"),
    ("control-opcode", "1 0 11* 9/7"),
    ("masked", "1 0 1 15/7 masked*"),
    ("utf8", "1 0 1 6/7"),
    ("utf8-fragment", "0 0 1 6/7, 1 0 0 6/7"),
    ("utf8-truncated", "1 0 1 4/7"),
    ("utf8-close", "1 0 8 8/7"),
    ("fragmented-ping", "0* 0 9 8/7"),
    ("long-ping", "1 0 9 126/16*"),
    ("close-1", "1 0 8 1/7*"),
    ("close-999", "1 0 8 2/7"),
    ("close-1005", "1 0 8 2/7"),
    ("close-1006", "1 0 8 2/7"),
    ("close-long", "1 0 8 126/16*"),
    ("fragmented-close", "0* 0 8 2/7"),
    ("orphan-continuation", "1 0 0* 17/7"),
    ("interleaved", "0 0 1 5/7, 1 0 1* 3/7"),
    ("length-16", "1 0 1 5/16*"),
    ("length-64", "1 0 1 5/64*"),
    ("length-63", "1 0 1 9223372036854775813/64*"),
    ("too-big", "1 0 2 1073741824/64"),
    ("after-close", "1 0 8 6/7, 1 0 1* 5/7, 1 0 9* 5/7"),
    ("unfinished", "1 0 1 10/7*"),
    ("unclosed", "0 0 1 4/7"),
    ("deflate-garbage", "1 4 1 8/7"),
    ("deflate-continuation", "0 4 1 16/7, 1 4* 0 16/7"),
    ("deflate-ping", "1 4* 9 12/7"),
    ("deflate-utf8", "1 4 1 8/7"),
];

#[test]
fn every_kind_sends_its_documented_frames() {
    for (fault, (name, headers)) in FAULTS.iter().zip(HEADERS) {
        assert_eq!(fault.name, *name);
        let found: Vec<String> = frames(name)
            .iter()
            .map(|(header, _)| brief(header))
            .collect();
        assert_eq!(found.join(", "), headers.replace('*', ""), "{name}");
    }
    let [untold] = &FAULTS[HEADERS.len()..] else {
        panic!("one is left to a test of its own");
    };
    assert_eq!(untold.name, "bomb");
}

fn brief(header: &FrameHeader) -> String {
    let FrameHeader {
        fin,
        rsv,
        opcode,
        len,
        form,
        mask,
    } = header;
    let masked = mask.map_or("", |_| " masked");
    format!(
        "{} {rsv} {opcode} {len}/{}{masked}",
        u8::from(*fin),
        form.bits()
    )
}

#[test]
fn only_the_utf8_faults_are_invalid_utf8() {
    for fault in FAULTS.iter().filter(|fault| fault.name != "bomb") {
        for (header, payload) in frames(fault.name) {
            let text = match header.opcode {
                CLOSE => payload.get(2..).unwrap_or_default().to_vec(),
                _ if header.rsv & RSV1 != 0 || header.mask.is_some() => continue,
                _ => payload,
            };
            let is_bad = std::str::from_utf8(&text).is_err();
            let wanted = fault.name.starts_with("utf8") && header.fin;
            assert_eq!(is_bad, wanted, "{}", fault.name);
        }
    }
}

#[test]
fn close_codes_match_their_names() {
    for (name, code) in [
        ("close-999", 999_u16),
        ("close-1005", 1005),
        ("close-1006", 1006),
        ("close-long", 1000),
        ("fragmented-close", 1000),
        ("utf8-close", 1000),
        ("after-close", 1000),
    ] {
        assert_eq!(payload(name)[..2], code.to_be_bytes(), "{name}");
    }
}

/// What a receiver makes of a compressed message (RFC 7692 §7.2.2).
fn inflate(payload: &[u8]) -> Result<Vec<u8>, flate2::DecompressError> {
    let mut out = Vec::with_capacity(64);
    Decompress::new(false).decompress_vec(
        &[payload, TAIL].concat(),
        &mut out,
        FlushDecompress::Sync,
    )?;
    Ok(out)
}

#[test]
fn the_compressed_messages_inflate_where_they_should() {
    assert!(inflate(&payload("deflate-garbage")).is_err());
    assert_eq!(inflate(&payload("deflate-utf8")).unwrap(), BAD_UTF8);
    assert_eq!(
        inflate(&payload("deflate-continuation")).unwrap(),
        b"RSV1 was set on both fragments"
    );
}

#[test]
fn the_bomb_is_four_gibibytes_in_five_megabytes() {
    let pieces = find("bomb").unwrap().pieces();
    let wire: u64 = pieces
        .iter()
        .map(|piece| piece.bytes.len() as u64 * u64::from(piece.times))
        .sum();
    let frames = frames("bomb").into_iter();
    let heads: Vec<_> = frames
        .map(|(head, _)| (head.fin, head.rsv, head.opcode))
        .collect();
    let (begin, middle) = ((false, RSV1, BINARY), (false, 0, CONTINUATION));
    assert_eq!(heads, [begin, middle, (true, 0, CONTINUATION)]);
    let fragments: u32 = pieces[1..].iter().map(|piece| piece.times).sum();
    assert!(wire < 5_000_000, "{wire}");
    assert_eq!(
        u64::from(fragments) * (CHUNK * CHUNKS_PER_FRAGMENT) as u64,
        4 << 30
    );
    assert_eq!(zeros(&payload("bomb")), 3 * CHUNK * CHUNKS_PER_FRAGMENT);
}

/// How many zeros, and nothing else, the payload inflates to.
fn zeros(payload: &[u8]) -> usize {
    let input = [payload, TAIL].concat();
    let mut inflater = Decompress::new(false);
    let mut out = vec![0; CHUNK];
    loop {
        let (read, written) = (inflater.total_in() as usize, inflater.total_out() as usize);
        out.fill(1);
        inflater
            .decompress(&input[read..], &mut out, FlushDecompress::Sync)
            .unwrap();
        let fresh = inflater.total_out() as usize - written;
        assert!(out[..fresh].iter().all(|byte| *byte == 0));
        if fresh == 0 {
            assert_eq!(read, input.len());
            return written;
        }
    }
}

#[test]
fn names_are_unique_and_found() {
    let names: BTreeSet<&str> = FAULTS.iter().map(|fault| fault.name).collect();
    assert_eq!(names.len(), FAULTS.len());
    for fault in FAULTS {
        assert_eq!(find(fault.name), Some(fault));
    }
    assert_eq!(find("RSV"), None);
    assert_eq!(find(""), None);
}

#[test]
fn the_list_has_a_line_for_each_kind() {
    let list = listing();
    assert_eq!(list.lines().count(), FAULTS.len());
    for (line, fault) in list.lines().zip(FAULTS) {
        let code = fault.code.to_string();
        let words: Vec<&str> = line.split_whitespace().take(2).collect();
        assert_eq!(words, [fault.name, &code]);
        assert!(fault.rule.starts_with("RFC "), "{line}");
        assert!(
            line.contains(fault.sends) && line.contains(fault.rule),
            "{line}"
        );
    }
    let names = names();
    let names: Vec<&str> = names
        .split([',', '\n'])
        .map(str::trim)
        .filter(|name| !name.is_empty())
        .collect();
    assert!(names.into_iter().eq(FAULTS.iter().map(|fault| fault.name)));
}

#[test]
fn the_code_is_1006_if_the_connection_ends() {
    for fault in FAULTS {
        assert_eq!(fault.code == 1006, fault.ends, "{}", fault.name);
        assert!(matches!(fault.code, 1000 | 1002 | 1006 | 1007 | 1009));
    }
}
