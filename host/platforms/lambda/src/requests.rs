//! What a deployment would ask of AWS: `deploy --dry-run`.

use std::collections::BTreeMap;

use platform::{DeploymentSpec, PlannedRequest};
use serde_json::{Value, json};

use crate::options::{FunctionUrl, Package};
use crate::plan::{POLICY_NAME, Plan, ROLE_PATH};
use crate::platform::LambdaPlatform;
use crate::{concurrency, policy};

/// What is only known by asking.
const ACCOUNT: &str = "<number of the account>";
const NEW: &str = "when there is no such function yet";
const OLD: &str = "when the function is this deployment's already";

impl LambdaPlatform {
    /// Every request of a deployment, in order.
    pub(crate) fn planned(&self, spec: &DeploymentSpec, plan: &Plan) -> Vec<PlannedRequest> {
        let options = self.options();
        let function = &plan.function;
        let path = |version: &str, rest: &str| self.address("lambda", &format!("/{version}/functions{rest}"));
        let role = options.role.clone().unwrap_or_else(|| "<ARN of the role>".to_owned());
        let mut all = vec![
            request("asking who we are", "POST", self.address("sts", "/?Action=GetCallerIdentity"), None),
            request("looking for the function", "GET", path("2015-03-31", &format!("/{function}")), None),
        ];
        if let Some(name) = &plan.role {
            let iam = |action: &str| self.iam_address(action);
            all.push(request("looking for the role", "POST", iam("GetRole"), Some(json!({ "RoleName": name }))));
            all.push(when(
                "when there is no such role yet",
                request(
                    "creating the role",
                    "POST",
                    iam("CreateRole"),
                    Some(json!({
                        "RoleName": name,
                        "Path": ROLE_PATH,
                        "AssumeRolePolicyDocument": policy::trust(),
                        "PermissionsBoundary": options.permissions_boundary,
                        "Tags": plan.tags,
                    })),
                ),
            ));
            all.push(request(
                "saying what the role allows",
                "POST",
                iam("PutRolePolicy"),
                Some(json!({
                    "RoleName": name, "PolicyName": POLICY_NAME, "PolicyDocument": self.policy(plan, ACCOUNT),
                })),
            ));
        }
        let group = &plan.log_group;
        let logs = |action: &str| self.address("logs", &format!("/?X-Amz-Target=Logs_20140328.{action}"));
        all.push(request(
            "creating the log group",
            "POST",
            logs("CreateLogGroup"),
            Some(json!({ "logGroupName": group, "tags": plan.tags })),
        ));
        all.push(request(
            "saying how long the log group is kept",
            "POST",
            logs("PutRetentionPolicy"),
            Some(json!({
                "logGroupName": group, "retentionInDays": options.log_retention_days,
            })),
        ));
        let code = match (options.package, &self.connection().registry) {
            (Package::Image, Some(registry)) => {
                let image = registry.reference(&spec.image, &spec.id);
                all.push(request("pushing the image", "PUSH", image.tagged, None));
                json!({ "ImageUri": image.pinned })
            }
            _ => json!({ "ZipFile": format!("<{} bytes, {}>", spec.image.bytes, spec.image.digest) }),
        };
        let configuration = self.configuration(plan, &role, options.package);
        let architectures = json!([plan.architecture.name()]);
        let mut creation = configuration.clone();
        creation["FunctionName"] = json!(function);
        creation["PackageType"] = json!(if options.package == Package::Zip { "Zip" } else { "Image" });
        creation["Architectures"] = architectures.clone();
        creation["Code"] = code.clone();
        creation["Tags"] = json!(plan.tags);
        all.push(when(
            NEW,
            request(
                "creating the function; again until the new role is known",
                "POST",
                path("2015-03-31", ""),
                Some(creation),
            ),
        ));
        all.push(when(
            OLD,
            request(
                "changing the configuration",
                "PUT",
                path("2015-03-31", &format!("/{function}/configuration")),
                Some(configuration),
            ),
        ));
        let mut change = code;
        change["Architectures"] = architectures;
        all.push(when(
            OLD,
            request("changing the code", "PUT", path("2015-03-31", &format!("/{function}/code")), Some(change)),
        ));
        all.push(request("waiting until it is ready", "GET", path("2015-03-31", &format!("/{function}")), None));
        self.plan_url(function, &mut all);
        self.plan_instances(plan, &mut all);
        all
    }

    fn plan_url(&self, function: &str, all: &mut Vec<PlannedRequest>) {
        let kind = self.options().url;
        if kind == FunctionUrl::None {
            return;
        }
        let auth = if kind == FunctionUrl::Public { "NONE" } else { "AWS_IAM" };
        let address = self.address("lambda", &format!("/2021-10-31/functions/{function}/url"));
        all.push(request(
            "making the URL",
            "POST",
            address,
            Some(json!({ "AuthType": auth, "InvokeMode": "BUFFERED" })),
        ));
        if kind == FunctionUrl::Public {
            let address = self.address("lambda", &format!("/2015-03-31/functions/{function}/policy"));
            for body in [
                json!({ "StatementId": "faasbench-url", "Action": "lambda:InvokeFunctionUrl", "Principal": "*", "FunctionUrlAuthType": "NONE" }),
                json!({ "StatementId": "faasbench-url-invoke", "Action": "lambda:InvokeFunction", "Principal": "*", "InvokedViaFunctionUrl": true }),
            ] {
                all.push(request("letting everybody call the URL", "POST", address.clone(), Some(body)));
            }
        }
    }

    fn plan_instances(&self, plan: &Plan, all: &mut Vec<PlannedRequest>) {
        let function = &plan.function;
        let address =
            |version: &str, rest: &str| self.address("lambda", &format!("/{version}/functions/{function}{rest}"));
        if let Some(maximum) = plan.settings.maximum {
            let body = json!({ "ReservedConcurrentExecutions": maximum });
            all.push(request("setting the most instances", "PUT", address("2017-10-31", "/concurrency"), Some(body)));
        }
        if let Some(minimum) = plan.settings.minimum.filter(|minimum| *minimum > 0) {
            let alias = concurrency::ALIAS;
            all.push(request("publishing a version", "POST", address("2015-03-31", "/versions"), None));
            let body = json!({ "Name": alias, "FunctionVersion": "<version>" });
            all.push(when(
                "when there is no such alias yet",
                request("naming it", "POST", address("2015-03-31", "/aliases"), Some(body)),
            ));
            let body = json!({ "ProvisionedConcurrentExecutions": minimum });
            let path = format!("/provisioned-concurrency?Qualifier={alias}");
            all.push(request("starting instances", "PUT", address("2019-09-30", &path), Some(body)));
        }
    }

    fn configuration(&self, plan: &Plan, role: &str, package: Package) -> Value {
        let mut configuration = json!({
            "Role": role,
            "MemorySize": plan.settings.memory_mb,
            "Timeout": plan.settings.time_s,
            "EphemeralStorage": { "Size": plan.settings.scratch_mb },
            "Environment": { "Variables": self.shown(&plan.environment) },
            "LoggingConfig": { "LogFormat": "Text", "LogGroup": plan.log_group },
            "TracingConfig": { "Mode": if self.options().tracing { "Active" } else { "PassThrough" } },
        });
        if package == Package::Zip {
            configuration["Runtime"] = json!("provided.al2023");
            configuration["Handler"] = json!("bootstrap");
        }
        configuration
    }

    /// Variables without what may be a secret: only the values that are ours are shown.
    fn shown(&self, environment: &BTreeMap<String, String>) -> BTreeMap<String, String> {
        let is_ours = |name: &str| {
            name.starts_with("FAASBENCH_")
                && name != "FAASBENCH_INVOKE_AUTHORIZATION"
                && !self.connection().storage_environment.contains_key(name)
        };
        let shown = environment
            .iter()
            .map(|(name, value)| (name.clone(), if is_ours(name) { value.clone() } else { "(not shown)".to_owned() }));
        shown.collect()
    }

    fn address(&self, service: &str, path: &str) -> String {
        let clients = self.clients();
        match &clients.endpoint {
            Some(endpoint) => format!("{}{path}", endpoint.trim_end_matches('/')),
            None => format!("https://{service}.{}.{}{path}", clients.region, domain(clients.partition())),
        }
    }

    fn iam_address(&self, action: &str) -> String {
        let clients = self.clients();
        match &clients.endpoint {
            Some(endpoint) => format!("{}/?Action={action}", endpoint.trim_end_matches('/')),
            // One for all regions.
            None => format!("https://iam.{}/?Action={action}", domain(clients.partition())),
        }
    }
}

fn domain(partition: &str) -> &'static str {
    match partition {
        "aws-cn" => "amazonaws.com.cn",
        "aws-eusc" => "amazonaws.eu",
        _ => "amazonaws.com",
    }
}

fn request(purpose: &str, method: &str, address: String, body: Option<Value>) -> PlannedRequest {
    PlannedRequest { purpose: purpose.to_owned(), method: method.to_owned(), address, body, condition: None }
}

fn when(condition: &str, request: PlannedRequest) -> PlannedRequest {
    PlannedRequest { condition: Some(condition.to_owned()), ..request }
}
