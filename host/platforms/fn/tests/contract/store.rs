//! What an emulated server has: apps, functions and triggers, with the checks of `api/models` and `api/datastore` of Fn
//! 0.3.753.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

/// A status and a message, as Fn refuses.
pub(crate) type Refusal = (u16, &'static str);

/// All that was created.
#[derive(Default)]
pub(crate) struct Store {
    things: BTreeMap<String, BTreeMap<String, Value>>,
    last: u64,
}

impl Store {
    pub(crate) fn get(&self, kind: &str, id: &str) -> Option<&Value> {
        self.things.get(kind)?.get(id)
    }

    pub(crate) fn all(&self, kind: &str) -> Vec<Value> {
        self.things.get(kind).map(|things| things.values().cloned().collect()).unwrap_or_default()
    }

    /// One page, in the order of the cursor's key, which is the id.
    pub(crate) fn page(&self, kind: &str, query: &BTreeMap<String, String>) -> Result<Value, Refusal> {
        let wanted = |thing: &&Value| {
            ["app_id", "name", "fn_id"].iter().all(|key| query.get(*key).is_none_or(|value| thing[*key] == **value))
        };
        if kind != "apps" && !query.contains_key("app_id") {
            return Err((400, "Missing App ID"));
        }
        let asked = query.get("per_page").and_then(|text| text.parse().ok()).unwrap_or(30_usize);
        let per_page = if asked == 0 { 30 } else { asked.min(100) };
        let cursor = query.get("cursor").cloned().unwrap_or_default();
        let all = self.all(kind);
        let mut found: Vec<_> =
            all.iter().filter(wanted).filter(|thing| thing["id"].as_str().unwrap() > cursor.as_str()).collect();
        let is_more = found.len() > per_page;
        found.truncate(per_page);
        let next = found.last().filter(|_| is_more).map(|thing| thing["id"].clone());
        // Go's empty list is null where nothing was found.
        let items = if found.is_empty() { Value::Null } else { json!(found) };
        Ok(match next {
            Some(next) => json!({ "next_cursor": next, "items": items }),
            None => json!({ "items": items }),
        })
    }

    pub(crate) fn create(&mut self, kind: &str, body: &Value) -> Result<Value, Refusal> {
        let name = body["name"].as_str().filter(|name| !name.is_empty()).ok_or((400, "Missing Name"))?;
        if body.get("id").is_some() {
            return Err((400, "ID cannot be provided"));
        }
        annotations(&body["annotations"])?;
        let mut thing = body.clone();
        if kind != "apps" {
            let app = body["app_id"].as_str().ok_or((400, "Missing App ID"))?;
            self.get("apps", app).ok_or((404, "App not found"))?;
        }
        if kind == "fns" {
            function(&mut thing)?;
        }
        if kind == "triggers" {
            let function = self.get("fns", body["fn_id"].as_str().unwrap_or_default()).ok_or((404, "Fn not found"))?;
            if function["app_id"] != body["app_id"] {
                return Err((400, "Invalid Fn ID - not owned by specified app"));
            }
            if body["type"] != "http" {
                return Err((400, "Trigger Type Not Supported"));
            }
            if !body["source"].as_str().unwrap_or_default().starts_with('/') {
                return Err((400, "Missing Trigger Source Prefix '/'"));
            }
        }
        let is_same = |other: &Value| {
            other["app_id"] == body["app_id"]
                && (other["name"] == *name || (kind == "triggers" && other["source"] == body["source"]))
        };
        if self.all(kind).iter().any(is_same) {
            return Err((409, "already exists"));
        }
        self.last += 1;
        let id = format!("01TEST{:020}", self.last);
        thing["id"] = id.clone().into();
        self.things.entry(kind.to_owned()).or_default().insert(id, thing.clone());
        Ok(thing)
    }

    /// Merges: what is absent, zero or empty stays, an empty value of the configuration goes.
    pub(crate) fn update(&mut self, kind: &str, id: &str, body: &Value) -> Result<Value, Refusal> {
        annotations(&body["annotations"])?;
        let mut changed = self.get(kind, id).cloned().ok_or((404, "not found"))?;
        for (key, value) in body.as_object().ok_or((400, "Invalid JSON"))? {
            match key.as_str() {
                "config" | "annotations" => {
                    if !changed[key].is_object() {
                        changed[key] = json!({});
                    }
                    let merged = changed[key].as_object_mut().unwrap();
                    for (name, value) in value.as_object().ok_or((400, "Invalid JSON"))? {
                        if value == "" {
                            merged.remove(name);
                        } else {
                            merged.insert(name.clone(), value.clone());
                        }
                    }
                }
                "image" | "memory" | "timeout" | "idle_timeout" if value != "" && value != 0 => {
                    changed[key] = value.clone();
                }
                _ => {}
            }
        }
        if kind == "fns" {
            function(&mut changed)?;
        }
        self.things.get_mut(kind).unwrap().insert(id.to_owned(), changed.clone());
        Ok(changed)
    }

    /// Deletes a thing with all that is in it.
    pub(crate) fn delete(&mut self, kind: &str, id: &str) -> Result<(), Refusal> {
        self.things.get_mut(kind).and_then(|things| things.remove(id)).ok_or((404, "not found"))?;
        let key = match kind {
            "apps" => "app_id",
            "fns" => "fn_id",
            _ => return Ok(()),
        };
        for things in self.things.values_mut() {
            things.retain(|_, thing| thing[key] != id);
        }
        Ok(())
    }
}

fn annotations(annotations: &Value) -> Result<(), Refusal> {
    for (name, value) in annotations.as_object().unwrap_or(&Map::new()) {
        if name.is_empty() || !name.bytes().all(|byte| (b'!'..=b'~').contains(&byte)) {
            return Err((400, "Invalid annotation key, annotation keys must be non-empty ascii strings"));
        }
        if value.is_null() || value == "" {
            return Err((400, "Invalid annotation value"));
        }
    }
    Ok(())
}

fn function(thing: &mut Value) -> Result<(), Refusal> {
    for (key, default, most, refusal) in [
        ("memory", 128, 8192, "memory value is out of range. It should be between 0 and 8192"),
        ("timeout", 30, 300, "timeout value is out of range, must be between 0 and 300"),
        ("idle_timeout", 30, 3600, "idle_timeout value is out of range, must be between 0 and 3600"),
    ] {
        let value = thing[key].as_u64().filter(|value| *value != 0).unwrap_or(default);
        if value > most {
            return Err((400, refusal));
        }
        thing[key] = value.into();
    }
    if thing["image"].as_str().is_none_or(str::is_empty) {
        return Err((400, "Missing image on Fn"));
    }
    if !thing["config"].is_object() {
        thing["config"] = json!({});
    }
    if thing["config"].as_object().unwrap().values().any(|value| !value.is_string()) {
        return Err((400, "Invalid JSON"));
    }
    Ok(())
}
