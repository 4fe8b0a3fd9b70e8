//! The delay before the next attempt: truncated exponential back-off with jitter (RFC 6455 §7.2.3;
//! the four kinds are those of the AWS simulator, aws-arch-backoff-simulator). Pure: randomness is
//! an argument.

use std::time::Duration;

use rand::{Rng, RngExt};

/// The kind of jitter. `v` is `min(max, base * 2^n)` before the retry `n + 1`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Jitter {
    /// `v/2 + random(0, v/2)`: spread out, but never immediate.
    #[default]
    Equal,
    /// `random(0, v)`
    Full,
    /// `min(max, random(base, 3 * the previous delay))`
    Decorrelated,
    /// `v`
    None,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Options {
    pub base: Duration,
    pub max: Duration,
    pub jitter: Jitter,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            base: Duration::from_millis(500),
            max: Duration::from_secs(20),
            jitter: Jitter::Equal,
        }
    }
}

/// The delays of one series of retries.
#[derive(Clone, Debug)]
pub struct Backoff {
    options: Options,
    retries: u32,
    last: Duration,
}

impl Backoff {
    pub fn new(options: Options) -> Self {
        Backoff {
            options,
            retries: 0,
            last: options.base,
        }
    }

    /// Delays returned since the start or the last reset.
    pub fn retries(&self) -> u32 {
        self.retries
    }

    /// Resets after a connection that held: the next delay is the first again.
    pub fn reset(&mut self) {
        *self = Backoff::new(self.options);
    }

    /// Returns the delay before the next attempt.
    pub fn next(&mut self, rng: &mut impl Rng) -> Duration {
        let Options { base, max, jitter } = self.options;
        let whole = base
            .saturating_mul(2_u32.saturating_pow(self.retries))
            .min(max);
        let delay = match jitter {
            Jitter::None => whole,
            Jitter::Full => between(Duration::ZERO, whole, rng),
            Jitter::Equal => between(whole / 2, whole, rng),
            Jitter::Decorrelated => {
                let most = self.last.saturating_mul(3);
                between(base.min(most), most, rng).min(max)
            }
        };
        self.retries = self.retries.saturating_add(1);
        self.last = delay;
        delay
    }
}

fn between(least: Duration, most: Duration, rng: &mut impl Rng) -> Duration {
    least + (most - least).mul_f64(rng.random::<f64>())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::SeedableRng;
    use rand::rngs::SmallRng;

    const MS: Duration = Duration::from_millis(1);

    fn options(jitter: Jitter) -> Options {
        Options {
            jitter,
            ..Options::default()
        }
    }

    /// The first `count` delays of a client with this seed.
    fn delays(jitter: Jitter, seed: u64, count: usize) -> Vec<Duration> {
        let mut rng = SmallRng::seed_from_u64(seed);
        let mut backoff = Backoff::new(options(jitter));
        (0..count).map(|_| backoff.next(&mut rng)).collect()
    }

    #[test]
    fn without_jitter_delays_double_up_to_the_limit() {
        let millis: Vec<u128> = delays(Jitter::None, 0, 8)
            .iter()
            .map(Duration::as_millis)
            .collect();
        assert_eq!(
            millis,
            [500, 1000, 2000, 4000, 8000, 16_000, 20_000, 20_000]
        );
    }

    #[test]
    fn a_reset_restarts_the_delays_and_many_retries_do_not_overflow() {
        let mut rng = SmallRng::seed_from_u64(1);
        for jitter in [
            Jitter::None,
            Jitter::Equal,
            Jitter::Full,
            Jitter::Decorrelated,
        ] {
            let mut backoff = Backoff::new(options(jitter));
            for _ in 0..10_000 {
                assert!(backoff.next(&mut rng) <= 20_000 * MS, "{jitter:?}");
            }
            assert_eq!(backoff.retries(), 10_000);
            backoff.reset();
            assert_eq!(backoff.retries(), 0);
            assert!(backoff.next(&mut rng) <= 1500 * MS, "{jitter:?}");
        }
        let huge = Options {
            base: Duration::MAX,
            max: Duration::MAX,
            jitter: Jitter::Decorrelated,
        };
        let mut backoff = Backoff::new(huge);
        for _ in 0..3 {
            assert!(backoff.next(&mut rng) <= Duration::MAX);
        }
    }

    #[test]
    fn delays_may_be_zero() {
        let mut rng = SmallRng::seed_from_u64(1);
        let options = Options {
            base: Duration::ZERO,
            ..options(Jitter::Decorrelated)
        };
        assert_eq!(Backoff::new(options).next(&mut rng), Duration::ZERO);
    }

    #[test]
    fn every_delay_is_within_its_formula() {
        for seed in 0..500 {
            let all = delays(Jitter::None, seed, 8);
            for (delay, whole) in delays(Jitter::Equal, seed, 8).iter().zip(&all) {
                assert!((*whole / 2..=*whole).contains(delay));
            }
            for (delay, whole) in delays(Jitter::Full, seed, 8).iter().zip(&all) {
                assert!(delay <= whole);
            }
            let mut before = 500 * MS;
            for delay in delays(Jitter::Decorrelated, seed, 8) {
                let most = (before * 3).min(20_000 * MS);
                assert!(((500 * MS).min(most)..=most).contains(&delay));
                before = delay;
            }
        }
    }

    /// The largest distance between the distribution of the samples and a uniform one over the
    /// range (Kolmogorov and Smirnov).
    fn unevenness(mut samples: Vec<f64>, least: f64, most: f64) -> f64 {
        samples.sort_by(f64::total_cmp);
        let count = samples.len() as f64;
        let distance = |(index, sample): (usize, &f64)| {
            let expected = (sample - least) / (most - least);
            let (below, above) = (index as f64 / count, (index + 1) as f64 / count);
            (expected - below).abs().max((expected - above).abs())
        };
        samples.iter().enumerate().map(distance).fold(0.0, f64::max)
    }

    #[test]
    fn a_thousand_clients_reconnect_spread_out() {
        for (jitter, least, most) in [
            (Jitter::Equal, 250.0, 500.0),
            (Jitter::Full, 0.0, 500.0),
            (Jitter::Decorrelated, 500.0, 1500.0),
        ] {
            let firsts: Vec<f64> = (0..1000)
                .map(|seed| delays(jitter, seed, 1)[0].as_secs_f64() * 1000.0)
                .collect();
            let mut slots = [0; 10];
            for first in &firsts {
                let slot = (first - least) / (most - least) * 10.0;
                slots[(slot as usize).min(9)] += 1;
            }
            let unevenness = unevenness(firsts, least, most);
            println!("{jitter:?}: {least} to {most} ms in tenths: {slots:?}, KS {unevenness:.3}");
            // Above 1.95 / sqrt(1000) in one of a thousand uniform samples.
            assert!(unevenness < 0.062, "{jitter:?}: {unevenness}");
        }
    }
}
