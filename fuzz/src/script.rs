//! Scripts from strangers: any text as a `.wst` file.

use wirecat::internals::output::sanitize::find_dangerous;
use wirecat::internals::script::ast::{At, File, Span, Test};
use wirecat::internals::script::excerpt::render;
use wirecat::internals::script::names::undefined;
use wirecat::internals::script::parse::{Allowed, Error, parse, parse_included};

const OPTIONS: &[&str] = &["token", "token-message", "no-compress", "on-open", "resume"];

/// Input: the text of a script, and of a file that another one includes.
///
/// # Panics
/// Where the parser does, or an error is not fit to be printed.
pub fn run(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let allowed = Allowed {
        options: OPTIONS,
        any_path: false,
    };
    match parse(&text, allowed) {
        Ok(file) => check_file(&text, &file),
        Err(errors) => check_errors(&text, &errors),
    }
    match parse_included(&text, Allowed::default()) {
        Ok(steps) => {
            let name = At::new(String::new(), Span::default());
            let tests = vec![Test { name, steps }];
            check_file(&text, &File { tests });
        }
        Err(errors) => check_errors(&text, &errors),
    }
}

fn check_errors(text: &str, errors: &[Error]) {
    assert!(!errors.is_empty() && errors.len() <= 20);
    let places = errors
        .iter()
        .map(|error| (error.span.line, error.span.column));
    assert!(places.is_sorted());
    for error in errors {
        check_span(text, error.span);
        let shown = render(
            "f",
            text,
            error.span,
            &error.message,
            error.advice.as_deref(),
        );
        assert_eq!(find_dangerous(&shown.replace('\n', "")), None, "{shown}");
        assert!(shown.len() < 4000, "{shown}");
    }
}

fn check_file(text: &str, file: &File) {
    for name in undefined(file, &|name| name.len() == 1) {
        check_span(text, name.span);
    }
}

/// The place is one of the text.
fn check_span(text: &str, span: Span) {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let lines = text.lines().count().max(1);
    assert!(span.line >= 1 && span.line as usize <= lines, "{span:?}");
    let line = text.lines().nth(span.line as usize - 1).unwrap_or_default();
    let length = line.chars().count().max(1);
    assert!(span.column >= 1 && span.width >= 1, "{span:?}");
    assert!(
        (span.column + span.width) as usize <= length + 2,
        "{span:?} in {line:?}"
    );
}
