//! The parameters of permessage-deflate in one offer or answer (RFC 7692 §7.1), and which answers
//! an offer allows.

use std::fmt;

use super::grammar::{Extension, Parameter};

pub(super) const NAME: &str = "permessage-deflate";
const SERVER_TAKEOVER: &str = "server_no_context_takeover";
const CLIENT_TAKEOVER: &str = "client_no_context_takeover";
const SERVER_BITS: &str = "server_max_window_bits";
const CLIENT_BITS: &str = "client_max_window_bits";

/// The maximum window of DEFLATE (RFC 1951 §2), which is the default.
pub(super) const MAX_BITS: u8 = 15;

/// Whether the parameters are an offer or an answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Side {
    Client,
    Server,
}

/// The parameters of an offer or an answer (RFC 7692 §7.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters {
    pub(super) server_no_context_takeover: bool,
    pub(super) client_no_context_takeover: bool,
    pub(super) server_max_window_bits: Option<u8>,
    /// In an offer it may have no value: the client accepts a limit, but suggests none.
    pub(super) client_max_window_bits: Option<Option<u8>>,
}

impl Parameters {
    pub(super) fn read(extension: &Extension<'_>, by: Side) -> Result<Parameters, String> {
        let mut read = Parameters::default();
        for Parameter { name, value } in &extension.parameters {
            let value = value.as_deref();
            let name = name.to_ascii_lowercase();
            let repeated = match name.as_str() {
                SERVER_TAKEOVER => {
                    let granted = flag(&name, value)?;
                    std::mem::replace(&mut read.server_no_context_takeover, granted)
                }
                CLIENT_TAKEOVER => {
                    let granted = flag(&name, value)?;
                    std::mem::replace(&mut read.client_no_context_takeover, granted)
                }
                SERVER_BITS => {
                    let bits = window_bits(&name, value)?;
                    read.server_max_window_bits.replace(bits).is_some()
                }
                CLIENT_BITS => {
                    let bare = by == Side::Client && value.is_none();
                    let bits = (!bare).then(|| window_bits(&name, value)).transpose()?;
                    read.client_max_window_bits.replace(bits).is_some()
                }
                _ => return Err(wrong(&name, "is not a parameter of permessage-deflate")),
            };
            if repeated {
                return Err(wrong(&name, "appears more than once"));
            }
        }
        Ok(read)
    }

    /// Whether a server may answer this offer in this way.
    pub(super) fn allows(&self, answer: &Parameters) -> Result<(), String> {
        if self.server_no_context_takeover && !answer.server_no_context_takeover {
            return Err(wrong(SERVER_TAKEOVER, "was offered but is not in it"));
        }
        match (self.server_max_window_bits, answer.server_max_window_bits) {
            (Some(most), None) => {
                let why = format!("was offered as {most} but is not in it");
                return Err(wrong(SERVER_BITS, &why));
            }
            (Some(most), Some(bits)) if bits > most => return Err(too_large(SERVER_BITS, most)),
            _ => {}
        }
        match (
            self.client_max_window_bits,
            answer.client_max_window_bits.flatten(),
        ) {
            (None, Some(_)) => Err(wrong(CLIENT_BITS, "was never offered")),
            (Some(Some(most)), Some(bits)) if bits > most => Err(too_large(CLIENT_BITS, most)),
            _ => Ok(()),
        }
    }
}

/// In the form of the header.
impl fmt::Display for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(NAME)?;
        if self.server_no_context_takeover {
            write!(f, "; {SERVER_TAKEOVER}")?;
        }
        if self.client_no_context_takeover {
            write!(f, "; {CLIENT_TAKEOVER}")?;
        }
        if let Some(bits) = self.server_max_window_bits {
            write!(f, "; {SERVER_BITS}={bits}")?;
        }
        match self.client_max_window_bits {
            Some(Some(bits)) => write!(f, "; {CLIENT_BITS}={bits}"),
            Some(None) => write!(f, "; {CLIENT_BITS}"),
            None => Ok(()),
        }
    }
}

fn flag(name: &str, value: Option<&str>) -> Result<bool, String> {
    match value {
        None => Ok(true),
        Some(value) => Err(wrong(name, &format!("takes no value, not '{value}'"))),
    }
}

/// A decimal number without leading zeros (RFC 7692 §7.1.2).
fn window_bits(name: &str, value: Option<&str>) -> Result<u8, String> {
    let Some(value) = value else {
        return Err(wrong(name, "has no value, but needs one from 8 to 15"));
    };
    (8..=MAX_BITS)
        .find(|bits| bits.to_string() == value)
        .ok_or_else(|| wrong(name, &format!("must be 8 to 15, but is '{value}'")))
}

fn too_large(name: &str, most: u8) -> String {
    wrong(name, &format!("may be {most} at most, as offered"))
}

/// A sentence with the section of the RFC.
fn wrong(name: &str, why: &str) -> String {
    let section = match name {
        SERVER_TAKEOVER => "7.1.1.1",
        CLIENT_TAKEOVER => "7.1.1.2",
        SERVER_BITS => "7.1.2.1",
        CLIENT_BITS => "7.1.2.2",
        _ => "7.1",
    };
    format!("{name} {why} (RFC 7692 section {section})")
}
