//! Frames as the engine sees them, read in the plainest way there is and held against the rules once
//! more.

use wirecat::internals::wire::frame::{
    BINARY, CONTINUATION, FrameHeader, LengthForm, PING, PONG, TEXT,
};
use wirecat::internals::wire::mask;

/// An opcode and a payload: a data message or a control frame.
pub(super) type Message = (u8, Vec<u8>);

/// The first frame in `bytes` and its payload, unmasked, as much of it as there is; with it what
/// comes after. `None` where not even the header is whole.
pub(super) fn first(bytes: &[u8]) -> Option<(FrameHeader, Vec<u8>, &[u8])> {
    let header = FrameHeader::parse(bytes)?;
    let rest = &bytes[header.size()..];
    let (payload, rest) = rest.split_at(rest.len().min(header.len as usize));
    let mut payload = payload.to_vec();
    if let Some(key) = header.mask {
        mask::apply(key, 0, &mut payload);
    }
    Some((header, payload, rest))
}

/// What the engine was given: whole messages and control frames, in the order of their ends. The last
/// frame may be cut off, where the stream was.
///
/// # Panics
/// At a frame that breaks a rule, even where it is cut off; at a message over `limit`.
pub(super) fn read(bytes: &[u8], masked: bool, limit: usize) -> Vec<Message> {
    let mut done = Vec::new();
    let mut open: Option<Message> = None;
    let mut rest = bytes;
    while let Some((header, mut payload, after)) = first(rest) {
        rest = after;
        judge(&header, masked);
        let whole = payload.len() as u64 == header.len;
        if header.is_control() {
            done.extend(whole.then_some((header.opcode, payload)));
            continue;
        }
        assert_eq!(open.is_some(), header.opcode == CONTINUATION, "{header}");
        let message = open.get_or_insert((header.opcode, Vec::new()));
        message.1.append(&mut payload);
        assert!(message.1.len() <= limit, "{} bytes", message.1.len());
        if whole && header.fin {
            assert!(message.0 == BINARY || std::str::from_utf8(&message.1).is_ok());
            done.extend(open.take());
        }
    }
    if let Some((TEXT, text)) = open {
        let cut_off =
            std::str::from_utf8(&text).map_or_else(|error| error.error_len().is_none(), |_| true);
        assert!(cut_off, "{text:x?}");
    }
    done
}

fn judge(header: &FrameHeader, masked: bool) {
    assert_eq!(header.rsv, 0, "{header}");
    assert_eq!(header.mask.is_some(), masked, "{header}");
    assert_eq!(header.form, LengthForm::shortest_for(header.len));
    match header.opcode {
        CONTINUATION | TEXT | BINARY => {}
        PING | PONG => assert!(header.fin && header.len <= 125, "{header}"),
        _ => panic!("{header}"),
    }
}
