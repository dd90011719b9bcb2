//! What ends a repetition.

use std::time::Duration;

use stats::{Confidence, Sample, StoppingRule};

use super::rows::Row;
use super::step::Until;
use super::variables::Variables;

impl Until {
    /// What it waits for, in words.
    pub(super) fn in_words(&self) -> String {
        match self {
            Until::IdentityChanges => "another instance answers".to_owned(),
            Until::IntervalWithin(within) => {
                format!("the interval of the median {} of `{}` is narrow enough", within.metric, within.label)
            }
            Until::Seconds(_) => "the time is over".to_owned(),
        }
    }

    /// Whether it is so, after repetitions that took `elapsed` and made `rows`, of which the last made `last`; `before` is the row
    /// before those.
    pub(super) fn is_so(
        &self,
        values: &Variables,
        elapsed: Duration,
        (all, last): (&[Row], &[Row]),
        before: Option<&Row>,
    ) -> Result<bool, String> {
        match self {
            Until::IdentityChanges => Ok(identity_changed(before, last)),
            Until::Seconds(number) => Ok(elapsed >= values.seconds(number)?),
            Until::IntervalWithin(within) => {
                let (share, least) = (values.number(&within.share)?, values.count(&within.least)?);
                let label = values.text(&within.label);
                let of_it = all.iter().filter(|row| row.failure.is_none() && row.label == label);
                let numbers: Vec<f64> = of_it.filter_map(|row| row.values.get(&within.metric).copied()).collect();
                let rule = StoppingRule::new(share, least as usize, Confidence::NINETY_FIVE);
                let Some(rule) = rule else { return Err(format!("{share} is no share of a median")) };
                Ok(Sample::new(numbers).is_ok_and(|sample| rule.is_satisfied(&sample)))
            }
        }
    }
}

/// Whether a call was served by another instance than the one before it, of the same deployment. A call that failed says nothing of what
/// became of the instance, so its successor is compared with none.
fn identity_changed(before: Option<&Row>, last: &[Row]) -> bool {
    let rows: Vec<&Row> = before.into_iter().chain(last).collect();
    rows.windows(2).any(|pair| {
        let [one, next] = pair else { return false };
        let known = one.failure.is_none() && next.failure.is_none() && one.deployment == next.deployment;
        known && one.instance.is_some() && next.instance.is_some() && one.instance != next.instance
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::step::IntervalWithin;
    use super::super::value::Number;
    use super::*;

    fn row(instance: &str, failed: bool, total: f64) -> Row {
        Row {
            deployment: "f".into(),
            label: "x".into(),
            varied: BTreeMap::new(),
            repetition: 0,
            start_unix_ns: 0,
            cold: None,
            instance: (!instance.is_empty()).then(|| instance.to_owned()),
            failure: failed.then(|| "limit".to_owned()),
            values: BTreeMap::from([("total".to_owned(), total)]),
        }
    }

    #[test]
    fn another_instance_is_one_only_where_it_is_known() {
        let (a, b, none) = (row("a", false, 1.0), row("b", false, 1.0), row("", false, 1.0));
        assert!(!identity_changed(None, &[a.clone(), a.clone()]));
        assert!(identity_changed(None, &[a.clone(), b.clone()]));
        assert!(identity_changed(Some(&a), std::slice::from_ref(&b)));
        assert!(!identity_changed(Some(&a), &[none, b.clone()]));
        assert!(!identity_changed(Some(&a), &[row("a", true, 1.0), b.clone()]));
        assert!(!identity_changed(None, &[b]));
    }

    #[test]
    fn an_interval_is_that_of_the_label_and_the_metric() {
        let within = |label: &str| {
            Until::IntervalWithin(IntervalWithin {
                share: Number::Fixed(0.1),
                label: label.into(),
                metric: "total".into(),
                least: Number::Fixed(6.0),
            })
        };
        let narrow: Vec<Row> = (0..8).map(|step| row("a", false, 100.0 + f64::from(step))).collect();
        let so = |until: &Until, rows: &[Row]| until.is_so(&Variables::default(), Duration::ZERO, (rows, &[]), None);
        assert_eq!(so(&within("x"), &narrow), Ok(true));
        assert_eq!(so(&within("y"), &narrow), Ok(false));
        assert_eq!(so(&within("x"), &narrow[..5]), Ok(false));
        let failed: Vec<Row> = (0..8).map(|_| row("a", true, 1.0)).collect();
        assert_eq!(so(&within("x"), &failed), Ok(false));
    }
}
