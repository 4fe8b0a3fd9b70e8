//! What is wrong with a curl command line, and where in it. Pure.

/// What is wrong with a command line, and where.
#[derive(Debug)]
pub(super) struct Fault {
    /// The offset in the text.
    pub(super) at: usize,
    pub(super) why: String,
    pub(super) advice: Vec<String>,
}

impl Fault {
    pub(super) fn new(at: usize, why: impl Into<String>) -> Fault {
        Fault {
            at,
            why: why.into(),
            advice: Vec::new(),
        }
    }

    pub(super) fn advice(mut self, line: &str) -> Fault {
        self.advice.push(line.to_owned());
        self
    }
}
