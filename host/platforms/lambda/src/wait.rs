//! Waiting until a function is what it was told to be.

use std::time::Duration;

use aws_sdk_lambda::types::State;
use platform::PlatformError;
use tokio::time::{Instant, sleep};

use crate::clients::Clients;
use crate::failure::{PLATFORM, other};
use crate::function::{self, Found};

/// The first pause between two looks; it doubles up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Waits until a function, or a version of it, is there and no change of it is under way.
///
/// # Errors
/// When it failed, is gone, or still changes after `patience`.
pub(crate) async fn until_settled(
    clients: &Clients,
    name: &str,
    qualifier: Option<&str>,
    patience: Duration,
) -> Result<Found, PlatformError> {
    let begin = Instant::now();
    let mut pause = FIRST_PAUSE;
    loop {
        let Some(found) = function::find(clients, name, qualifier).await? else {
            return Err(PlatformError::NotFound { platform: PLATFORM.to_owned(), name: name.to_owned() });
        };
        if let Some(reason) = found.failure() {
            return Err(other(&format!("making {name} ready"), reason));
        }
        // A function that nobody called for weeks is inactive: the next call wakes it.
        let is_there = matches!(found.state(), None | Some(State::Active | State::Inactive));
        if is_there && !found.is_changing() {
            return Ok(found);
        }
        if begin.elapsed() + pause > patience {
            let state = found.state().map_or("unknown", State::as_str);
            let change = if found.is_changing() { ", a change of it is under way" } else { "" };
            return Err(PlatformError::NotReady {
                name: name.to_owned(),
                waited: begin.elapsed(),
                logs: format!("its state is {state}{change}"),
            });
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
