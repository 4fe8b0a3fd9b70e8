//! Lists of close codes and HTTP statuses, as `--reconnect-on` takes them, and the sets that application
//! protocols have defined. Pure.

use std::fmt;
use std::time::Duration;

use crate::units;

/// The first and the last code of a range.
type Range = (u16, u16);

/// Close codes, ranges of them, HTTP statuses and named sets.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Codes {
    ranges: Vec<Range>,
    sets: Vec<&'static CodeSet>,
}

/// What the clients of an application protocol do after a close code.
#[derive(Debug, PartialEq, Eq)]
pub struct CodeSet {
    pub name: &'static str,
    /// Another connection is wanted.
    retry: &'static [Range],
    /// Of those, the ones after which a client waits for a second at least.
    slow: &'static [Range],
    /// Another connection would end in the same way.
    stop: &'static [Range],
}

/// The shortest delay after a code that asks for one.
const SLOW: Duration = Duration::from_secs(1);

/// The sets by name.
const SETS: &[CodeSet] = &[
    // https://pusher.com/docs/channels/library_auth_reference/pusher-websockets-protocol/#error-codes
    CodeSet {
        name: "pusher",
        retry: &[(4100, 4299)],
        slow: &[(4100, 4199)],
        stop: &[(4000, 4099)],
    },
    // https://discord.com/developers/docs/topics/opcodes-and-status-codes#gateway
    CodeSet {
        name: "discord",
        retry: &[(4000, 4003), (4005, 4005), (4007, 4009)],
        slow: &[],
        stop: &[(4004, 4004), (4010, 4014)],
    },
    // The close codes of graphql-transport-ws. As in graphql-ws, a client comes back after 4403 and
    // after both timeouts (4408, 4504).
    CodeSet {
        name: "graphql",
        retry: &[(4403, 4403), (4408, 4408), (4504, 4504)],
        slow: &[],
        stop: &[(4004, 4005), (4400, 4499), (4500, 4500)],
    },
    // https://centrifugal.dev/docs/server/codes
    CodeSet {
        name: "centrifugo",
        retry: &[(3000, 3499), (4000, 4499)],
        slow: &[],
        stop: &[(3500, 3999), (4500, 4999)],
    },
    // phoenix.js comes back after every Close that it did not ask for.
    CodeSet {
        name: "phoenix",
        retry: &[(1000, 1015), (3000, 4999)],
        slow: &[],
        stop: &[],
    },
];

impl CodeSet {
    /// Whether the set says that a client does not come back after `code`.
    fn stops(&self, code: u16) -> bool {
        contain(self.stop, code) && !contain(self.retry, code)
    }
}

impl Codes {
    /// Parses `1012,4500-4999,404,discord`.
    ///
    /// # Errors
    /// What to write instead.
    pub fn parse(text: &str) -> Result<Codes, String> {
        let mut codes = Codes::default();
        for item in text.split(',').map(str::trim) {
            match SETS.iter().find(|set| set.name == item) {
                Some(set) => codes.sets.push(set),
                None => codes.ranges.push(range(item)?),
            }
        }
        Ok(codes)
    }

    pub fn extend(&mut self, other: Codes) {
        self.ranges.extend(other.ranges);
        self.sets.extend(other.sets);
    }

    /// Whether `code` is listed by its number.
    pub fn contain(&self, code: u16) -> bool {
        contain(&self.ranges, code)
    }

    /// Whether one of the named sets has a retry after `code`.
    pub fn retry_after(&self, code: u16) -> bool {
        self.sets.iter().any(|set| contain(set.retry, code))
    }

    /// The first named set after whose rule there is no retry after `code`.
    pub fn stopped_by(&self, code: u16) -> Option<&'static str> {
        let mut sets = self.sets.iter();
        sets.find(|set| set.stops(code)).map(|set| set.name)
    }

    /// The shortest delay that one of the named sets wants after `code`.
    pub fn shortest_delay(&self, code: u16) -> Duration {
        let mut sets = self.sets.iter();
        match sets.any(|set| contain(set.slow, code)) {
            true => SLOW,
            false => Duration::ZERO,
        }
    }
}

fn contain(ranges: &[Range], code: u16) -> bool {
    let mut ranges = ranges.iter();
    ranges.any(|(first, last)| (*first..=*last).contains(&code))
}

fn range(item: &str) -> Result<Range, String> {
    let (first, last) = item.split_once('-').unwrap_or((item, item));
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => Ok((first, last)),
        _ => {
            let names: Vec<&str> = SETS.iter().map(|set| set.name).collect();
            Err(format!(
                "'{item}' is not a close code (1000-4999), HTTP status (200-599), a range of them or one of the sets {}",
                names.join(", ")
            ))
        }
    }
}

fn number(text: &str) -> Option<u16> {
    let number = units::digits(text, u16::MAX.into())? as u16;
    matches!(number, 200..=599 | 1000..=4999).then_some(number)
}

impl fmt::Display for Codes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ranges = self.ranges.iter().map(|(first, last)| match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        });
        let names = self.sets.iter().map(|set| set.name.to_owned());
        f.write_str(&ranges.chain(names).collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What a set says of a code: reconnect, reconnect after a second, stop, or nothing.
    fn rule(set: &str, code: u16) -> &'static str {
        let codes = Codes::parse(set).unwrap();
        match (codes.retry_after(code), codes.stopped_by(code)) {
            (true, None) if codes.shortest_delay(code) == SLOW => "slow",
            (true, None) => "retry",
            (false, Some(name)) => {
                assert_eq!(name, set);
                "stop"
            }
            (false, None) => "-",
            (true, Some(_)) => panic!("{set} {code}"),
        }
    }

    #[test]
    fn the_sets_say_what_their_protocols_do() {
        for (set, code, expected) in [
            ("pusher", 4000, "stop"),
            ("pusher", 4099, "stop"),
            ("pusher", 4100, "slow"),
            ("pusher", 4199, "slow"),
            ("pusher", 4200, "retry"),
            ("pusher", 4299, "retry"),
            ("pusher", 4300, "-"),
            ("discord", 4000, "retry"),
            ("discord", 4004, "stop"),
            ("discord", 4006, "-"),
            ("discord", 4009, "retry"),
            ("discord", 4010, "stop"),
            ("discord", 4014, "stop"),
            ("discord", 4015, "-"),
            ("graphql", 4004, "stop"),
            ("graphql", 4400, "stop"),
            ("graphql", 4401, "stop"),
            ("graphql", 4403, "retry"),
            ("graphql", 4406, "stop"),
            ("graphql", 4408, "retry"),
            ("graphql", 4429, "stop"),
            ("graphql", 4500, "stop"),
            ("graphql", 4504, "retry"),
            ("graphql", 1000, "-"),
            ("centrifugo", 3000, "retry"),
            ("centrifugo", 3499, "retry"),
            ("centrifugo", 3500, "stop"),
            ("centrifugo", 3999, "stop"),
            ("centrifugo", 4401, "retry"),
            ("centrifugo", 4500, "stop"),
            ("centrifugo", 4999, "stop"),
            ("phoenix", 1000, "retry"),
            ("phoenix", 1008, "retry"),
            ("phoenix", 4000, "retry"),
        ] {
            assert_eq!(rule(set, code), expected, "{set} {code}");
        }
    }

    #[test]
    fn no_set_says_two_things_of_one_code() {
        for set in SETS {
            for code in 1000..=4999 {
                rule(set.name, code);
            }
        }
    }

    #[test]
    fn names_and_numbers_stand_in_one_list() {
        let codes = Codes::parse("1012, discord,4500-4999 ,pusher").unwrap();
        assert_eq!(codes.to_string(), "1012,4500-4999,discord,pusher");
        assert!(codes.contain(1012) && !codes.contain(4000));
        let error = Codes::parse("discort").unwrap_err();
        assert!(error.contains("pusher, discord, graphql"), "{error}");
    }
}
