//! A platform without an address has no network part, and says so; what fails is counted.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use experiments::find;
use image_kind::ImageKind;
use platform::{
    Answer, Capabilities, Deployment, DeploymentSpec, HttpCall, Invocation, Ledger, Platform, PlatformError, Reached,
    Resource, Status,
};
use serde_json::json;

use crate::pretended::{Manner, every_fifth};
use crate::stage::{Stage, carry_out, number, request};

#[tokio::test]
async fn a_no_op_is_measured_and_failures_are_counted_exactly() {
    let good = Stage::new("good", Manner::named("a"));
    let bad = Stage::new("bad", Manner { trouble: every_fifth, ..Manner::named("b") })
        .configured(|_, limits| limits.time = Some(Duration::from_millis(50)));
    let settings = [("repetitions", json!(20)), ("rounds", json!(1))];
    let carried =
        carry_out(find("ping").unwrap(), request(&[&good, &bad], &["function2"], &settings), &[&good, &bad]).await;
    let finding = carried.finding();
    let rows = format!("{:?}", finding.tables[0].rows);
    assert!(rows.contains("2 internal, 2 limit"), "{rows}");
    let first =
        |target: &str| finding.tables[0].rows.iter().position(|row| format!("{row:?}").contains(target)).unwrap();
    for target in ["good", "bad"] {
        assert_eq!(number(finding, 0, first(target), "made"), 20.0);
        // Each takes 2 ms.
        assert!((2e6..50e6).contains(&number(finding, 0, first(target), "median")), "{rows}");
        assert!(finding.notes.iter().any(|note| note.starts_with(target) && note.contains("no address")));
    }
    assert!(finding.answer.contains("no network part"), "{}", finding.answer);
    // 3 more to warm up.
    assert_eq!((good.calls(), bad.calls()), (23, 23));
}

#[tokio::test]
async fn the_calls_stay_where_the_address_cannot_be_had() {
    let mut stage = Stage::new("locked", Manner::named("a"));
    stage.site.platform = Arc::new(Locked(stage.site.platform.clone()));
    let settings = [("repetitions", json!(5)), ("rounds", json!(1))];
    let carried = carry_out(find("ping").unwrap(), request(&[&stage], &["function2"], &settings), &[&stage]).await;
    let finding = carried.finding();
    assert_eq!(number(finding, 0, 0, "made"), 5.0);
    let is_said = |note: &String| note.starts_with("locked: ") && note.contains("no token; log in");
    assert!(finding.notes.iter().any(is_said), "{:?}", finding.notes);
}

/// A platform that has no credential for calls of any client.
struct Locked(Arc<dyn Platform>);

#[async_trait]
impl Platform for Locked {
    fn name(&self) -> &str {
        self.0.name()
    }

    fn target(&self) -> &str {
        self.0.target()
    }

    fn capabilities(&self) -> Capabilities {
        self.0.capabilities()
    }

    fn image_kind(&self) -> ImageKind {
        self.0.image_kind()
    }

    async fn reach(&self) -> Result<Reached, PlatformError> {
        self.0.reach().await
    }

    async fn deploy(&self, spec: &DeploymentSpec, ledger: &dyn Ledger) -> Result<Deployment, PlatformError> {
        self.0.deploy(spec, ledger).await
    }

    async fn wait_until_ready(&self, deployment: &Deployment, patience: Duration) -> Result<(), PlatformError> {
        self.0.wait_until_ready(deployment, patience).await
    }

    async fn invoke(&self, deployment: &Deployment, invocation: &Invocation) -> Result<Answer, PlatformError> {
        self.0.invoke(deployment, invocation).await
    }

    async fn http_call(&self, _: &Deployment) -> Result<Option<HttpCall>, PlatformError> {
        Err(PlatformError::Denied {
            platform: self.name().to_owned(),
            reason: "there is no token".to_owned(),
            advice: "log in".to_owned(),
        })
    }

    async fn status(&self, deployment: &Deployment) -> Result<Status, PlatformError> {
        self.0.status(deployment).await
    }

    async fn remove(&self, resource: &Resource) -> Result<(), PlatformError> {
        self.0.remove(resource).await
    }
}
