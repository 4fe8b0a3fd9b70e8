//! The options of a run that `/save` writes into a script: those without which its messages mean something
//! else, as they were typed.

use clap::ValueEnum;

use crate::cli::args::ClientArgs;
use crate::session::answers::split;

/// The long names of the options, and their values.
pub(super) fn options(args: &ClientArgs) -> Vec<(&'static str, String)> {
    let split = args.records.split.and_then(|it| it.to_possible_value());
    let values = [
        ("encode", args.decoding.encode.clone()),
        ("decode", args.decoding.decode.clone()),
        ("split", split.map(|it| it.get_name().to_owned())),
    ];
    let values = values
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    // Messages that wait for none are steps of the script, at the place where they were sent.
    let waits = args.send.on_open.iter().any(|text| split::waits(text));
    let opening = args.send.on_open.iter().filter(|_| waits);
    let opening = opening.map(|text| ("on-open", text.clone()));
    values.chain(opening).collect()
}
