//! Round-trip times: minimum, maximum, and the median in bounded memory. Pure.

use std::time::Duration;

use crate::event::RoundTrips;

/// Maximum number of samples. Beyond that, every second one is dropped, and from then on only every
/// second new one is kept: the median stays that of an even selection over the whole run.
const KEPT: usize = 1024;

#[derive(Clone, Debug)]
pub struct Rtts {
    count: u64,
    min: Duration,
    max: Duration,
    kept: Vec<Duration>,
    /// Only every n-th sample is kept.
    stride: u64,
}

impl Default for Rtts {
    fn default() -> Self {
        Rtts {
            count: 0,
            min: Duration::MAX,
            max: Duration::ZERO,
            kept: Vec::new(),
            stride: 1,
        }
    }
}

impl Rtts {
    pub fn push(&mut self, rtt: Duration) {
        self.min = self.min.min(rtt);
        self.max = self.max.max(rtt);
        if self.count.is_multiple_of(self.stride) {
            if self.kept.len() == KEPT {
                let mut index = 0;
                self.kept.retain(|_| {
                    index += 1;
                    index % 2 == 1
                });
                self.stride *= 2;
            }
            if self.count.is_multiple_of(self.stride) {
                self.kept.push(rtt);
            }
        }
        self.count += 1;
    }

    /// `None` before the first sample.
    pub fn summary(&self) -> Option<RoundTrips> {
        let mut kept = self.kept.clone();
        kept.sort_unstable();
        let median = *kept.get(kept.len().checked_sub(1)? / 2)?;
        Some(RoundTrips {
            count: self.count,
            min: self.min,
            median,
            max: self.max,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(millis: impl IntoIterator<Item = u64>) -> Option<(u64, u128, u128, u128)> {
        let mut rtts = Rtts::default();
        for rtt in millis {
            rtts.push(Duration::from_millis(rtt));
        }
        assert!(rtts.kept.len() <= KEPT);
        rtts.summary().map(|of| {
            (
                of.count,
                of.min.as_millis(),
                of.median.as_millis(),
                of.max.as_millis(),
            )
        })
    }

    #[test]
    fn few_samples_are_exact_and_many_approximate() {
        assert_eq!(summary([]), None);
        assert_eq!(summary([7]), Some((1, 7, 7, 7)));
        assert_eq!(summary([9, 1, 5]), Some((3, 1, 5, 9)));
        let (count, min, median, max) = summary((1..=100_001).rev()).unwrap();
        assert_eq!((count, min, max), (100_001, 1, 100_001));
        assert!((49_500..50_500).contains(&median), "{median}");
    }
}
