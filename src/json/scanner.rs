//! Finds the JSON values in a byte stream. Pure.

/// Finds the end of a JSON value without checking it; the parser checks it afterwards.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scanner {
    /// Where the value begins.
    start: Option<usize>,
    depth: u32,
    in_string: bool,
    escaped: bool,
    /// A number or word, which ends where anything else begins.
    scalar: bool,
}

impl Scanner {
    /// Where the value begins, once it has begun.
    pub fn start(&self) -> Option<usize> {
        self.start
    }

    /// Continues in `buffer` at `from`, and returns the end of the value once it has arrived.
    pub fn scan(&mut self, buffer: &[u8], from: usize) -> Option<usize> {
        for (at, &byte) in buffer.iter().enumerate().skip(from) {
            if self.start.is_none() {
                // RFC 7464 puts a record separator before each value.
                if byte.is_ascii_whitespace() || byte == 0x1e {
                    continue;
                }
                self.begin(at, byte);
                continue;
            }
            if self.scalar
                && (byte.is_ascii_whitespace() || matches!(byte, b'{' | b'[' | b'"' | 0x1e))
            {
                return Some(at);
            }
            if self.step(byte) {
                return Some(at + 1);
            }
        }
        None
    }

    fn begin(&mut self, at: usize, byte: u8) {
        self.start = Some(at);
        match byte {
            b'{' | b'[' => self.depth = 1,
            b'"' => self.in_string = true,
            _ => self.scalar = true,
        }
    }

    /// Whether `byte` ends the value.
    fn step(&mut self, byte: u8) -> bool {
        if self.in_string {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => {
                    self.in_string = false;
                    return self.depth == 0;
                }
                _ => {}
            }
            return false;
        }
        match byte {
            b'"' if !self.scalar => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' if !self.scalar => {
                self.depth -= 1;
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }
}

/// The parser's error message without its position. A word that is none of `true`, `false` and `null` is
/// as wrong as any other character.
pub fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let words = text.rsplit_once(" at line ").map(|(words, _)| words);
    words
        .unwrap_or(&text)
        .replace("expected ident", "expected value")
}
