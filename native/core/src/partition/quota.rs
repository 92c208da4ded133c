//! How fast replication may go (KIP-73): a bucket of bytes that fills at a rate.

use std::time::Duration;

use parking_lot::Mutex;

/// Bytes of so much time may be moved at once after a pause.
const BURST: Duration = Duration::from_secs(1);

/// A rate that is looked at before bytes move and told of them afterwards: what moves at once may overdraw it, and then
/// nothing more does until the debt is paid.
pub struct RateQuota {
    bucket: Mutex<Bucket>,
}

struct Bucket {
    bytes_per_second: f64,
    /// Negative while in debt.
    bytes: f64,
    filled_at: Duration,
}

impl Default for RateQuota {
    /// Without a bound.
    fn default() -> Self {
        RateQuota { bucket: Mutex::new(Bucket { bytes_per_second: f64::INFINITY, bytes: 0.0, filled_at: Duration::ZERO }) }
    }
}

impl RateQuota {
    /// Infinity for no bound. A new rate counts from `now`, a monotonic time, without the old one's debt.
    pub fn set_rate(&self, bytes_per_second: f64, now: Duration) {
        let mut bucket = self.bucket.lock();
        if bucket.bytes_per_second != bytes_per_second {
            *bucket = Bucket { bytes_per_second, bytes: bytes_per_second * BURST.as_secs_f64(), filled_at: now };
        }
    }

    pub fn is_exceeded(&self, now: Duration) -> bool {
        let mut bucket = self.bucket.lock();
        bucket.fill(now);
        bucket.bytes_per_second.is_finite() && bucket.bytes <= 0.0
    }

    /// How long until bytes may move again; zero where they may now.
    pub fn wait(&self, now: Duration) -> Duration {
        let mut bucket = self.bucket.lock();
        bucket.fill(now);
        if !bucket.bytes_per_second.is_finite() || bucket.bytes > 0.0 {
            return Duration::ZERO;
        }
        let seconds = (1.0 - bucket.bytes) / bucket.bytes_per_second.max(1.0);
        Duration::from_secs_f64(seconds.min(WAIT_MAX.as_secs_f64()))
    }

    pub fn record(&self, bytes: u64, now: Duration) {
        let mut bucket = self.bucket.lock();
        bucket.fill(now);
        if bucket.bytes_per_second.is_finite() {
            bucket.bytes -= bytes as f64;
        }
    }
}

/// Nobody waits longer than this without looking again: the rate may have been raised.
const WAIT_MAX: Duration = Duration::from_secs(1);

impl Bucket {
    fn fill(&mut self, now: Duration) {
        let elapsed = now.saturating_sub(self.filled_at).as_secs_f64();
        self.filled_at = self.filled_at.max(now);
        if self.bytes_per_second.is_finite() {
            let full = self.bytes_per_second * BURST.as_secs_f64();
            self.bytes = (self.bytes + elapsed * self.bytes_per_second).min(full);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn without_a_rate_nothing_is_too_much() {
        let quota = RateQuota::default();
        quota.record(u64::MAX, at(0));
        assert!(!quota.is_exceeded(at(0)));
        assert_eq!(quota.wait(at(0)), Duration::ZERO);
    }

    #[test]
    fn what_moves_at_once_is_paid_for_before_more_moves() {
        let quota = RateQuota::default();
        quota.set_rate(1000.0, at(0));
        quota.record(2000, at(0));
        assert!(quota.wait(at(500)) >= at(500));
        assert!(quota.is_exceeded(at(999)));
        assert!(!quota.is_exceeded(at(1001)));
    }

    #[test]
    fn a_pause_saves_up_no_more_than_a_second() {
        let quota = RateQuota::default();
        quota.set_rate(1000.0, at(0));
        quota.record(1001, at(3_600_000));
        assert!(quota.is_exceeded(at(3_600_000)));
    }

    #[test]
    fn a_new_rate_forgives_the_debt_of_the_old() {
        let quota = RateQuota::default();
        quota.set_rate(1.0, at(0));
        quota.record(1_000_000, at(0));
        quota.set_rate(f64::INFINITY, at(1));
        assert!(!quota.is_exceeded(at(1)));
        quota.set_rate(10.0, at(2));
        assert!(!quota.is_exceeded(at(2)));
    }
}
