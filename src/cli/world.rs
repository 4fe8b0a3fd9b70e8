//! The one place that looks at the world: arguments, environment, terminals. A test builds one by
//! hand.

use std::collections::HashMap;
use std::ffi::OsString;
use std::io::IsTerminal;

/// What the program was started with.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// With the program's own name first.
    pub arguments: Vec<OsString>,
    /// Variables whose name and value are UTF-8.
    pub environment: HashMap<String, String>,
    pub stdin_tty: bool,
    pub stdout_tty: bool,
    pub stderr_tty: bool,
}

impl World {
    /// Looks, once.
    pub fn capture() -> World {
        let utf8 = |(name, value): (OsString, OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        World {
            arguments: std::env::args_os().collect(),
            environment: std::env::vars_os().filter_map(utf8).collect(),
            stdin_tty: std::io::stdin().is_terminal(),
            stdout_tty: std::io::stdout().is_terminal(),
            stderr_tty: std::io::stderr().is_terminal(),
        }
    }

    /// A variable that is set and not empty.
    pub fn variable(&self, name: &str) -> Option<String> {
        self.environment
            .get(name)
            .filter(|value| !value.is_empty())
            .cloned()
    }
}
