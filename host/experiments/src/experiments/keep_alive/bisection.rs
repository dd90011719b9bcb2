//! Which idle time is tried next, and what those tried say.

use serde::{Deserialize, Serialize};

/// Whether one instance was kept over one idle time.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Observation {
    /// The idle time that was meant, s: the same for all that were tried together.
    pub(super) asked_s: f64,
    /// The instance was idle for at least this long, s: from the answer's arrival here until the next call left.
    pub(super) idle_s: f64,
    /// It was idle for at most this long, s: the same with the whole call before, which ended somewhere within it.
    pub(super) idle_most_s: f64,
    /// Whether it served the next call.
    pub(super) was_kept: bool,
}

/// What observations say of the boundary.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Boundary {
    /// Every instance that was idle for at most so long was kept, s.
    pub(super) kept_s: f64,
    /// Instances that were kept for so long.
    pub(super) kept_confirmations: u64,
    /// The shortest idle time after which one was gone, s.
    pub(super) first_gone_s: Option<f64>,
    /// The longest idle time after which one was kept, s.
    pub(super) last_kept_s: f64,
    /// Every instance that was idle for at least so long was gone, s; `None`: after the longest some were kept.
    pub(super) gone_s: Option<f64>,
    /// Instances that were gone after so long.
    pub(super) gone_confirmations: u64,
    /// The idle times that were meant at the two ends, s.
    last_surely_s: f64,
    first_surely_s: Option<f64>,
}

impl Boundary {
    /// Of all observations, in any order.
    pub(super) fn of(observations: &[Observation]) -> Boundary {
        let kept = || observations.iter().filter(|one| one.was_kept);
        let gone = || observations.iter().filter(|one| !one.was_kept);
        // By what was meant: of those that were tried together one may be kept and one be gone.
        let first_gone_s = gone().map(|one| one.asked_s).min_by(f64::total_cmp);
        let last_kept_s = kept().map(|one| one.asked_s).fold(0.0, f64::max);
        let surely_kept = || kept().filter(|one| first_gone_s.is_none_or(|first| one.asked_s < first));
        let surely_gone = || gone().filter(|one| one.asked_s > last_kept_s);
        let last_surely = surely_kept().map(|one| one.asked_s).fold(0.0, f64::max);
        let first_surely = surely_gone().map(|one| one.asked_s).min_by(f64::total_cmp);
        Boundary {
            // The shortest of those meant for so long: that is what all were kept for.
            kept_s: surely_kept()
                .filter(|one| one.asked_s == last_surely)
                .map(|one| one.idle_s)
                .min_by(f64::total_cmp)
                .unwrap_or(0.0),
            kept_confirmations: surely_kept().filter(|one| one.asked_s == last_surely).count() as u64,
            first_gone_s,
            last_kept_s,
            gone_s: surely_gone()
                .filter(|one| Some(one.asked_s) == first_surely)
                .map(|one| one.idle_most_s)
                .max_by(f64::total_cmp),
            gone_confirmations: surely_gone().filter(|one| Some(one.asked_s) == first_surely).count() as u64,
            last_surely_s: last_surely,
            first_surely_s: first_surely,
        }
    }

    /// Whether instances were reclaimed after different times.
    pub(super) fn is_by_chance(&self) -> bool {
        self.first_gone_s.is_some_and(|first| first < self.last_kept_s)
    }
}

/// How the search is bounded.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Search {
    /// The first idle time, s.
    pub(super) shortest_s: f64,
    /// The longest, s.
    pub(super) longest_s: f64,
    /// An interval this wide is narrow enough, s.
    pub(super) resolution_s: f64,
    /// So is one of this share of its upper end.
    pub(super) resolution_share: f64,
}

impl Search {
    /// The idle time to try next, s; `None` when the interval is narrow enough, or can't become so.
    pub(super) fn next(&self, observations: &[Observation]) -> Option<f64> {
        let boundary = Boundary::of(observations);
        let Some(first_gone) = boundary.first_gone_s else {
            let longest = boundary.last_kept_s;
            // Timers are never early.
            return (longest < self.longest_s).then(|| (longest * 2.0).clamp(self.shortest_s, self.longest_s));
        };
        let is_mixed = first_gone <= boundary.last_kept_s;
        let mut open = vec![(boundary.last_surely_s, first_gone)];
        if is_mixed {
            match boundary.first_surely_s {
                Some(gone) => open.push((boundary.last_kept_s, gone)),
                None if boundary.last_kept_s < self.longest_s => {
                    return Some((boundary.last_kept_s * 2.0).min(self.longest_s));
                }
                None => {}
            }
        }
        // Where some were kept and some gone after one time, that is in the middle of what is found.
        let part = if is_mixed { 0.5 } else { 1.0 };
        let is_wide =
            |(low, high): &(f64, f64)| high - low > part * self.resolution_s.max(self.resolution_share * high);
        let widest = open.into_iter().filter(is_wide).max_by(|a, b| (a.1 - a.0).total_cmp(&(b.1 - b.0)));
        widest.map(|(low, high)| low.midpoint(high))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SEARCH: Search = Search { shortest_s: 1.0, longest_s: 600.0, resolution_s: 0.25, resolution_share: 0.02 };

    fn search(search: Search, is_kept: impl Fn(f64, u32) -> bool) -> (Boundary, usize, f64) {
        let (mut observations, mut tried, mut seconds) = (Vec::new(), 0, 0.0);
        while let Some(idle_s) = search.next(&observations) {
            tried += 1;
            seconds += idle_s;
            assert!(tried < 60, "the search does not end");
            for number in 0..3 {
                let was_kept = is_kept(idle_s, number);
                observations.push(Observation { asked_s: idle_s, idle_s, idle_most_s: idle_s + 0.001, was_kept });
            }
        }
        (Boundary::of(&observations), tried, seconds)
    }

    #[test]
    fn without_an_end_the_longest_is_tried_and_nothing_more() {
        let (boundary, tried, _) = search(SEARCH, |_, _| true);
        assert_eq!((boundary.kept_s, boundary.first_gone_s, boundary.gone_s), (600.0, None, None));
        assert_eq!(tried, 11);
    }

    #[test]
    fn by_chance_both_ends_are_found() {
        // Three instances that are kept for 20, 30 and 40 s.
        let (boundary, ..) = search(SEARCH, |idle, number| idle < 20.0 + 10.0 * f64::from(number));
        assert!(boundary.is_by_chance());
        assert!((19.0..=20.0).contains(&boundary.kept_s), "{boundary:?}");
        assert!((40.0..=41.0).contains(&boundary.gone_s.unwrap()), "{boundary:?}");
    }

    #[test]
    fn a_boundary_that_is_hit_exactly_is_no_chance() {
        let (boundary, ..) = search(SEARCH, |idle, number| idle < 8.0 || (idle == 8.0 && number == 1));
        assert!(!boundary.is_by_chance() && boundary.kept_s < 8.0 && boundary.gone_s.unwrap() > 8.0);
        assert!(boundary.gone_s.unwrap() - boundary.kept_s < 0.3, "{boundary:?}");
    }

    proptest! {
        #[test]
        fn the_interval_holds_what_was_set_and_is_as_narrow_as_asked(set in 0.3..590.0f64) {
            let (boundary, tried, seconds) = search(SEARCH, |idle, _| idle <= set);
            let gone = boundary.gone_s.unwrap();
            prop_assert!(boundary.kept_s <= set && set < gone);
            prop_assert!(gone - boundary.kept_s <= 0.25f64.max(0.02 * gone) + 0.01);
            prop_assert!(!boundary.is_by_chance() && boundary.kept_confirmations >= u64::from(set > 1.0));
            prop_assert!(boundary.gone_confirmations >= 3);
            // Doubling and halving: a bounded number of tries.
            prop_assert!(tried <= 22 && seconds <= 30.0 * set + 30.0, "{} tries, {} s", tried, seconds);
        }
    }
}
