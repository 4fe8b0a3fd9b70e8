//! The options of what binary messages say, as typed.

use clap::Args;

#[derive(Debug, Default, Args)]
pub struct DecodingArgs {
    /// Decode received binary messages: msgpack, cbor, protobuf, protobuf:FILE#TYPE, gzip, zlib,
    /// zlib-stream, zstd, cmd:COMMAND, or several with the outermost first: gzip+msgpack
    ///
    /// Output, --filter, --until, --answer, --confirm, --resume and the prompt get JSON or text in place
    /// of the message; --json has it as "decoded" beside "data". protoc --include_imports
    /// --descriptor_set_out writes FILE. COMMAND gets each message on its stdin, and prints what it says.
    /// A message that does not decode is shown as it is.
    #[arg(
        long,
        value_name = "FORM",
        help_heading = "Output",
        hide_short_help = true
    )]
    pub decode: Option<String>,

    /// Encode the text messages that are sent, and send them as binary ones: msgpack, cbor,
    /// protobuf:FILE#TYPE, gzip, zlib, zlib-stream, zstd, cmd:COMMAND, or several as with --decode
    #[arg(
        long,
        value_name = "FORM",
        conflicts_with_all = ["binary", "hex", "base64"],
        help_heading = "What to send",
        hide_short_help = true
    )]
    pub encode: Option<String>,
}
