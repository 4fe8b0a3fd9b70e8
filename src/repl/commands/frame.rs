//! `/frame`: sends a raw frame. Pure.

use super::word::Word;
use crate::repl::action::{Action, Outgoing, View};
use crate::wire::frame::{CLOSE, opcode_name};
use crate::wire::frame_words::{Words, parse};
use crate::written;

/// The answer to `/frame` without arguments.
pub const HELP: &str = "\
/frame [SETTING ...] OPCODE [SETTING ...] [--] [PAYLOAD]
A frame is sent as it stands and may break any rule. Opcodes and settings:
  text, binary, continuation, close, ping, pong, or 0 to 15
  fin=0|1                     the FIN bit (1 if not given)
  rsv1 rsv2 rsv3              set a reserved bit; rsv=0..7 sets them as a number
  mask=none|random|37fa213d   no mask, a random key (if not given) or this one
  length=N                    the length to declare in place of the real one
  bits=7|16|64                how to write it (the shortest form if not given)
  code=N                      the code of a close; the payload is then its reason
The payload begins at the first other word, or after --. It is text as typed, or
hex:00ff, base64:AP8= or @FILE. For example:
  /frame fin=0 text hel
  /frame continuation lo
  /frame rsv1 3 mask=none length=70000 bits=64 base64:AP8K
  /frame close code=1005 a code that must not be sent
";

/// Sends a frame, or shows the syntax.
pub(super) fn frame(_: &View<'_>, argument: &str) -> Result<Action, String> {
    if argument.trim().is_empty() {
        return Ok(Action::Say(HELP.to_owned()));
    }
    let (frame, data) = parse(argument)?;
    Ok(Action::Send(Outgoing::Frame(frame, data)))
}

/// The words that may come next on a line that ends with a space or within a word.
pub(super) fn next_words(argument: &str) -> Vec<Word> {
    let mut words = Words::default();
    let mut keys = Vec::new();
    for word in argument.split_whitespace() {
        if word == "--" || !words.take(word).unwrap_or(false) {
            return Vec::new();
        }
        keys.push(word.split('=').next().unwrap_or(word));
    }
    let opcodes = (0..16).map(opcode_name).filter(|&name| name != "reserved");
    let opcodes = opcodes.map(|name| (name, "opcode"));
    let settings = SETTINGS.iter().copied().filter(|(setting, _)| {
        let key = setting.split('=').next().unwrap_or(setting);
        !keys.contains(&key) && (key != "code" || matches!(words.opcode, None | Some(CLOSE)))
    });
    let next: Vec<_> = match words.opcode {
        None => settings.chain(opcodes).collect(),
        Some(_) => settings.chain(written::PREFIXES).collect(),
    };
    let next = next.into_iter().map(Word::new);
    next.map(|mut word| {
        if !word.text.ends_with(['=', ':', '@']) {
            word.text.push(' ');
        }
        word
    })
    .collect()
}

const SETTINGS: &[(&str, &str)] = &[
    ("fin=0", "more fragments follow"),
    ("fin=1", "the last fragment"),
    ("rsv=", "reserved bits, 0 to 7"),
    ("rsv1", "set the bit RSV1"),
    ("rsv2", "set the bit RSV2"),
    ("rsv3", "set the bit RSV3"),
    ("mask=none", "no mask"),
    ("mask=random", "a random mask"),
    ("mask=", "this mask, 8 hex digits"),
    ("length=", "the length to declare"),
    ("bits=7", "length in 7 bits"),
    ("bits=16", "length in 16 bits"),
    ("bits=64", "length in 64 bits"),
    ("code=", "the code of a close"),
];
