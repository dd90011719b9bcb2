//! Where Cloud Run is.

/// The regions of Cloud Run, from its page of locations, 2025; later ones are taken with `unlisted-region`.
const REGIONS: [&str; 42] = [
    "africa-south1",
    "asia-east1",
    "asia-east2",
    "asia-northeast1",
    "asia-northeast2",
    "asia-northeast3",
    "asia-south1",
    "asia-south2",
    "asia-southeast1",
    "asia-southeast2",
    "australia-southeast1",
    "australia-southeast2",
    "europe-central2",
    "europe-north1",
    "europe-north2",
    "europe-southwest1",
    "europe-west1",
    "europe-west2",
    "europe-west3",
    "europe-west4",
    "europe-west6",
    "europe-west8",
    "europe-west9",
    "europe-west10",
    "europe-west12",
    "me-central1",
    "me-central2",
    "me-west1",
    "northamerica-northeast1",
    "northamerica-northeast2",
    "northamerica-south1",
    "southamerica-east1",
    "southamerica-west1",
    "us-central1",
    "us-east1",
    "us-east4",
    "us-east5",
    "us-south1",
    "us-west1",
    "us-west2",
    "us-west3",
    "us-west4",
];

/// Whether a region is known.
pub(crate) fn is_listed(region: &str) -> bool {
    REGIONS.contains(&region)
}

/// Whether a text has a region's form: parts of letters with `-` between them, and a number at the end.
pub(crate) fn has_form(region: &str) -> bool {
    let letters = region.trim_end_matches(|letter: char| letter.is_ascii_digit());
    let is_part = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_lowercase());
    letters.len() < region.len() && letters.contains('-') && letters.split('-').all(is_part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listed_regions_have_the_form_and_are_in_order_of_their_kind() {
        assert!(REGIONS.iter().all(|region| has_form(region)));
        for odd in ["", "europe", "europe-west", "europe-west1/..", "Europe-west1", "-west1", "europe-1"] {
            assert!(!has_form(odd), "{odd}");
        }
    }
}
