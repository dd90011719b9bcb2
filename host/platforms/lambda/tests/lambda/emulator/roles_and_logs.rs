//! IAM and CloudWatch Logs.

use serde_json::{Value, json};

use super::Reply;
use super::state::{ACCOUNT, Group, Refusal, Role, State};

fn role_xml(name: &str, role: &Role) -> String {
    let tags: String = role
        .tags
        .iter()
        .map(|(key, value)| format!("<member><Key>{key}</Key><Value>{value}</Value></member>"))
        .collect();
    format!(
        "<Path>{0}</Path><RoleName>{name}</RoleName><RoleId>AROA</RoleId><Arn>arn:aws:iam::{ACCOUNT}:role{0}{name}</Arn>\
         <CreateDate>2026-11-28T00:00:00Z</CreateDate><Tags>{tags}</Tags>",
        role.path
    )
}

fn answer(action: &str, result: &str) -> Reply {
    Reply::xml(
        200,
        format!(
            "<{action}Response xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><{action}Result>{result}</{action}Result>\
         <ResponseMetadata><RequestId>r</RequestId></ResponseMetadata></{action}Response>"
        ),
    )
}

impl State {
    pub(super) fn iam(
        &mut self,
        action: &str,
        text: &dyn Fn(&str) -> Option<String>,
        form: &[(String, String)],
    ) -> Result<Reply, Refusal> {
        let name = text("RoleName").unwrap_or_default();
        let missing = || (404, "NoSuchEntity", format!("The role with name {name} cannot be found."));
        match action {
            "GetRole" => {
                let role = self.roles.get(&name).ok_or_else(missing)?;
                Ok(answer(action, &format!("<Role>{}</Role>", role_xml(&name, role))))
            }
            "CreateRole" => {
                if self.roles.contains_key(&name) {
                    return Err((409, "EntityAlreadyExists", format!("Role with name {name} already exists.")));
                }
                let trust: Value =
                    serde_json::from_str(&text("AssumeRolePolicyDocument").unwrap_or_default()).unwrap_or_default();
                if trust["Statement"][0]["Principal"]["Service"] != "lambda.amazonaws.com" {
                    return Err((400, "MalformedPolicyDocument", "Lambda may not assume it".to_owned()));
                }
                let member = |index: usize, part: &str| {
                    let key = format!("Tags.member.{index}.{part}");
                    form.iter().find(|(name, _)| *name == key).map(|(_, value)| value.clone())
                };
                let tags = (1..50).map_while(|index| Some((member(index, "Key")?, member(index, "Value")?))).collect();
                let role =
                    Role { tags, path: text("Path").unwrap_or_else(|| "/".to_owned()), policy: None, unknown: 1 };
                let xml = format!("<Role>{}</Role>", role_xml(&name, &role));
                self.roles.insert(name, role);
                Ok(answer(action, &xml))
            }
            "PutRolePolicy" => {
                let role = self.roles.get_mut(&name).ok_or_else(missing)?;
                role.policy = text("PolicyDocument");
                Ok(answer(action, ""))
            }
            "DeleteRolePolicy" => {
                let role = self.roles.get_mut(&name).ok_or_else(missing)?;
                role.policy.take().map(|_| answer(action, "")).ok_or((404, "NoSuchEntity", "no such policy".to_owned()))
            }
            "DeleteRole" => {
                if self.roles.get(&name).ok_or_else(missing)?.policy.is_some() {
                    return Err((
                        409,
                        "DeleteConflict",
                        "Cannot delete entity, must delete policies first.".to_owned(),
                    ));
                }
                self.roles.remove(&name);
                Ok(answer(action, ""))
            }
            "ListRoles" => {
                let path = text("PathPrefix").unwrap_or_default();
                let roles = self.roles.iter().filter(|(_, role)| role.path.starts_with(&path));
                let roles: String =
                    roles.map(|(name, role)| format!("<member>{}</member>", role_xml(name, role))).collect();
                Ok(answer(action, &format!("<IsTruncated>false</IsTruncated><Roles>{roles}</Roles>")))
            }
            _ => Err((400, "InvalidAction", action.to_owned())),
        }
    }

    pub(super) fn logs(&mut self, action: &str, body: &Value) -> Result<Reply, Refusal> {
        let name = body["logGroupName"].as_str().unwrap_or_default().to_owned();
        let missing = || (400, "ResourceNotFoundException", "The specified log group does not exist.".to_owned());
        match action {
            "CreateLogGroup" => {
                if self.groups.contains_key(&name) {
                    return Err((
                        400,
                        "ResourceAlreadyExistsException",
                        "The specified log group already exists".to_owned(),
                    ));
                }
                let tags = serde_json::from_value(body["tags"].clone()).unwrap_or_default();
                self.groups.insert(name, Group { tags, ..Group::default() });
                Ok(Reply::json(200, &json!({})))
            }
            "PutRetentionPolicy" => {
                self.groups.get_mut(&name).ok_or_else(missing)?.retention = body["retentionInDays"].as_i64();
                Ok(Reply::json(200, &json!({})))
            }
            "ListTagsForResource" => {
                let arn = body["resourceArn"].as_str().unwrap_or_default();
                // ...:log-group:NAME, without `:*`.
                let name = arn.split(":log-group:").nth(1).unwrap_or_default();
                let group = self.groups.get(name).ok_or_else(missing)?;
                Ok(Reply::json(200, &json!({ "tags": group.tags })))
            }
            "DescribeLogGroups" => {
                let prefix = body["logGroupNamePrefix"].as_str().unwrap_or_default();
                let groups: Vec<_> = self.groups.keys().filter(|name| name.starts_with(prefix)).collect();
                let groups: Vec<_> = groups.iter().map(|name| json!({ "logGroupName": name })).collect();
                Ok(Reply::json(200, &json!({ "logGroups": groups })))
            }
            "DeleteLogGroup" => self.groups.remove(&name).map(|_| Reply::json(200, &json!({}))).ok_or_else(missing),
            "FilterLogEvents" => {
                let group = self.groups.get(&name).ok_or_else(missing)?;
                // A pattern in quotes is a text that the line holds.
                let pattern = body["filterPattern"].as_str().unwrap_or_default().trim_matches('"');
                let since = body["startTime"].as_u64().unwrap_or_default();
                // One line a page.
                let at: usize = body["nextToken"].as_str().and_then(|token| token.parse().ok()).unwrap_or_default();
                let fits: Vec<_> =
                    group.events.iter().filter(|(time, _, text)| *time >= since && text.contains(pattern)).collect();
                let events: Vec<_> = fits.iter().skip(at).take(5).map(|(time, stream, text)| {
                    json!({ "timestamp": time, "logStreamName": stream, "message": text, "ingestionTime": time, "eventId": "e" })
                }).collect();
                let mut page = json!({ "events": events, "searchedLogStreams": [] });
                if at + 5 < fits.len() {
                    page["nextToken"] = json!((at + 5).to_string());
                }
                Ok(Reply::json(200, &page))
            }
            _ => Err((400, "UnknownOperationException", action.to_owned())),
        }
    }
}
