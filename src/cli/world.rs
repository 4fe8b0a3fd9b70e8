//! The one place that reads the process's arguments, environment and terminals. A test builds a
//! `World` itself.

use std::collections::HashMap;
use std::ffi::OsString;
use std::fs::File;
use std::io::{IsTerminal, Read};

use crate::io::terminal;

/// The environment that the program was started in.
#[derive(Clone, Debug, Default)]
pub struct World {
    /// The arguments; the first is the program's name.
    pub arguments: Vec<OsString>,
    /// Variables whose name and value are UTF-8.
    pub environment: HashMap<String, String>,
    pub stdin_tty: bool,
    pub stdout_tty: bool,
    pub stderr_tty: bool,
    /// Columns and rows of the terminal on stdout, if known.
    pub terminal_size: Option<(usize, usize)>,
    /// Whether SIGHUP is ignored, as under `nohup`.
    pub hangup_ignored: bool,
    /// Whether the request is only shown: no command is run, and no file is read, for the value of a
    /// secret, and nothing is read that may block.
    pub is_dry_run: bool,
}

impl World {
    /// Captures all of it once.
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
            terminal_size: terminal::size(),
            hangup_ignored: hangup_ignored(),
            is_dry_run: false,
        }
    }

    /// A variable that is set and not empty.
    pub fn variable(&self, name: &str) -> Option<String> {
        self.environment
            .get(name)
            .filter(|value| !value.is_empty())
            .cloned()
    }

    /// The same without the variables that name a proxy.
    pub fn without_proxies(&self) -> World {
        let mut world = self.clone();
        let is_proxy = |name: &String| name.to_ascii_lowercase().ends_with("_proxy");
        world.environment.retain(|name, _| !is_proxy(name));
        world
    }

    /// Whether characters are written as UTF-8 (POSIX: `LC_ALL`, `LC_CTYPE`, `LANG`, the first that
    /// is set). Where none is, as in many containers, the terminal understands UTF-8 all the same.
    pub fn is_utf8(&self) -> bool {
        let locale = ["LC_ALL", "LC_CTYPE", "LANG"]
            .into_iter()
            .find_map(|name| self.variable(name));
        locale.is_none_or(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        })
    }
}

/// Linux reports it here; elsewhere there is no way without `unsafe`, and SIGHUP ends the program.
fn hangup_ignored() -> bool {
    // In one read: the kernel makes the file anew for each, and its size is not known before.
    let mut status = [0; 4096];
    let read = File::open("/proc/self/status").and_then(|mut file| file.read(&mut status));
    let status = String::from_utf8_lossy(&status[..read.unwrap_or_default()]);
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // The lowest bit is that of signal 1.
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .is_some_and(|mask| mask & 1 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_variable_that_is_set_names_the_locale() {
        for (variables, is_utf8) in [
            (&[][..], true),
            (&[("LANG", "C.UTF-8")], true),
            (&[("LANG", "en_US.utf8")], true),
            (&[("LANG", "de_DE.ISO-8859-1")], false),
            (&[("LANG", "en_US.UTF-8"), ("LC_ALL", "C")], false),
            (
                &[("LANG", "C"), ("LC_CTYPE", "en_US.UTF-8"), ("LC_ALL", "")],
                true,
            ),
        ] {
            let variables = variables.iter();
            let environment = variables.map(|(name, value)| (name.to_string(), value.to_string()));
            let world = World {
                environment: environment.collect(),
                ..World::default()
            };
            assert_eq!(world.is_utf8(), is_utf8, "{:?}", world.environment);
        }
    }
}
