//! What a server's first bytes say: its SETTINGS, or that it does not speak HTTP/2. The library keeps
//! both to itself. Pure.

/// The header of a frame, in bytes (RFC 9113 §4.1).
const HEADER: usize = 9;

/// The type of a SETTINGS frame (RFC 9113 §6.5).
const SETTINGS: u8 = 4;

/// The largest SETTINGS frame that is looked at, in bytes: the smallest limit on a frame's payload
/// (RFC 9113 §4.2).
const MAX_PAYLOAD: usize = 16 * 1024;

/// `SETTINGS_ENABLE_CONNECT_PROTOCOL` (RFC 8441 §3).
const ENABLE_CONNECT_PROTOCOL: u16 = 8;

/// Enough bytes for the first frame.
pub(super) const MAX_PREFACE: usize = HEADER + MAX_PAYLOAD;

/// What the bytes received so far begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Preface {
    /// The first frame is not complete.
    Incomplete,
    /// SETTINGS, with or without extended CONNECT.
    Settings { extended_connect: bool },
    /// Something else: the server does not speak HTTP/2 (RFC 9113 §3.4).
    Other,
}

/// Reads the server's connection preface.
pub(super) fn read(received: &[u8]) -> Preface {
    let Some((header, rest)) = received.split_at_checked(HEADER) else {
        // Whatever is neither a length that small nor this type is no SETTINGS frame.
        let other = received.first().is_some_and(|byte| *byte != 0)
            || received.get(3).is_some_and(|byte| *byte != SETTINGS);
        return if other {
            Preface::Other
        } else {
            Preface::Incomplete
        };
    };
    let len = usize::from(header[1]) << 8 | usize::from(header[2]);
    if header[0] != 0 || header[3] != SETTINGS || len > MAX_PAYLOAD {
        return Preface::Other;
    }
    let Some(payload) = rest.get(..len) else {
        return Preface::Incomplete;
    };
    let (settings, _) = payload.as_chunks::<6>();
    let last = settings
        .iter()
        .rfind(|setting| u16::from_be_bytes([setting[0], setting[1]]) == ENABLE_CONNECT_PROTOCOL);
    let extended_connect = last.is_some_and(|setting| setting[2..] == [0, 0, 0, 1]);
    Preface::Settings { extended_connect }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A SETTINGS frame.
    fn frame(settings: &[(u16, u32)]) -> Vec<u8> {
        let mut frame = vec![0, 0, settings.len() as u8 * 6, SETTINGS, 0, 0, 0, 0, 0];
        for (id, value) in settings {
            frame.extend(id.to_be_bytes());
            frame.extend(value.to_be_bytes());
        }
        frame
    }

    #[test]
    fn the_setting_is_found_as_soon_as_the_frame_is_complete() {
        for (settings, extended_connect) in [
            (&[][..], false),
            (&[(3, 100)], false),
            (&[(8, 0)], false),
            (&[(3, 100), (8, 1), (4, 65_535)], true),
            (&[(8, 1), (8, 0)], false),
        ] {
            let whole = frame(settings);
            for len in 0..whole.len() {
                assert_eq!(read(&whole[..len]), Preface::Incomplete, "{settings:?}");
            }
            let expected = Preface::Settings { extended_connect };
            assert_eq!(read(&whole), expected);
            assert_eq!(read(&[&whole[..], b"more"].concat()), expected);
        }
    }

    #[test]
    fn another_protocol_is_recognized_early() {
        for bytes in [
            &b"HTTP/1.1 400 Bad Request\r\n"[..],
            b"H",
            // Another frame than SETTINGS.
            &[0, 0, 8, 6],
            &[0, 0, 8, 6, 0, 0, 0, 0, 0, 1],
            // SETTINGS larger than any server may send.
            &[0, 0xff, 0xff, 4, 0, 0, 0, 0, 0],
            // A TLS alert.
            &[0x15, 3, 3, 0, 2, 2, 70],
        ] {
            assert_eq!(read(bytes), Preface::Other, "{bytes:?}");
        }
    }
}
