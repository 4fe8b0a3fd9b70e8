//! Lines that begin with `@`.

use super::error::Error;
use super::mark::given;
use super::state::State;
use super::text::Part;
use crate::script::ast::{At, Given, Step};
use crate::script::excerpt::quoted;
use crate::script::values;
use crate::similar::nearest;

const WORDS: &[&str] = &["@wait", "@repeat", "@end", "@include"];

/// What a line asks for.
pub(super) enum Directive {
    Step(Step),
    Repeat(At<Given<u32>>),
    End,
}

/// Reads a line.
pub(super) fn read(state: &State<'_>, line: Part<'_>) -> Result<Directive, Error> {
    let (word, rest) = line.word();
    let missing = |what: &str, advice: &str| {
        let is_missing = rest.is_empty();
        let error = Error::new(word.span(), what).advice(advice);
        if is_missing { Err(error) } else { Ok(()) }
    };
    let wrong = |why: String| Error::new(rest.span(), why);
    match word.text() {
        "@wait" => {
            missing("there is no time to wait", "@wait 200ms")?;
            let time = given(rest, values::duration).map_err(wrong)?;
            Ok(Directive::Step(Step::Wait(time)))
        }
        "@repeat" => {
            missing("there is no number of times", "@repeat 3")?;
            let times = given(rest, values::times).map_err(wrong)?;
            Ok(Directive::Repeat(times))
        }
        "@include" => {
            missing("there is no file to include", "@include login.wst")?;
            let quoted = rest.strip("\"").and_then(|rest| rest.strip_end("\""));
            let path = quoted.unwrap_or(rest);
            state.check_fixed_path(path.text()).map_err(wrong)?;
            Ok(Directive::Step(Step::Include(path.owned())))
        }
        "@end" if rest.is_empty() => Ok(Directive::End),
        "@end" => Err(wrong("nothing follows @end".to_owned())),
        text => {
            let what = format!("{} is not known", quoted(text));
            let near = nearest(&text.to_lowercase(), WORDS.iter().copied());
            Err(Error::new(word.span(), what).advice(match near {
                Some(near) => format!("did you mean {near}?"),
                None => {
                    "there are @wait, @repeat … @end and @include; put a mark before a text: > @…"
                        .to_owned()
                }
            }))
        }
    }
}
