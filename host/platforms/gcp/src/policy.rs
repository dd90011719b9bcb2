//! Who may call a service.

use platform::{PlannedRequest, PlatformError};
use remote_platform::{ApiRequest, Method};
use serde_json::{Value, json};

use crate::deploy::ATTEMPTS;
use crate::platform::CloudRun;
use crate::{Access, nested};

/// The role whose members may call.
const INVOKER: &str = "roles/run.invoker";
/// Everybody.
const EVERYBODY: &str = "allUsers";

impl CloudRun {
    /// The members that a deployment adds.
    pub(crate) fn own_invokers(&self) -> Vec<String> {
        match self.options.access {
            Access::PublicByPolicy => vec![EVERYBODY.to_owned()],
            Access::Private => {
                let mut invokers = self.options.invokers.clone();
                // Any function may call any other.
                let account = self.options.service_account.iter().filter(|_| nested::is_carried(&self.options));
                let members = account.map(|account| format!("serviceAccount:{account}"));
                invokers.extend(members.filter(|member| !self.options.invokers.contains(member)));
                invokers
            }
            Access::Public => Vec::new(),
        }
    }

    fn get_policy(&self, name: &str) -> ApiRequest {
        // Version 3 shows conditions, too; what is not shown would be lost.
        let path = format!("{}/{name}:getIamPolicy?options.requestedPolicyVersion=3", self.services());
        ApiRequest::new(format!("asking who may call the service {name}"), Method::GET, path)
    }

    /// With its `etag`, it does nothing twice.
    fn set_policy(&self, name: &str, policy: &Value) -> ApiRequest {
        let path = format!("{}/{name}:setIamPolicy", self.services());
        let mut request = ApiRequest::new(format!("saying who may call the service {name}"), Method::POST, path)
            .json(json!({ "policy": policy }));
        request.repeatable = true;
        request
    }

    /// Lets in who the options name, and nobody of `former` and of everybody else that they don't name. What others have
    /// written into the policy stays.
    pub(crate) async fn allow_invokers(&self, name: &str, former: &[String]) -> Result<(), PlatformError> {
        let wanted = self.own_invokers();
        for attempt in 1.. {
            let before: Value = self.ask(self.get_policy(name), &[]).await?.json()?;
            let after = changed(before.clone(), &wanted, former);
            if after == before {
                break;
            }
            let response = self.ask(self.set_policy(name, &after), &[409]).await?;
            match response.status.as_u16() {
                409 if attempt < ATTEMPTS => {}
                409 => return Err(response.refusal()),
                _ => break,
            }
        }
        Ok(())
    }

    pub(crate) fn planned_policy(&self, name: &str) -> Vec<PlannedRequest> {
        let base = self.api.base();
        let policy = changed(json!({ "etag": "<etag>" }), &self.own_invokers(), &[]);
        let condition = Some("when others may call it now; what else the policy says stays");
        vec![self.get_policy(name).planned(base, None), self.set_policy(name, &policy).planned(base, condition)]
    }
}

/// A policy with these members, without those of before and without everybody, unless wanted.
fn changed(mut policy: Value, wanted: &[String], former: &[String]) -> Value {
    let mut bindings = policy["bindings"].as_array().cloned().unwrap_or_default();
    let is_ours = |binding: &Value| binding["role"] == INVOKER && binding["condition"].is_null();
    let is_unwanted = |member: &Value| {
        member.as_str().is_some_and(|member| {
            let is_of_us = member == EVERYBODY || former.iter().any(|other| other == member);
            is_of_us && !wanted.iter().any(|other| other == member)
        })
    };
    for members in
        bindings.iter_mut().filter(|binding| is_ours(binding)).filter_map(|binding| binding["members"].as_array_mut())
    {
        members.retain(|member| !is_unwanted(member));
    }
    let has = |bindings: &[Value], member: &str| {
        let members =
            bindings.iter().filter(|binding| is_ours(binding)).filter_map(|binding| binding["members"].as_array());
        members.flatten().any(|other| other == member)
    };
    let missing: Vec<Value> =
        wanted.iter().filter(|member| !has(&bindings, member)).map(|member| json!(member)).collect();
    if !missing.is_empty() {
        let members = bindings
            .iter_mut()
            .filter(|binding| is_ours(binding))
            .find_map(|binding| binding["members"].as_array_mut());
        match members {
            Some(members) => members.extend(missing),
            None => bindings.push(json!({ "role": INVOKER, "members": missing })),
        }
    }
    bindings
        .retain(|binding| !is_ours(binding) || binding["members"].as_array().is_none_or(|members| !members.is_empty()));
    if !bindings.is_empty() || policy.get("bindings").is_some() {
        policy["bindings"] = bindings.into();
    }
    policy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_wrote_stays() {
        let condition = json!({ "role": INVOKER, "members": [EVERYBODY], "condition": { "expression": "false" } });
        let viewer = json!({ "role": "roles/run.viewer", "members": ["user:a@b.c"] });
        let invokers = |members: Value| json!({ "role": INVOKER, "members": members });
        let before = json!({ "etag": "x", "version": 3,
            "bindings": [viewer, condition, invokers(json!(["user:theirs@b.c", EVERYBODY, "user:old@b.c"]))] });
        let after = changed(before, &["user:new@b.c".to_owned()], &["user:old@b.c".to_owned()]);
        let expected = json!({ "etag": "x", "version": 3,
            "bindings": [viewer, condition, invokers(json!(["user:theirs@b.c", "user:new@b.c"]))] });
        assert_eq!(after, expected);
    }

    #[test]
    fn nobody_is_let_in_where_nobody_is_named() {
        let public = changed(json!({ "etag": "x" }), &[EVERYBODY.to_owned()], &[]);
        assert_eq!(public["bindings"][0]["members"], json!([EVERYBODY]));
        assert_eq!(changed(public, &[], &[]), json!({ "etag": "x", "bindings": [] }));
        assert_eq!(changed(json!({ "etag": "x" }), &[], &[]), json!({ "etag": "x" }));
    }
}
