//! A rate of arrivals over time.

/// A stretch over which the rate changes evenly from one value to another.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Segment {
    /// Its length, s.
    pub(crate) seconds: f64,
    /// Arrivals per second at its beginning.
    pub(crate) from: f64,
    /// Arrivals per second at its end.
    pub(crate) to: f64,
}

impl Segment {
    /// Arrivals in all of it.
    fn arrivals(self) -> f64 {
        self.seconds * (self.from + self.to) / 2.0
    }

    /// After how many seconds the expected number of arrivals is `count`: the positive root of `from t + slope t^2 / 2 = count`,
    /// in the form that loses no digits where the slope is small.
    fn invert(self, count: f64) -> f64 {
        if count <= 0.0 {
            return 0.0;
        }
        let slope = (self.to - self.from) / self.seconds;
        let root = (self.from * self.from + 2.0 * slope * count).max(0.0).sqrt();
        let sum = self.from + root;
        if sum > 0.0 { (2.0 * count / sum).min(self.seconds) } else { self.seconds }
    }
}

/// Stretches one after another.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Profile {
    segments: Vec<Segment>,
}

impl Profile {
    /// Of these stretches; those of no length are left out.
    pub(crate) fn new(segments: impl IntoIterator<Item = Segment>) -> Profile {
        Profile { segments: segments.into_iter().filter(|segment| segment.seconds > 0.0).collect() }
    }

    /// Its length, s.
    #[cfg(test)]
    fn seconds(&self) -> f64 {
        self.segments.iter().map(|segment| segment.seconds).sum()
    }

    /// Expected arrivals in all.
    pub(crate) fn arrivals(&self) -> f64 {
        self.segments.iter().map(|segment| segment.arrivals()).sum()
    }

    /// A cursor that finds the times of ever greater counts.
    pub(crate) fn cursor(&self) -> Cursor<'_> {
        Cursor { profile: self, index: 0, before_seconds: 0.0, before_arrivals: 0.0 }
    }
}

/// Finds when the expected number of arrivals reaches a count. Counts must not fall.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<'a> {
    profile: &'a Profile,
    index: usize,
    before_seconds: f64,
    before_arrivals: f64,
}

impl Cursor<'_> {
    /// The time in s; `None` beyond the end.
    pub(crate) fn time_of(&mut self, count: f64) -> Option<f64> {
        loop {
            let segment = *self.profile.segments.get(self.index)?;
            let within = count - self.before_arrivals;
            if within < segment.arrivals() {
                return Some(self.before_seconds + segment.invert(within));
            }
            self.before_arrivals += segment.arrivals();
            self.before_seconds += segment.seconds;
            self.index += 1;
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_constant_rate_is_even() {
        let profile = Profile::new([Segment { seconds: 2.0, from: 10.0, to: 10.0 }]);
        assert_eq!(profile.arrivals(), 20.0);
        let mut cursor = profile.cursor();
        let times: Vec<f64> = (0..20).filter_map(|count| cursor.time_of(f64::from(count))).collect();
        assert_eq!(times.len(), 20);
        assert!(times.iter().enumerate().all(|(index, time)| (time - index as f64 / 10.0).abs() < 1e-9));
        assert_eq!(cursor.time_of(20.0), None);
    }

    #[test]
    fn a_ramp_from_nothing_begins() {
        let profile = Profile::new([Segment { seconds: 10.0, from: 0.0, to: 10.0 }]);
        let mut cursor = profile.cursor();
        // Half of the arrivals come in the last 10 - sqrt(50) seconds.
        assert!((cursor.time_of(25.0).unwrap() - 50.0_f64.sqrt()).abs() < 1e-9);
    }

    proptest! {
        #[test]
        fn times_rise_and_stay_within(
            segments in prop::collection::vec((0.0..5.0_f64, 0.0..100.0_f64, 0.0..100.0_f64), 1..6),
        ) {
            let profile = Profile::new(segments.iter().map(|&(seconds, from, to)| Segment { seconds, from, to }));
            let mut cursor = profile.cursor();
            let mut last = 0.0;
            let mut count = 0.0;
            while let Some(time) = cursor.time_of(count) {
                prop_assert!(time >= last - 1e-9 && time <= profile.seconds() + 1e-9);
                last = time;
                count += 1.0;
            }
            prop_assert!((count - profile.arrivals().ceil()).abs() <= 1.0);
        }
    }
}
