//! The options of a run that `/save` writes into a script: those without which its messages mean something
//! else, or the server is not reached, as they were typed. Files are left out, as a script reads only
//! those beside it.

use clap::ValueEnum;

use crate::cli::args::ClientArgs;
use crate::session::answers::split;

/// The long names of the options, and their values.
pub(super) fn options(args: &ClientArgs) -> Vec<(&'static str, Option<String>)> {
    let split = args.records.split.and_then(|it| it.to_possible_value());
    let values = [
        ("encode", args.decoding.encode.clone()),
        ("decode", args.decoding.decode.clone()),
        ("split", split.map(|it| it.get_name().to_owned())),
    ];
    let values = values.into_iter().chain(request(args)).chain(route(args));
    let values = values.filter_map(|(name, value)| Some((name, Some(value?))));
    // Messages that wait for none are steps of the script, at the place where they were sent.
    let waits = args.send.on_open.iter().any(|text| split::waits(text));
    let opening = args.send.on_open.iter().filter(|_| waits);
    let opening = opening.map(|text| ("on-open", Some(text.clone())));
    let flags = flags(args).into_iter().map(|name| (name, None));
    flags.chain(values).chain(opening).collect()
}

/// What the request says besides its headers.
fn request(args: &ClientArgs) -> Vec<(&'static str, Option<String>)> {
    let request = [
        ("origin", args.request.origin.clone()),
        ("user-agent", args.request.user_agent.clone()),
    ];
    let cookies = args.cookies.cookies.iter().filter(|it| it.contains('='));
    let cookies = cookies.map(|it| ("cookie", Some(it.clone())));
    request.into_iter().chain(cookies).collect()
}

/// What leads to the server.
fn route(args: &ClientArgs) -> Vec<(&'static str, Option<String>)> {
    let network = &args.network;
    let each = |name, values: &[String]| -> Vec<_> {
        values.iter().map(|it| (name, Some(it.clone()))).collect()
    };
    [
        each("resolve", &network.resolve),
        each("connect-to", &network.connect_to),
        vec![
            ("unix-socket", network.unix_socket.clone()),
            ("abstract-unix-socket", network.abstract_unix_socket.clone()),
        ],
    ]
    .concat()
}

/// Options without a value.
fn flags(args: &ClientArgs) -> Vec<&'static str> {
    let flags = [
        ("insecure", args.tls.insecure),
        ("http2", args.http.http2),
        ("http2-only", args.http.http2_only),
        ("http2-prior-knowledge", args.http.http2_prior_knowledge),
        ("location", args.cookies.location),
        ("no-compress", args.wire.deflate.no_compress),
    ];
    let given = flags.into_iter().filter(|it| it.1);
    given.map(|it| it.0).collect()
}
