//! Finding a run by what people call it.

use super::{Run, Store, StoreError};

impl Store {
    /// One run: `latest`, `latest~2` (the second before it), a label (the newest run that has it), an id, or the beginning
    /// of an id that no other run shares.
    ///
    /// # Errors
    /// When there is none, or several, or the database can't be read.
    pub async fn find(&self, wanted: &str) -> Result<Run, StoreError> {
        if let Some(before) = wanted.strip_prefix("latest~").and_then(|text| text.parse::<usize>().ok()) {
            let mut runs = self.list_runs().await?;
            if before < runs.len() {
                return Ok(runs.swap_remove(before));
            }
            return Err(StoreError::NoSuchRun { wanted: wanted.to_owned() });
        }
        let labelled = self.list_runs().await?.into_iter().find(|run| run.label.as_deref() == Some(wanted));
        match labelled {
            Some(run) if wanted != "latest" => Ok(run),
            _ => self.run(wanted).await,
        }
    }
}
