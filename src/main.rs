//! Captures the world, runs, and ends as the run says.

use std::process::ExitCode;

use signal_hook::consts::{SIGINT, SIGTERM};
use wirecat::cli::world::World;
use wirecat::error::Exit;

fn main() -> ExitCode {
    let exit = wirecat::run(&World::capture());
    // Whoever waits for us shall see the signal itself, as of any program that it killed.
    let signal = match exit {
        Exit::Interrupted => Some(SIGINT),
        Exit::Terminated => Some(SIGTERM),
        _ => None,
    };
    if let Some(signal) = signal {
        let _ = signal_hook::low_level::emulate_default_handler(signal);
    }
    ExitCode::from(exit.code())
}
