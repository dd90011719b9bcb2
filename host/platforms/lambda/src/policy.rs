//! What a role allows, as IAM's documents.

use native::{Location, RemoteLocation, Service};
use serde_json::{Value, json};

/// The version of IAM's language of policies.
const VERSION: &str = "2012-10-17";

/// What a role is for.
#[derive(Debug)]
pub(crate) struct Allowed<'a> {
    pub(crate) partition: &'a str,
    pub(crate) region: &'a str,
    pub(crate) account: &'a str,
    pub(crate) log_group: &'a str,
    /// What the names of functions that it may call begin with.
    pub(crate) prefix: &'a str,
    pub(crate) tracing: bool,
    /// The functions' storage, where it is in S3.
    pub(crate) storage: Option<&'a str>,
}

/// Who may take a role on: Lambda.
pub(crate) fn trust() -> Value {
    json!({
        "Version": VERSION,
        "Statement": [{ "Effect": "Allow", "Principal": { "Service": "lambda.amazonaws.com" }, "Action": "sts:AssumeRole" }],
    })
}

/// What it may do then: write its own log, call our functions, use our objects, and nothing else.
pub(crate) fn allows(allowed: &Allowed<'_>) -> Value {
    let Allowed { partition, region, account, log_group, prefix, tracing, storage } = *allowed;
    let mut statements = vec![
        statement(
            "WriteOwnLog",
            &["logs:CreateLogStream", "logs:PutLogEvents"],
            &[format!("arn:{partition}:logs:{region}:{account}:log-group:{log_group}:*")],
        ),
        statement(
            "CallOurFunctions",
            &["lambda:InvokeFunction"],
            &[format!("arn:{partition}:lambda:{region}:{account}:function:{prefix}*")],
        ),
    ];
    if tracing {
        // X-Ray has no resources to name.
        statements.push(statement("Trace", &["xray:PutTraceSegments", "xray:PutTelemetryRecords"], &["*".to_owned()]));
    }
    if let Some(Location::Remote(remote)) = storage.and_then(|text| Location::parse(text).ok())
        && is_aws(&remote)
    {
        let bucket = remote.bucket.as_deref().unwrap_or("*");
        let below = if remote.prefix.is_empty() { "*".to_owned() } else { format!("{}/*", remote.prefix) };
        let objects = ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"];
        statements.push(statement("UseObjects", &objects, &[format!("arn:{partition}:s3:::{bucket}/{below}")]));
        let mut list = statement("ListObjects", &["s3:ListBucket"], &[format!("arn:{partition}:s3:::{bucket}")]);
        if !remote.prefix.is_empty() {
            list["Condition"] = json!({ "StringLike": { "s3:prefix": below } });
        }
        statements.push(list);
    }
    json!({ "Version": VERSION, "Statement": statements })
}

/// Whether a storage is Amazon's own S3, where a role's credentials are worth something.
pub(crate) fn is_aws(storage: &RemoteLocation) -> bool {
    storage.service == Service::S3 && storage.endpoint.is_none()
}

fn statement(id: &str, actions: &[&str], resources: &[String]) -> Value {
    json!({ "Sid": id, "Effect": "Allow", "Action": actions, "Resource": resources })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(storage: Option<&str>, tracing: bool) -> Value {
        allows(&Allowed {
            partition: "aws",
            region: "eu-west-1",
            account: "123456789012",
            log_group: "/aws/lambda/faasbench-f-0123456789",
            prefix: "faasbench-",
            tracing,
            storage,
        })
    }

    #[test]
    fn a_role_writes_its_log_and_calls_ours_and_nothing_else() {
        let statements = document(None, false)["Statement"].clone();
        assert_eq!(statements.as_array().map(Vec::len), Some(2));
        let group = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/faasbench-f-0123456789:*";
        assert_eq!(statements[0]["Resource"][0], group);
        assert_eq!(statements[1]["Resource"][0], "arn:aws:lambda:eu-west-1:123456789012:function:faasbench-*");
        let text = document(None, false).to_string();
        assert!(!text.contains("CreateLogGroup") && !text.contains("\"*\""), "{text}");
    }

    #[test]
    fn only_the_storages_own_objects_are_used() {
        let statements = document(Some("s3://mine/lab"), true)["Statement"].clone();
        assert_eq!(statements[3]["Resource"][0], "arn:aws:s3:::mine/lab/*");
        assert_eq!(statements[4]["Condition"]["StringLike"]["s3:prefix"], "lab/*");
        for other in ["s3://mine?endpoint=http://127.0.0.1:9000", "gs://mine", "/srv"] {
            assert_eq!(document(Some(other), false)["Statement"].as_array().map(Vec::len), Some(2), "{other}");
        }
    }
}
