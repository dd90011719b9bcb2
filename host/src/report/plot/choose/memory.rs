//! The plots of `memory`.

use super::Group;
use super::compared::{Wanted, values};
use super::over_time;
use super::view::View;
use crate::report::State;

/// Measure, title, axis.
const BARS: [(&str, &str, &str); 3] = [
    ("peak-rss", "Peak resident memory (RSS)", "peak RSS, median"),
    ("uss-after", "Memory of its own (USS) after an invocation", "USS, median"),
    ("linear-memory-peak", "Peak of the WASM linear memory", "linear memory, median"),
];
/// The same over several instances at once.
const TOTALS: [(&str, &str, &str); 2] = [
    ("total-rss", "Resident memory (RSS) of all instances, shared pages counted in each", "RSS of all, median"),
    ("total-pss", "Memory of all instances (PSS), shared pages counted once", "PSS of all, median"),
];

pub(super) fn groups(view: &View<'_>) -> Vec<Group> {
    let mut bars = Group {
        experiment: "memory".to_owned(),
        heading: "What a process needs".to_owned(),
        remarks: Vec::new(),
        plots: Vec::new(),
    };
    for (measure, title, what) in BARS {
        let name = format!("memory-{measure}");
        let figures = view.figures("memory", State::Warm, measure);
        bars.add(values(view, &figures, &Wanted { name: &name, title, what, as_bars: true }));
    }
    for (measure, title, what) in TOTALS {
        let figures = view.figures("memory", State::Warm, measure);
        let mut counts: Vec<u32> = figures.iter().filter_map(|figure| figure.measure.instances).collect();
        counts.sort_unstable();
        counts.dedup();
        for count in counts.into_iter().filter(|count| *count > 1) {
            let of_count: Vec<_> =
                figures.iter().copied().filter(|figure| figure.measure.instances == Some(count)).collect();
            let (name, title) = (format!("memory-{measure}-{count}"), format!("{title}: {count} instances"));
            bars.add(values(view, &of_count, &Wanted { name: &name, title: &title, what, as_bars: true }));
        }
    }
    vec![bars, over_time::group(view, "memory", "Over time")]
}
