//! The parts of the crate that tests, benchmarks and fuzz targets use, by their paths inside the
//! crate. It is not an API: everything else is private, so that the compiler reports unused code.

pub mod asciicast {
    pub use crate::asciicast::{Size, text, write};
}

pub mod auth {
    pub mod placement {
        pub use crate::auth::placement::ResolvedCredentials;
    }
}

pub mod cli {
    pub use crate::cli::{ENVIRONMENT, EXAMPLES, command, parse};
    pub mod args {
        pub use crate::cli::args::Generate;
    }
    pub mod generate {
        pub use crate::cli::generate::{COMPLETIONS, generate};
    }
    pub mod resolve {
        pub use crate::cli::resolve::job;
    }
    pub mod world {
        pub use crate::cli::world::World;
    }
}

pub mod close {
    pub use crate::close::Close;
}

pub mod decode {
    pub use crate::decode::{Decoder, Options, Tally};
    pub mod chain {
        pub use crate::decode::chain::Chain;
    }
}

pub mod encode {
    pub use crate::encode::Encoder;
}

pub mod error {
    pub use crate::error::EXITS;
}

pub mod event {
    pub use crate::event::{Event, TracedFrame, Volume};
}

pub mod handshake {
    pub mod request {
        pub use crate::handshake::request::{Options, build};
    }
    pub mod response {
        pub use crate::handshake::response::accept_for;
    }
}

pub mod har {
    pub mod read {
        pub use crate::har::read::{Entry, read};
    }
    pub mod write {
        pub use crate::har::write::write;
    }
}

pub mod json {
    pub mod string {
        pub use crate::json::string::escape_line_ends;
    }
}

pub mod message {
    pub use crate::message::Message;
}

pub mod output {
    pub use crate::output::{Format, Options, Renderer};
    pub mod sanitize {
        pub use crate::output::sanitize::{find_dangerous, lines};
    }
}

pub mod payload {
    pub use crate::payload::InputFormat;
}

pub mod pipe {
    pub mod framing {
        pub use crate::pipe::framing::{Framer, Framing, Item};
    }
}

pub mod record {
    pub mod connection {
        pub use crate::record::connection::{Connection, What};
    }
    pub mod recording {
        pub use crate::record::recording::{read, write};
    }
}

pub mod repl {
    pub mod commands {
        pub use crate::repl::commands::help;
        pub mod frame {
            pub use crate::repl::commands::frame::HELP;
            pub use crate::wire::frame_words::parse;
        }
    }
}

pub mod script {
    pub mod ast {
        pub use crate::script::ast::{At, File, Span, Test};
    }
    pub mod excerpt {
        pub use crate::script::excerpt::render;
    }
    pub mod names {
        pub use crate::script::names::undefined;
    }
    pub mod convert {
        pub use crate::script::convert::script;
    }
    pub mod http_file {
        pub use crate::script::http_file::{environment, parse};
    }
    pub mod parse {
        pub use crate::script::parse::{Allowed, Error, parse, parse_included};
    }
    pub mod print {
        pub use crate::script::print::to_script;
    }
}

pub mod secret {
    pub use crate::secret::Redactor;
}

pub mod serve {
    pub use crate::handshake::guard;
    pub use crate::serve::{Options, heartbeat, limits, run};
    pub mod simulation {
        pub use crate::serve::simulation::Server;
    }
    pub mod hub {
        pub use crate::serve::hub::{Options, SlowClient, Tokens};
        pub mod simulation {
            pub use crate::serve::hub::simulation::{Seen, Simulation};
        }
    }
    pub mod endpoints {
        pub use crate::serve::endpoints::help;
    }
    pub mod faults {
        pub use crate::serve::faults::{Deflate, FAULTS, Fault, listing};
    }
    pub mod handshake_faults {
        pub use crate::serve::handshake_faults::{HANDSHAKE_FAULTS, listing};
    }
}

pub mod uri {
    pub use crate::uri::Target;
}

pub mod wire {
    pub mod deflate {
        pub use crate::wire::deflate::{Deflater, Garbage, Inflated, Inflater};
    }
    pub mod extension {
        pub use crate::wire::extension::Options;
    }
    pub mod fragments {
        pub use crate::wire::fragments::{Fragmentation, Fragments};
    }
    pub mod frame {
        pub use crate::wire::frame::{
            BINARY, CONTINUATION, FrameHeader, LengthForm, PING, PONG, TEXT,
        };
    }
    pub mod inbound {
        pub use crate::wire::inbound::{Inbound, Options};
    }
    pub mod mask {
        pub use crate::wire::mask::apply;
    }
    pub mod outbound {
        pub use crate::wire::outbound::{Options, Outbound};
    }
    pub mod validate {
        pub use crate::wire::validate::{Options, Role, Violation};
    }
}
