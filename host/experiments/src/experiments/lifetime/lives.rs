//! The lives of instances, from who answered when.

use serde::{Deserialize, Serialize};

/// Who answered one call.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Seen {
    /// When it left, s since the beginning.
    pub(super) at_s: f64,
    /// The instance and its age, s; `None` where nothing says.
    pub(super) instance: Option<(String, f64)>,
    /// Whether the call failed.
    pub(super) failed: bool,
}

/// One instance's life.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Life {
    /// When it began, s since the observation's beginning; negative for one that was there before.
    pub(super) born_s: f64,
    /// Its age at its last answer, s.
    pub(super) lasted_s: f64,
    /// Its age at the first call that another answered after it; `None`: it was there at the end.
    pub(super) gone_by_s: Option<f64>,
    /// Calls that it answered.
    pub(super) calls: u64,
    /// Whether a call that failed was the last before it was gone.
    pub(super) after_failure: bool,
}

/// The lives in the order of their first answers.
pub(super) fn lives(seen: &[Seen]) -> Vec<Life> {
    let mut lives: Vec<(&str, usize, Life)> = Vec::new();
    for (number, one) in seen.iter().enumerate() {
        let Some((instance, age_s)) = &one.instance else { continue };
        match lives.iter_mut().find(|(other, ..)| other == instance) {
            Some((_, last, life)) => {
                *last = number;
                life.lasted_s = *age_s;
                life.calls += 1;
            }
            None => {
                let born_s = one.at_s - age_s;
                let life = Life { born_s, lasted_s: *age_s, gone_by_s: None, calls: 1, after_failure: false };
                lives.push((instance, number, life));
            }
        }
    }
    for (_, last, life) in &mut lives {
        let after = &seen[*last + 1..];
        // Every later answer is another's: this was the last of its own.
        let Some(next) = after.iter().find(|one| one.instance.is_some()) else { continue };
        life.gone_by_s = Some(life.lasted_s + next.at_s - seen[*last].at_s);
        let until_then = seen[*last..].iter().take_while(|one| one.at_s < next.at_s);
        life.after_failure = until_then.into_iter().any(|one| one.failed);
    }
    lives.into_iter().map(|(.., life)| life).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(at_s: f64, instance: &str, age_s: f64) -> Seen {
        Seen { at_s, instance: Some((instance.to_owned(), age_s)), failed: false }
    }

    #[test]
    fn a_life_ends_between_its_last_answer_and_the_next_of_another() {
        let lives = lives(&[seen(0.0, "a", 1.0), seen(5.0, "a", 6.0), seen(10.0, "b", 0.5), seen(15.0, "b", 5.5)]);
        let first = Life { born_s: -1.0, lasted_s: 6.0, gone_by_s: Some(11.0), calls: 2, after_failure: false };
        let second = Life { born_s: 9.5, lasted_s: 5.5, gone_by_s: None, calls: 2, after_failure: false };
        assert_eq!(lives, [first, second]);
    }

    #[test]
    fn one_that_comes_back_was_never_gone() {
        let lives = lives(&[seen(0.0, "a", 0.0), seen(5.0, "b", 0.0), seen(10.0, "a", 10.0), seen(15.0, "a", 15.0)]);
        assert_eq!((lives[0].lasted_s, lives[0].gone_by_s, lives[0].calls), (15.0, None, 3));
        assert_eq!(lives[1].gone_by_s, Some(5.0));
    }

    #[test]
    fn an_end_after_a_failure_is_told_apart() {
        let failed = Seen { failed: true, ..seen(5.0, "a", 5.0) };
        let nobody = Seen { at_s: 6.0, instance: None, failed: true };
        let lives = lives(&[seen(0.0, "a", 0.0), failed, nobody, seen(10.0, "b", 0.0)]);
        assert!(lives[0].after_failure && lives[0].gone_by_s == Some(10.0) && !lives[1].after_failure);
    }
}
