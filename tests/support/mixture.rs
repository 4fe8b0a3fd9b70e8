//! Messages of every kind and size, always the same ones, and the events that send them.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest as _, Sha1};
use wirecat::internals::json::string::escape_line_ends;

/// The largest message.
const MAX: usize = 270 << 10;

/// Sizes where the form of a frame changes, or a buffer may be full.
const EDGES: [usize; 10] = [0, 1, 125, 126, 127, 16_384, 65_535, 65_536, 65_537, MAX];

const WORDS: [&str; 16] = [
    "the ",
    "wire",
    "{\"n\":1}",
    "grüße ",
    "\n",
    "日本語",
    "😀",
    "\\",
    "\"",
    "\t",
    "привет ",
    "\u{1}",
    "👩‍👩‍👧",
    "0123456789",
    "e\u{301}",
    "\u{2028}",
];

/// Messages with pings between, as wirecat is to be given them and as it is to tell of them.
pub(crate) struct Mixture {
    /// Lines for `--frame events`.
    pub(crate) events: Vec<u8>,
    /// Of each message, what its event has from `"opcode"` on. It is as wirecat writes it.
    pub(crate) messages: Vec<String>,
    /// The payload of each ping.
    pub(crate) pings: Vec<String>,
    /// Payload bytes of all messages.
    pub(crate) bytes: u64,
    sha1: Sha1,
}

impl Mixture {
    pub(crate) fn new(messages: usize, max: usize) -> Mixture {
        let mut mixture = Mixture {
            events: Vec::new(),
            messages: Vec::new(),
            pings: Vec::new(),
            bytes: 0,
            sha1: Sha1::new(),
        };
        let mut maker = Maker::new();
        for number in 0..messages {
            if number % 40 == 39 {
                mixture.ping(format!("ping {number:0$}", maker.chance.below(120)));
            }
            let size = maker.size().min(max);
            match maker.chance.below(100) {
                0..50 => mixture.text(&maker.text(size)),
                50..75 => mixture.binary(&maker.noise(size)),
                _ => mixture.binary(&maker.repeats(size)),
            }
        }
        mixture
    }

    /// What identifies all messages: their opcodes, lengths (as 64 bits) and payloads, one after
    /// another.
    pub(crate) fn sha1(&self) -> String {
        let digest = self.sha1.clone().finalize();
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    fn text(&mut self, text: &str) {
        let data = serde_json::to_string(text).unwrap();
        // As wirecat writes it.
        let data = escape_line_ends(&data);
        self.message(1, text.as_bytes(), format!("\"data\":{data}}}"));
    }

    fn binary(&mut self, data: &[u8]) {
        let (base64, len) = (STANDARD.encode(data), data.len());
        let members = format!(r#""encoding":"base64","data":"{base64}","len":{len}}}"#);
        self.message(2, data, members);
    }

    fn message(&mut self, opcode: u8, data: &[u8], members: String) {
        let message = format!("\"opcode\":{opcode},{members}");
        self.event("send", &message);
        self.messages.push(message);
        self.bytes += data.len() as u64;
        self.sha1.update([opcode]);
        self.sha1.update((data.len() as u64).to_be_bytes());
        self.sha1.update(data);
    }

    fn ping(&mut self, payload: String) {
        self.event("ping", &format!("\"data\":\"{payload}\"}}"));
        self.pings.push(payload);
    }

    fn event(&mut self, name: &str, members: &str) {
        let line = format!("{{\"type\":\"{name}\",{members}\n");
        self.events.extend_from_slice(line.as_bytes());
    }
}

/// Makes payloads.
struct Maker {
    chance: Chance,
    /// Noise that is repeated at any distance, also from message to message.
    pool: Vec<u8>,
}

impl Maker {
    fn new() -> Maker {
        let mut chance = Chance(0x5eed);
        let pool = (0..40_000).map(|_| chance.next() as u8).collect();
        Maker { chance, pool }
    }

    /// Mostly small: frames of all forms are to be many, and the bytes few.
    fn size(&mut self) -> usize {
        let most = match self.chance.below(2000) {
            0..10 => return EDGES[self.chance.below(EDGES.len())],
            10..1200 => 125,
            1200..1957 => 1_000,
            1957..1997 => 16_000,
            _ => MAX,
        };
        self.chance.below(most + 1)
    }

    /// Words, and no more than `size` bytes of them.
    fn text(&mut self, size: usize) -> String {
        let mut text = String::new();
        while text.len() < size {
            text.push_str(WORDS[self.chance.below(WORDS.len())]);
        }
        text.truncate(text.floor_char_boundary(size));
        text.extend(std::iter::repeat_n('.', size - text.len()));
        text
    }

    /// Does not compress.
    fn noise(&mut self, size: usize) -> Vec<u8> {
        (0..size).map(|_| self.chance.next() as u8).collect()
    }

    /// Compresses, the better the larger the window is.
    fn repeats(&mut self, size: usize) -> Vec<u8> {
        let mut data = Vec::with_capacity(size);
        while data.len() < size {
            let len = (3 + self.chance.below(300)).min(size - data.len());
            let at = self.chance.below(self.pool.len() - len);
            data.extend_from_slice(&self.pool[at..at + len]);
        }
        data
    }
}

/// SplitMix64, for it is the same everywhere and for ever.
pub(crate) struct Chance(pub(crate) u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}
