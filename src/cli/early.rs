//! What is printed without any options to go by: the help or the version, a usage error, and an error
//! that no front end was there to show.

use std::time::Duration;

use super::world::World;
use crate::error::{Error, Exit};
use crate::event::Event;
use crate::io::stdio;
use crate::output::{Options, Renderer, sanitize, style};
use crate::secret::Redactor;

/// Prints what clap returns instead of arguments: a usage error to stderr, or the help or version that
/// was requested to stdout.
pub fn print_parse_error(world: &World, error: &clap::Error) -> Exit {
    let to_stderr = error.use_stderr();
    let tty = match to_stderr {
        true => world.stderr_tty,
        false => world.stdout_tty,
    };
    let text = error.render();
    let mut shown = Vec::new();
    if to_stderr && tty && quotes_hostile(world) {
        sanitize::lines(&text.to_string(), &mut shown);
    } else if color(world, tty) {
        shown.extend_from_slice(text.ansi().to_string().as_bytes());
    } else {
        shown.extend_from_slice(text.to_string().as_bytes());
    }
    if to_stderr {
        stdio::print(stdio::stderr(), &shown);
        Exit::Usage
    } else {
        stdio::print(stdio::stdout(), &shown);
        Exit::Ok
    }
}

/// Prints an error that arose before there was a front end, or after its end.
pub fn complain(world: &World, error: &Error) {
    print_event(world, &Event::Error(error));
}

/// Prints a note where there is no front end.
pub fn note(world: &World, note: &str) {
    print_event(world, &Event::Note(note));
}

fn print_event(world: &World, event: &Event<'_>) {
    let options = Options {
        stderr_tty: world.stderr_tty,
        stderr_color: color(world, world.stderr_tty),
        ..Options::plain()
    };
    let mut notices = Vec::new();
    Renderer::new(options, Redactor::default()).render(
        Duration::ZERO,
        event,
        &mut Vec::new(),
        &mut notices,
    );
    stdio::print(stdio::stderr(), &notices);
}

/// Whether what is printed before there are options is coloured.
fn color(world: &World, tty: bool) -> bool {
    let variable = |name: &str| world.variable(name);
    style::decide(style::ColorChoice::Auto, &variable, tty)
}

/// Whether an argument, which a usage error may quote, holds what a terminal would act on.
fn quotes_hostile(world: &World) -> bool {
    let mut arguments = world.arguments.iter().map(|text| text.to_string_lossy());
    arguments.any(|text| sanitize::find_dangerous(&text).is_some())
}
