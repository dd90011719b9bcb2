//! Changes to an event that keep it JSON, so that the fuzzer comes past the parser.

use serde_json::{Map, Value, json};

const KEYS: [&str; 22] = [
    "StatusCode",
    "sleep",
    "throughput_time",
    "thoughput_time",
    "invoke_nested",
    "parallel",
    "parent",
    "level",
    "function_name",
    "invoke_payload",
    "code",
    "run_function",
    "args",
    "seed",
    "object",
    "bucket",
    "key",
    "width",
    "height",
    "input",
    "output",
    "more",
];

/// Values that some key accepts, values at the edge, and values of every wrong type: JSON.
const VALUES: [&str; 44] = [
    "null",
    "true",
    "false",
    "0",
    "1",
    "-1",
    "-0.0",
    "5",
    "12",
    "200",
    "65535",
    "65536",
    "4294967296",
    "2147483647",
    "9223372036854775807",
    "-9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
    "0.0001",
    "1e-320",
    "1e308",
    "200.0",
    "[]",
    "{}",
    "\"\"",
    "\"/\"",
    "\"root\"",
    "\"x-function2\"",
    "\"function1\"",
    "\"monolith\"",
    "\"thumbnailer\"",
    "\"compression\"",
    "\"random\"",
    "\"matrix_mult\"",
    "\"fib\"",
    "\"use_arrow\"",
    "\"sortedListToBST\"",
    "\"bucket\"",
    "\"in\"",
    "\"tree\"",
    "\"photo.png\"",
    "\"../..\"",
    "\"{\\\"sleep\\\": 0}\"",
    "\"\\u0000\\u00e9\\ud83d\\ude00\\u2028\"",
];

/// The event `text` with one thing changed, chosen by `seed`; `None` when it is no JSON.
#[must_use]
pub fn mutate_event(text: &str, seed: u32) -> Option<String> {
    let mut event: Value = serde_json::from_str(text).ok()?;
    let mut random = Random(u64::from(seed) << 1 | 1);
    if random.below(16) == 0 {
        event = nested(event, &mut random);
    } else {
        let target = random.below(count(&event));
        change(&mut event, &mut { target }, &mut random);
    }
    Some(event.to_string())
}

/// An event that calls a function with `event`, as an object or as text.
fn nested(event: Value, random: &mut Random) -> Value {
    const FUNCTIONS: [&str; 7] =
        ["function1", "d-function2", "function3", "monolith", "thumbnailer", "compression", "absent"];
    let payload = if random.below(3) == 0 { Value::String(event.to_string()) } else { event };
    let call = json!({"function_name": FUNCTIONS[random.below(FUNCTIONS.len())], "invoke_payload": payload});
    let calls = vec![call; 1 + random.below(3)];
    json!({"invoke_nested": calls, "parallel": random.below(2) == 0})
}

/// The number of values in `value`, itself included.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(items) => items.iter().map(count).sum(),
        Value::Object(keys) => keys.values().map(count).sum(),
        _ => 0,
    }
}

/// Changes the value that comes `target` values after this one, counted as [`count`] does.
fn change(value: &mut Value, target: &mut usize, random: &mut Random) -> bool {
    if *target == 0 {
        change_one(value, random);
        return true;
    }
    *target -= 1;
    match value {
        Value::Array(items) => items.iter_mut().any(|item| change(item, target, random)),
        Value::Object(keys) => keys.values_mut().any(|item| change(item, target, random)),
        _ => false,
    }
}

fn change_one(value: &mut Value, random: &mut Random) {
    let choice = random.below(8);
    match value {
        Value::Object(keys) if choice < 5 => {
            keys.insert(KEYS[random.below(KEYS.len())].to_owned(), any(random));
        }
        Value::Object(keys) if choice < 7 => drop_one(keys, random),
        Value::Array(items) if choice < 3 => items.push(any(random)),
        Value::Array(items) if choice < 5 && !items.is_empty() => {
            let copy = items[random.below(items.len())].clone();
            items.push(copy);
        }
        Value::String(text) if choice < 3 => {
            *text = text.repeat(1 + random.below(90));
            text.truncate(text.floor_char_boundary(4000));
        }
        Value::Number(number) if choice < 3 => {
            let factor = [0.5, -1.0, 1.0001, 10.0][random.below(4)];
            *value = json!(number.as_f64().unwrap_or_default() * factor);
        }
        _ => *value = any(random),
    }
}

fn drop_one(keys: &mut Map<String, Value>, random: &mut Random) {
    if let Some(key) = keys.keys().nth(random.below(keys.len().max(1))).cloned() {
        keys.remove(&key);
    }
}

fn any(random: &mut Random) -> Value {
    serde_json::from_str(VALUES[random.below(VALUES.len())]).unwrap_or_default()
}

/// xorshift64*, Vigna 2016: enough to choose with.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) as usize % bound
    }
}
