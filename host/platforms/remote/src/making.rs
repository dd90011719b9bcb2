//! Making things so that nothing is forgotten.

use platform::{Ledger, PlatformError, Resource};

/// Makes what `resource` names. Its intention is in the ledger before `making` begins: once, however often it is made or
/// updated.
///
/// # Errors
/// When the ledger can't be written: nothing was made then. Or what `making` fails with; the intention stands.
pub async fn make<T>(
    ledger: &dyn Ledger,
    resource: &Resource,
    making: impl Future<Output = Result<T, PlatformError>> + Send,
) -> Result<T, PlatformError> {
    let known = ledger.resources(&resource.deployment).await?;
    let known = known.into_iter().find(|entry| {
        let its = &entry.resource;
        (&its.platform, &its.target, &its.kind, &its.name)
            == (&resource.platform, &resource.target, &resource.kind, &resource.name)
    });
    let id = match known {
        Some(entry) => entry.id,
        None => ledger.intend(resource).await?,
    };
    let made = making.await?;
    ledger.created(id, &resource.details).await?;
    Ok(made)
}
