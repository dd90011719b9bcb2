//! The plots of `disk-io`.

use super::Group;
use super::compared::{Wanted, values};
use super::over_time;
use super::view::View;
use crate::report::{Figure, State};

/// Measure, title, axis.
const BARS: [(&str, &str, &str); 7] = [
    ("read", "Bytes read by a warm invocation", "read, median"),
    ("written", "Bytes written by a warm invocation", "written, median"),
    ("read-calls", "Read calls of a warm invocation", "read calls, median"),
    ("write-calls", "Write calls of a warm invocation", "write calls, median"),
    ("device-read", "Bytes that were read from the device", "read from the device, median"),
    ("device-written", "Bytes that were to be written to the device", "written to the device, median"),
    (
        "device-write-cancelled",
        "Bytes whose writing was cancelled: deleted before the device had them",
        "cancelled, median",
    ),
];

pub(super) fn groups(view: &View<'_>) -> Vec<Group> {
    let mut bars = Group {
        experiment: "disk-io".to_owned(),
        heading: "What a warm invocation reads and writes".to_owned(),
        remarks: Vec::new(),
        plots: Vec::new(),
    };
    let mut nothing = Vec::new();
    for (measure, title, what) in BARS {
        let all = view.figures("disk-io", State::Warm, measure);
        let idle = |figure: &&Figure| figure.max == Some(0.0) && figure.min == Some(0.0);
        // A function that touches no file at all needs no row in seven plots.
        let busy: Vec<&Figure> = all
            .iter()
            .copied()
            .filter(|figure| {
                all.iter()
                    .any(|other| (&other.function, &other.size) == (&figure.function, &figure.size) && !idle(other))
            })
            .collect();
        if busy.is_empty() && !all.is_empty() {
            nothing.push(what.trim_end_matches(", median"));
        }
        bars.add(values(view, &busy, &Wanted { name: &format!("disk-io-{measure}"), title, what, as_bars: true }));
    }
    if !bars.plots.is_empty() {
        bars.remarks.push("Functions that read and wrote nothing have no row here; the tables name them.".to_owned());
    }
    if !nothing.is_empty() {
        bars.remarks.push(format!("Zero in every invocation, so not drawn: {}.", nothing.join(", ")));
    }
    vec![bars, over_time::group(view, "disk-io", "Over time")]
}
