//! Lambda itself.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::state::{ACCOUNT, Function, Refusal, State};
use super::{Reply, base64, unbase64};

/// What a request that makes a function may say.
const CREATION: [&str; 15] = [
    "FunctionName",
    "Runtime",
    "Role",
    "Handler",
    "Code",
    "Description",
    "Timeout",
    "MemorySize",
    "PackageType",
    "Environment",
    "TracingConfig",
    "Tags",
    "Architectures",
    "EphemeralStorage",
    "LoggingConfig",
];
/// Looks that a change takes.
const LOOKS: u32 = 2;

fn invalid(message: impl Into<String>) -> Refusal {
    (400, "InvalidParameterValueException", message.into())
}

fn conflict(name: &str) -> Refusal {
    (
        409,
        "ResourceConflictException",
        format!(
            "The operation cannot be performed at this time. An update is in progress for resource: arn:aws:lambda:eu-central-1:{ACCOUNT}:function:{name}"
        ),
    )
}

fn missing(name: &str) -> Refusal {
    (
        404,
        "ResourceNotFoundException",
        format!("Function not found: arn:aws:lambda:eu-central-1:{ACCOUNT}:function:{name}"),
    )
}

impl State {
    pub(super) fn lambda(
        &mut self,
        method: &str,
        path: &str,
        query: &str,
        header: &dyn Fn(&str) -> String,
        body: &[u8],
    ) -> Result<Reply, Refusal> {
        let json: Value = serde_json::from_slice(body).unwrap_or_default();
        let parameter = |name: &str| {
            form_urlencoded::parse(query.as_bytes()).find(|(is, _)| is == name).map(|(_, value)| value.into_owned())
        };
        let parts: Vec<_> = path.trim_matches('/').split('/').collect();
        match (method, parts.as_slice()) {
            ("POST", ["2015-03-31", "functions"]) => self.create(&json),
            ("GET", ["2015-03-31", "functions"]) => {
                let all: Vec<_> = self
                    .functions
                    .iter()
                    .map(|(name, function)| shown(name, function, &function.configuration))
                    .collect();
                Ok(Reply::json(200, &json!({ "Functions": all })))
            }
            ("GET", ["2017-03-31", "tags", arn]) => {
                let name = arn.rsplit([':', '%']).next().unwrap_or_default().trim_start_matches("3A").to_owned();
                let function = self.functions.get(&name).ok_or_else(|| missing(&name))?;
                Ok(Reply::json(200, &json!({ "Tags": function.tags })))
            }
            ("POST", ["2015-03-31", "functions", name, "invocations"]) => {
                self.invoke(name, parameter("Qualifier").as_deref(), header, body)
            }
            (_, [_, "functions", name, rest @ ..]) => {
                let rest = rest.join("/");
                let function = self.functions.get_mut(*name).ok_or_else(|| missing(name))?;
                if method == "DELETE" && rest.is_empty() && parameter("Qualifier").is_none() {
                    if function.changing > 0 {
                        function.look();
                        return Err(conflict(name));
                    }
                    self.functions.remove(*name);
                    return Ok(Reply::empty(204));
                }
                function.answer(name, method, &rest, parameter("Qualifier").as_deref(), &json)
            }
            _ => Err((404, "UnknownOperationException", format!("{method} {path}"))),
        }
    }

    fn create(&mut self, json: &Value) -> Result<Reply, Refusal> {
        let fields = json.as_object().ok_or_else(|| invalid("no JSON"))?;
        if let Some(other) = fields.keys().find(|name| !CREATION.contains(&name.as_str())) {
            return Err(invalid(format!("{other} is not known")));
        }
        let name = json["FunctionName"].as_str().unwrap_or_default().to_owned();
        if self.functions.contains_key(&name) {
            return Err((409, "ResourceConflictException", format!("Function already exist: {name}")));
        }
        let role = json["Role"].as_str().unwrap_or_default();
        let known = self.roles.get_mut(role.rsplit('/').next().unwrap_or_default());
        match known {
            Some(role) if role.unknown > 0 => {
                role.unknown -= 1;
                return Err(invalid("The role defined for the function cannot be assumed by Lambda."));
            }
            Some(_) => {}
            None => return Err(invalid("The role defined for the function cannot be assumed by Lambda.")),
        }
        if json["Runtime"] != "provided.al2023" || json["Handler"].as_str().unwrap_or_default().is_empty() {
            return Err(invalid(
                "Runtime and Handler are mandatory parameters for functions created with deployment packages.",
            ));
        }
        if json["Environment"]["Variables"]
            .as_object()
            .is_some_and(|all| all.keys().any(|name| name.starts_with("AWS_")))
        {
            return Err(invalid(
                "Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys",
            ));
        }
        let zip = json["Code"]["ZipFile"].as_str().and_then(unbase64).ok_or_else(|| invalid("no code"))?;
        let group = json["LoggingConfig"]["LogGroup"].as_str().unwrap_or_default();
        if !self.groups.contains_key(group) {
            return Err(invalid("the log group is not there, and the role may not make it"));
        }
        let mut configuration = json.clone();
        configuration["CodeSha256"] = json!(base64(&Sha256::digest(&zip)));
        let tags = serde_json::from_value(json["Tags"].clone()).unwrap_or_default();
        let function = Function { tags, configuration, changing: LOOKS, is_new: true, ..Function::default() };
        let reply = shown(&name, &function, &function.configuration);
        self.functions.insert(name, function);
        Ok(Reply::json(201, &reply))
    }

    fn invoke(
        &mut self,
        name: &str,
        qualifier: Option<&str>,
        header: &dyn Fn(&str) -> String,
        body: &[u8],
    ) -> Result<Reply, Refusal> {
        let id = self.next_id();
        let function = self.functions.get_mut(name).ok_or_else(|| missing(name))?;
        if function.is_new {
            return Err((409, "ResourceConflictException", "The operation cannot be performed at this time. The function is currently in the following state: Pending".to_owned()));
        }
        let version = match qualifier {
            None => "$LATEST".to_owned(),
            Some("live") => function.alias.ok_or_else(|| missing(name))?.to_string(),
            Some(other) => return Err(missing(other)),
        };
        if header("x-amz-invocation-type") == "DryRun" {
            return Ok(Reply { headers: vec![("x-amzn-requestid", id)], ..Reply::empty(204) });
        }
        if header("x-amz-invocation-type") == "Event" {
            return Ok(Reply { headers: vec![("x-amzn-requestid", id)], ..Reply::empty(202) });
        }
        let event: Value = serde_json::from_slice(body).map_err(|_| {
            (400, "InvalidRequestContentException", "Could not parse request body into json".to_owned())
        })?;
        function.served += 1;
        let memory = function.configuration["MemorySize"].as_u64().unwrap_or(128);
        let is_cold = function.served == 1 && qualifier.is_none();
        let init = if is_cold { "\tInit Duration: 15.93 ms" } else { "" };
        let billed = if is_cold { 18 } else { 2 };
        let report = format!(
            "REPORT RequestId: {id}\tDuration: 1.23 ms\tBilled Duration: {billed} ms\tMemory Size: {memory} MB\tMax Memory Used: 16 MB{init}\t\n"
        );
        let lines = [
            format!("START RequestId: {id} Version: {version}\n"),
            "hello\n".to_owned(),
            format!("END RequestId: {id}\n"),
            report,
        ];
        let instance = format!("{name}-{}", function.generation);
        let group = function.configuration["LoggingConfig"]["LogGroup"].as_str().unwrap_or_default().to_owned();
        let record = json!({
            "identifier": "a",
            "event": event,
            "trace": header("x-amzn-trace-id"),
            "records": { "a": {
                "instance_identifier": instance, "invocation_index": function.served, "sandbox_age_us": 1000,
                "code": function.configuration["CodeSha256"],
            } },
        });
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as u64);
        let mut headers = vec![("x-amzn-requestid", id), ("x-amz-executed-version", version)];
        if header("x-amz-log-type") == "Tail" {
            headers.push(("x-amz-log-result", base64(lines.concat().as_bytes())));
        }
        if let Some(group) = self.groups.get_mut(&group) {
            group.events.extend(lines.into_iter().map(|line| (now, format!("2026/11/28/[$LATEST]{instance}"), line)));
        }
        let Some(error) = event["fail"].as_str() else {
            return Ok(Reply { headers, ..Reply::json(200, &record) });
        };
        headers.push(("x-amz-function-error", "Unhandled".to_owned()));
        Ok(Reply { headers, ..Reply::json(200, &json!({ "errorType": error, "errorMessage": "as asked" })) })
    }
}

impl Function {
    fn answer(
        &mut self,
        name: &str,
        method: &str,
        rest: &str,
        qualifier: Option<&str>,
        json: &Value,
    ) -> Result<Reply, Refusal> {
        let is_change = method != "GET"
            && matches!(rest, "code" | "configuration" | "concurrency" | "versions" | "provisioned-concurrency");
        if is_change && self.changing > 0 {
            self.look();
            return Err(conflict(name));
        }
        match (method, rest) {
            ("GET", "") => {
                self.look();
                let configuration = match qualifier {
                    None => self.configuration.clone(),
                    Some("live") => self.versions[&self.alias.ok_or_else(|| missing(name))?].clone(),
                    Some(version) => {
                        self.versions.get(&version.parse().unwrap_or_default()).cloned().ok_or_else(|| missing(name))?
                    }
                };
                Ok(Reply::json(
                    200,
                    &json!({ "Configuration": shown(name, self, &configuration), "Code": {}, "Tags": self.tags }),
                ))
            }
            ("PUT", "configuration") => {
                let mut next = self.configuration.clone();
                for (field, value) in json.as_object().into_iter().flatten() {
                    next[field] = value.clone();
                }
                self.change(next);
                Ok(Reply::json(200, &shown(name, self, &self.configuration)))
            }
            ("PUT", "code") => {
                let zip = json["ZipFile"].as_str().and_then(unbase64).ok_or_else(|| invalid("no code"))?;
                let mut next = self.configuration.clone();
                next["CodeSha256"] = json!(base64(&Sha256::digest(&zip)));
                self.change(next);
                Ok(Reply::json(200, &shown(name, self, &self.configuration)))
            }
            ("DELETE", "") => {
                let version: u64 = qualifier.and_then(|version| version.parse().ok()).unwrap_or_default();
                if self.alias == Some(version) {
                    return Err((409, "ResourceConflictException", "an alias names it".to_owned()));
                }
                self.versions.remove(&version).map(|_| Reply::empty(204)).ok_or_else(|| missing(name))
            }
            ("PUT", "concurrency") => {
                self.reserved = json["ReservedConcurrentExecutions"].as_i64();
                Ok(Reply::json(200, json))
            }
            ("DELETE", "concurrency") => {
                self.reserved = None;
                Ok(Reply::empty(204))
            }
            ("POST", "versions") => {
                let same = self.versions.get(&self.last_version).is_some_and(|last| *last == self.configuration);
                if !same {
                    self.last_version += 1;
                    self.versions.insert(self.last_version, self.configuration.clone());
                }
                let mut published = shown(name, self, &self.configuration);
                published["Version"] = json!(self.last_version.to_string());
                Ok(Reply::json(201, &published))
            }
            ("GET", "aliases/live") => {
                let version = self.alias.ok_or_else(|| missing(name))?;
                Ok(Reply::json(200, &json!({ "Name": "live", "FunctionVersion": version.to_string() })))
            }
            ("POST", "aliases") if self.alias.is_some() => {
                Err((409, "ResourceConflictException", "Alias already exists".to_owned()))
            }
            ("POST", "aliases") | ("PUT", "aliases/live") => {
                self.alias = json["FunctionVersion"].as_str().and_then(|version| version.parse().ok());
                (self.generation, self.served) = (self.generation + 1, 0);
                Ok(Reply::json(
                    if method == "POST" { 201 } else { 200 },
                    &json!({ "Name": "live", "FunctionVersion": json["FunctionVersion"] }),
                ))
            }
            ("DELETE", "aliases/live") => {
                if self.provisioned.is_some() {
                    return Err((409, "ResourceConflictException", "it has provisioned concurrency".to_owned()));
                }
                self.alias = None;
                Ok(Reply::empty(204))
            }
            ("PUT", "provisioned-concurrency") => {
                if qualifier != Some("live") || self.alias.is_none() {
                    return Err(invalid(
                        "Provisioned Concurrency Configs cannot be applied to unpublished function versions.",
                    ));
                }
                self.provisioned = Some((json["ProvisionedConcurrentExecutions"].as_i64().unwrap_or_default(), 1));
                Ok(Reply::json(202, &json!({ "Status": "IN_PROGRESS" })))
            }
            ("GET", "provisioned-concurrency") => match &mut self.provisioned {
                None => Err((
                    404,
                    "ProvisionedConcurrencyConfigNotFoundException",
                    "No Provisioned Concurrency Config found for this function".to_owned(),
                )),
                Some((asked, looks)) => {
                    let status = if *looks == 0 { "READY" } else { "IN_PROGRESS" };
                    *looks = looks.saturating_sub(1);
                    Ok(Reply::json(
                        200,
                        &json!({ "Status": status, "RequestedProvisionedConcurrentExecutions": asked }),
                    ))
                }
            },
            ("DELETE", "provisioned-concurrency") => match self.provisioned.take() {
                Some(_) => Ok(Reply::empty(204)),
                None => Err((404, "ProvisionedConcurrencyConfigNotFoundException", "none".to_owned())),
            },
            ("POST", "url") if self.url.is_some() => {
                Err((409, "ResourceConflictException", "Failed to create function url config".to_owned()))
            }
            ("POST" | "PUT", "url") => {
                self.url = json["AuthType"].as_str().map(str::to_owned);
                Ok(Reply::json(
                    if method == "POST" { 201 } else { 200 },
                    &json!({
                        "FunctionUrl": "https://abcdef.lambda-url.eu-central-1.on.aws/", "AuthType": json["AuthType"],
                        "FunctionArn": "arn", "CreationTime": "2026-11-28T00:00:00Z", "LastModifiedTime": "2026-11-28T00:00:00Z",
                    }),
                ))
            }
            ("DELETE", "url") => self.url.take().map(|_| Reply::empty(204)).ok_or_else(|| missing(name)),
            ("POST", "policy") => {
                let id = json["StatementId"].as_str().unwrap_or_default().to_owned();
                if !self.permissions.insert(id) {
                    return Err((
                        409,
                        "ResourceConflictException",
                        "The statement id provided already exists.".to_owned(),
                    ));
                }
                Ok(Reply::json(201, &json!({ "Statement": "{}" })))
            }
            ("DELETE", policy) if policy.starts_with("policy/") => {
                let id = policy.trim_start_matches("policy/");
                if self.permissions.remove(id) { Ok(Reply::empty(204)) } else { Err(missing(id)) }
            }
            _ => Err((404, "UnknownOperationException", format!("{method} {rest}"))),
        }
    }

    fn change(&mut self, next: Value) {
        self.next = Some(next);
        self.changing = LOOKS;
    }
}

/// A configuration as Lambda tells it.
fn shown(name: &str, function: &Function, configuration: &Value) -> Value {
    let mut shown = configuration.clone();
    for own in ["Code", "Tags"] {
        shown.as_object_mut().map(|fields| fields.remove(own));
    }
    shown["FunctionName"] = json!(name);
    shown["FunctionArn"] = json!(format!("arn:aws:lambda:eu-central-1:{ACCOUNT}:function:{name}"));
    shown["State"] = json!(if function.is_new && function.changing > 0 { "Pending" } else { "Active" });
    shown["LastUpdateStatus"] = json!(if function.changing > 0 { "InProgress" } else { "Successful" });
    shown
}
