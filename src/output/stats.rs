//! Totals and durations for people, for `--stats` and `-v`.
//!
//! All of it is numbers: no text from a peer.

use std::time::Duration;

use crate::error::Exit;
use crate::event::{Delivery, RoundTrips, Timing, Totals, Volume};

/// Appends the table of `--stats`; `t` is the duration of the run.
pub(super) fn push(
    t: Duration,
    exit: Exit,
    totals: &Totals,
    timing: Option<&Timing>,
    out: &mut Vec<u8>,
) {
    let delivery = totals.delivery;
    let several = Some(totals.connections).filter(|count| *count > 1);
    let uncertain = Some(totals.unconfirmed).filter(|count| *count > 0 && delivery.is_none());
    let rows = [
        ("connects", several.map(|count| count.to_string())),
        ("sent", Some(amount(totals.sent, totals.bytes_sent))),
        (
            "received",
            Some(amount(totals.received, totals.bytes_received)),
        ),
        ("wire sent", ratio(totals.compressed_sent)),
        ("wire rcvd", ratio(totals.compressed_received)),
        (
            "confirmed",
            delivery.map(|delivery| confirmed(delivery, totals.unconfirmed)),
        ),
        (
            "repeated",
            delivery.map(|delivery| delivery.repeated.to_string()),
        ),
        ("uncertain", uncertain.map(|count| count.to_string())),
        ("rtt", totals.round_trips.map(round_trips)),
        ("duration", Some(format!("{:.3} s", t.as_secs_f64()))),
        ("timings", timing.and_then(steps)),
        ("exit", Some(exit.code().to_string())),
    ];
    for (label, value) in rows {
        if let Some(value) = value {
            out.extend_from_slice(format!("{label:<10}{value}\n").as_bytes());
        }
    }
}

fn confirmed(delivery: Delivery, unconfirmed: u64) -> String {
    let Delivery { confirmed, .. } = delivery;
    match unconfirmed {
        0 => confirmed.to_string(),
        some => format!("{confirmed}, {some} unconfirmed"),
    }
}

/// `min 0.1 ms, median 0.2 ms, max 3.0 ms (12 pings)`
pub fn round_trips(times: RoundTrips) -> String {
    let RoundTrips {
        count,
        min,
        median,
        max,
    } = times;
    let plural = if count == 1 { "" } else { "s" };
    format!(
        "min {}, median {}, max {} ({count} ping{plural})",
        millis(min),
        millis(median),
        millis(max)
    )
}

/// `30 bytes for 100, ratio 0.300`; nothing if nothing was compressed.
fn ratio(volume: Volume) -> Option<String> {
    let Volume { wire, plain } = volume;
    let ratio = wire as f64 / plain.max(1) as f64;
    (wire > 0).then(|| format!("{wire} bytes compressed from {plain}, ratio {ratio:.3}"))
}

/// `dns 1.0 ms, tcp 2.0 ms`
pub(super) fn steps(timing: &Timing) -> Option<String> {
    let shown: Vec<_> = timing
        .steps()
        .map(|(name, took)| format!("{name} {}", millis(took)))
        .collect();
    (!shown.is_empty()).then(|| shown.join(", "))
}

pub(super) fn millis(took: Duration) -> String {
    format!("{:.1} ms", took.as_secs_f64() * 1000.0)
}

fn amount(messages: u64, bytes: u64) -> String {
    let plural = |n| if n == 1 { "" } else { "s" };
    format!(
        "{messages} message{}, {bytes} byte{}",
        plural(messages),
        plural(bytes)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_lines_up() {
        let totals = Totals {
            sent: 3,
            received: 1,
            bytes_sent: 11,
            bytes_received: 1,
            ..Totals::default()
        };
        let timing = Timing::from([
            ("dns", Duration::from_millis(1)),
            ("tls", Duration::from_micros(30_040)),
            ("upgrade", Duration::from_millis(10)),
        ]);
        let table = |timing| {
            let mut out = Vec::new();
            push(
                Duration::from_secs(9),
                Exit::Refused,
                &totals,
                timing,
                &mut out,
            );
            String::from_utf8(out).unwrap()
        };
        let before =
            "sent      3 messages, 11 bytes\nreceived  1 message, 1 byte\nduration  9.000 s\n";
        let steps = "timings   dns 1.0 ms, tls 30.0 ms, upgrade 10.0 ms\n";
        assert_eq!(
            table(Some(&timing)),
            format!("{before}{steps}exit      22\n")
        );
        assert_eq!(table(None), format!("{before}exit      22\n"));
    }
}
