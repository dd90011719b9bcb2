//! The contract and the transfers, for each backend.

use crate::place::{Place, directory, elsewhere};
use crate::{azurite, contract, endpoint, moto, transfers};

fn check(place: Option<Place>) {
    if let Some(place) = place {
        contract::check(&place);
        transfers::check(&place);
    }
}

#[test]
fn a_directory() {
    check(Some(directory()));
}

#[test]
fn our_endpoint() {
    check(Some(endpoint::place()));
}

#[test]
fn moto_s3() {
    check(moto::place());
}

#[test]
fn moto_s3_with_one_bucket_for_all() {
    check(moto::place_with_prefix());
}

#[test]
fn azurite_blobs() {
    check(azurite::place().map(|(place, _)| place));
}

#[test]
fn google_storage_through_a_server_of_s3() {
    check(moto::place_as_google());
}

#[test]
fn the_storage_that_the_environment_names() {
    let place = elsewhere();
    if place.is_none() {
        eprintln!("skipped: FAASBENCH_TEST_STORAGE names no storage");
    }
    check(place);
}
