//! Where points of one value are spread so that they don't hide each other: the same in every rendering.

/// A place between -1 and 1 for the point of this number: the additive recurrence of the golden ratio, which leaves no
/// two neighbours close together and needs no random numbers.
pub(super) fn jitter(index: usize) -> f64 {
    const GOLDEN: f64 = 0.618_033_988_749_894_9;
    2.0 * (index as f64 * GOLDEN).fract() - 1.0
}

/// At most `most` of the items, evenly spaced, the first and the last among them.
pub(super) fn thinned<T: Copy>(items: &[T], most: usize) -> Vec<T> {
    if items.len() <= most || most < 2 {
        return items.to_vec();
    }
    (0..most).map(|place| items[place * (items.len() - 1) / (most - 1)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_spread_and_the_same_each_time() {
        let mut places: Vec<f64> = (0..100).map(jitter).collect();
        assert_eq!(places, (0..100).map(jitter).collect::<Vec<_>>());
        places.sort_by(f64::total_cmp);
        assert!(places.windows(2).all(|pair| pair[1] - pair[0] < 0.06), "no gap");
    }

    #[test]
    fn thinning_keeps_the_ends() {
        let items: Vec<usize> = (0..1000).collect();
        let kept = thinned(&items, 100);
        assert_eq!((kept.len(), kept[0], kept[99]), (100, 0, 999));
        assert_eq!(thinned(&items[..5], 100), &items[..5]);
    }
}
