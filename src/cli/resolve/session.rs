//! How a run stays connected, and what it remembers.

use std::path::PathBuf;

use super::answers::{Replies, text_format};
use super::expressions::compile;
use super::files::Files;
use super::messages::given;
use super::mode::Mode;
use super::variables::Variables;
use super::wire::fragmentation;
use crate::cli::args::StayArgs;
use crate::error::Error;
use crate::session::ack::How;
use crate::session::backoff;
use crate::session::connect::Plan;
use crate::session::keepalive;
use crate::session::reconnect::{self, Codes, CredentialRefresh, When};
use crate::session::resume::file;
use crate::session::resume::vars::ResumeVars;
use crate::session::{self, policy};

/// Maximum number of payload bytes of a frame that `-vvv` shows.
const DUMPED: usize = 64 * 1024;

pub(super) fn session(
    mode: &Mode<'_>,
    plan: &Plan,
    variables: &Variables,
    files: &mut Files,
) -> Result<session::Options, Error> {
    let (args, stay) = (mode.args, &mode.args.stay);
    let heartbeat = stay.keepalive.heartbeat.as_slice();
    let (memory, state) = memory(stay)?;
    let decode = super::decoding::decode(args, variables, files)?;
    let encode = super::decoding::encode(args, variables, files)?;
    let format = text_format(args.send.escapes);
    let heartbeat = given(heartbeat, "--heartbeat", format, variables, files)?.pop();
    let mut replies = Replies {
        escapes: args.send.escapes,
        variables,
        memory: &memory,
        files,
    };
    let (opening, answers) = (replies.opening(&args.send)?, replies.rules(&args.send)?);
    Ok(session::Options {
        keepalive: keepalive::Options {
            close_timeout: args.time.close_timeout,
            ping_interval: mode.ping_interval,
            ping_timeout: stay.keepalive.ping_timeout,
            heartbeat: stay
                .keepalive
                .heartbeat
                .as_ref()
                .map(|_| stay.keepalive.heartbeat_interval)
                .filter(|interval| !interval.is_zero()),
        },
        max_message_size: args.wire.max_message_size,
        deflate_level: args.wire.deflate.deflate_level,
        fragmentation: fragmentation(&args.wire),
        trace: match args.output.verbose {
            0 | 1 => None,
            2 => Some(0),
            _ => Some(DUMPED),
        },
        policy: policy::Options::default(),
        decode,
        encode,
        split: args.records.split.map(Into::into),
        reports_skipped: mode.interactive,
        reports_lines: mode.interactive,
        variables: variables.environment(super::programs::lines(&args.programs)),
        program: super::programs::run(&args.programs, mode.interactive)?,
        shares_json: false,
        auto_pong: !stay.keepalive.no_auto_pong,
        mirror: args.wire.mirror,
        heartbeat,
        opening,
        answers,
        report_uncertain: mode.reconnects == When::Always && !mode.interactive,
        reconnect: reconnect(stay, mode.reconnects, plan),
        confirm: confirm(stay.confirm.as_deref())?,
        counts_replies: args.send.lockstep,
        outbox: stay.outbox,
        memory,
        state,
    })
}

fn reconnect(args: &StayArgs, when: When, plan: &Plan) -> reconnect::Options {
    let codes = |lists: &[Codes]| {
        let mut all = Codes::default();
        lists.iter().cloned().for_each(|list| all.extend(list));
        all
    };
    reconnect::Options {
        when,
        limit: args.reconnect.flatten(),
        max_time: args.reconnect_max_time.filter(|time| !time.is_zero()),
        backoff: backoff::Options {
            base: args.reconnect_delay,
            max: args.reconnect_max_delay,
            jitter: args.reconnect_jitter.into(),
        },
        on: codes(&args.reconnect_on),
        never_on: codes(&args.no_reconnect_on),
        renewal: match plan.credentials.is_renewable() || plan.source.is_some() {
            true => CredentialRefresh::Renewable,
            false => CredentialRefresh::Fixed,
        },
    }
}

fn confirm(how: Option<&str>) -> Result<Option<How>, Error> {
    Ok(match how {
        None => None,
        Some("pong") => Some(How::Pong),
        Some("reply") => Some(How::Reply),
        Some(expression) => compile("--confirm", Some(expression))?.map(How::Number),
    })
}

/// The values to resume with, and the file that stores them.
fn memory(args: &StayArgs) -> Result<(ResumeVars, Option<PathBuf>), Error> {
    let mut memory = ResumeVars::default();
    for definition in &args.resume {
        memory.add(definition)?;
    }
    let state = args.state.as_ref();
    let state = state.map(|path| file::load(path, &mut memory));
    Ok((memory, state.transpose()?))
}
