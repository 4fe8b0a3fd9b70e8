//! The inflater alone: garbage, and then what was compressed.

use wirecat::internals::wire::deflate::{Deflater, Garbage, Inflated, Inflater};

use super::input::{Input, Sizes, WHOLE};

/// More than the largest window.
const MOST: usize = 40 * 1024;

/// More than the smallest window.
const MESSAGE: usize = 600;

/// As large as a room gets.
const ROOM: usize = 2 * MOST;

/// Input: a byte of takeover, level and window, how to cut what goes in, the rooms for what comes
/// out, how much of the rest is garbage, garbage, a message.
///
/// # Panics
/// Where garbage does more than to be called so, or the message does not come out.
pub fn run(input: &[u8]) {
    let mut input = Input::new(input);
    let switches = input.byte();
    let (takeover, bits, level) = (
        switches & 1 != 0,
        9 + (switches >> 1 & 7).min(6),
        (switches >> 4).min(9),
    );
    let cuts = Cuts {
        sizes: input.sizes(),
        rooms: input.sizes(),
    };
    let len = usize::from(input.byte()) << 4 | usize::from(input.byte() & 0xf);
    let garbage = input.bytes(len);
    let message = input.bytes(MESSAGE);

    let mut inflater = Inflater::new(bits, takeover);
    // A bomb in rooms of one byte takes long.
    let most = cuts.rooms.mean().saturating_mul(1_000).min(MOST);
    let once = &mut Inflater::new(bits, takeover);
    let whole = inflate(once, garbage, UNCUT, most);
    let cut = inflate(&mut inflater, garbage, cuts, most);
    assert_eq!(cut, whole);

    // A peer that keeps its window may have left it in any state at all.
    if takeover || cut.1 != Some(Ok(())) {
        inflater = Inflater::new(bits, takeover);
    }
    let mut deflater = Deflater::new(level, bits, takeover).expect("zlib can do 9 bits");
    for _ in 0..2 {
        let mut wire = Vec::new();
        for part in cuts.sizes.cut(message) {
            deflater.push(part, &mut wire);
        }
        deflater.finish(&mut wire);
        let plain = inflate(&mut inflater, &wire, cuts, usize::MAX);
        assert_eq!(plain, (message.to_vec(), Some(Ok(()))));
    }
}

/// Where the input and the output are cut.
#[derive(Clone, Copy)]
struct Cuts<'a> {
    sizes: Sizes<'a>,
    rooms: Sizes<'a>,
}

const UNCUT: Cuts<'_> = Cuts {
    sizes: WHOLE,
    rooms: WHOLE,
};

const GARBAGE: Garbage = Garbage { made: 0 };

/// What a message inflates to, as far as it is looked at, and how it ended if that was all.
type Plain = (Vec<u8>, Option<Result<(), Garbage>>);

fn inflate(inflater: &mut Inflater, wire: &[u8], cuts: Cuts<'_>, most: usize) -> Plain {
    let mut plain = Vec::new();
    let mut rooms = cuts.rooms.iter().map(|room| room.min(ROOM));
    let mut room = || vec![0; rooms.next().expect("sizes never end")];
    let mut end = feed(inflater, wire, cuts.sizes, &mut plain, most, &mut room);
    if end == Some(Ok(())) {
        end = Some(inflater.finish());
    }
    let all = plain.len() <= most;
    plain.truncate(most);
    (plain, end.filter(|_| all))
}

/// `None` once there is more than is looked at.
fn feed(
    inflater: &mut Inflater,
    wire: &[u8],
    sizes: Sizes<'_>,
    plain: &mut Vec<u8>,
    most: usize,
    room: &mut impl FnMut() -> Vec<u8>,
) -> Option<Result<(), Garbage>> {
    let mut idle = 0;
    for mut piece in sizes.cut(wire) {
        loop {
            let mut chunk = room();
            let Inflated { took, made } = match inflater.inflate(piece, &mut chunk) {
                Ok(inflated) => inflated,
                Err(Garbage { made }) => {
                    plain.extend_from_slice(&chunk[..made]);
                    return Some(Err(GARBAGE));
                }
            };
            plain.extend_from_slice(&chunk[..made]);
            // The end of a final block may have been taken by the call before.
            idle = if took == 0 && made == 0 { idle + 1 } else { 0 };
            assert!(idle <= 1, "no progress");
            piece = &piece[took..];
            if plain.len() > most {
                return None;
            }
            if piece.is_empty() && made < chunk.len() {
                break;
            }
        }
    }
    Some(Ok(()))
}
