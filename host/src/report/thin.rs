//! Fewer values to draw than were measured, where there are very many: evenly spaced, never the prettiest.

use super::detail::Distribution;
use super::gather::Gathered;

/// Most values of one distribution that are drawn: more than a plot has pixels for.
const MOST_VALUES: usize = 1_000;
/// Most of them in the order measured.
const MOST_IN_ORDER: usize = 400;

/// The values of every figure.
pub(super) fn distributions(gathered: &Gathered) -> Vec<Distribution> {
    let drawn = gathered.values.iter().filter(|(_, values)| !values.in_order.is_empty());
    drawn
        .map(|(key, values)| {
            let mut sorted = values.in_order.clone();
            sorted.sort_unstable_by(f64::total_cmp);
            Distribution {
                experiment: key.experiment.clone(),
                function: key.function.clone(),
                size: key.size.clone(),
                engine: key.engine.clone(),
                platform: key.platform.clone(),
                state: key.state,
                measure: key.measure.clone(),
                n: sorted.len(),
                sorted: evenly(&sorted, MOST_VALUES),
                in_order: evenly(&values.in_order, MOST_IN_ORDER),
            }
        })
        .collect()
}

/// At most `most` of the values at even distances, the first and the last among them.
pub(super) fn evenly<T: Copy>(values: &[T], most: usize) -> Vec<T> {
    if values.len() <= most || most < 2 {
        return values.to_vec();
    }
    (0..most).map(|index| values[index * (values.len() - 1) / (most - 1)]).collect()
}

#[cfg(test)]
mod tests {
    use super::evenly;

    #[test]
    fn few_values_are_all_kept_and_many_keep_their_ends() {
        assert_eq!(evenly(&[1, 2, 3], 3), [1, 2, 3]);
        let many: Vec<u32> = (0..10_007).collect();
        let kept = evenly(&many, 100);
        assert_eq!((kept.len(), kept[0], kept[99]), (100, 0, 10_006));
        assert!(kept.is_sorted());
    }
}
