//! Captures the environment, runs the program, and exits with its code.

use std::process::ExitCode;

use wirecat::{Exit, World};

fn main() -> ExitCode {
    let exit = wirecat::run(&World::capture());
    raise_again(exit);
    ExitCode::from(exit.code())
}

/// Raises the signal again, so that the parent process sees death by signal.
#[cfg(unix)]
fn raise_again(exit: Exit) {
    use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
    let signal = match exit {
        Exit::Interrupted => SIGINT,
        Exit::Terminated => SIGTERM,
        Exit::HungUp => SIGHUP,
        _ => return,
    };
    // If even that fails, the exit code says the same.
    let _ = signal_hook::low_level::emulate_default_handler(signal);
}

#[cfg(not(unix))]
fn raise_again(_: Exit) {}
