//! Percentages, as people write them.

/// A share of 1 from a percentage.
pub(in crate::cli) fn share(text: &str) -> Result<f64, String> {
    let number = text.strip_suffix('%').unwrap_or(text);
    match number.trim().parse::<f64>() {
        Ok(value) if value > 0.0 && value < 100.0 => Ok(value / 100.0),
        _ => Err("give a percentage above 0 and below 100, such as 5%".to_owned()),
    }
}
