//! A real browser, headless, over its DevTools protocol.

use std::collections::VecDeque;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};

/// Longer than anything here takes on a loaded machine.
const LONGEST: Duration = Duration::from_secs(60);
/// Between two looks at a file of the browser's.
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// A browser with one page. Dropped, it is killed.
pub(crate) struct Browser {
    process: Child,
    _profile: TempDir,
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
    session: Option<String>,
    next: u64,
    events: VecDeque<Value>,
}

impl Browser {
    /// Starts Chromium; none where it isn't installed, which is said.
    pub(crate) fn start() -> Option<Browser> {
        let profile = tempfile::tempdir().unwrap();
        let mut command = Command::new("chromium");
        command
            .args(["--headless=new", "--remote-debugging-port=0", "--disable-gpu", "--no-first-run"])
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        // Its sandbox refuses root; these pages are our own.
        if rustix::process::geteuid().is_root() {
            command.arg("--no-sandbox");
        }
        let process = match command.arg("about:blank").spawn() {
            Ok(process) => process,
            Err(error) => {
                eprintln!("skipped: chromium can't be started ({error}); install it (Debian: chromium)");
                return None;
            }
        };
        let address = address(&profile.path().join("DevToolsActivePort"));
        let (socket, _) = tungstenite::connect(address).unwrap();
        if let MaybeTlsStream::Plain(stream) = socket.get_ref() {
            stream.set_read_timeout(Some(LONGEST)).unwrap();
        }
        let mut browser =
            Browser { process, _profile: profile, socket, session: None, next: 0, events: VecDeque::new() };
        let target = browser.call("Target.createTarget", &json!({ "url": "about:blank" }));
        let attached =
            browser.call("Target.attachToTarget", &json!({ "targetId": target["targetId"], "flatten": true }));
        browser.session = attached["sessionId"].as_str().map(str::to_owned);
        for domain in ["Page", "Runtime", "Log", "Network"] {
            browser.call(&format!("{domain}.enable"), &json!({}));
        }
        Some(browser)
    }

    /// Shows a file in a window of this width and theme, and waits until it is loaded.
    pub(crate) fn open(&mut self, path: &Path, width: u32, theme: &str) {
        let metrics = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": false });
        self.call("Emulation.setDeviceMetricsOverride", &metrics);
        self.media("screen", theme);
        self.events.clear();
        self.call("Page.navigate", &json!({ "url": format!("file://{}", path.display()) }));
        self.wait_for("Page.loadEventFired");
    }

    /// Chooses the medium, `screen` or `print`, and the theme that the user prefers, `light` or `dark`.
    pub(crate) fn media(&mut self, medium: &str, theme: &str) {
        let features = json!([{ "name": "prefers-color-scheme", "value": theme }]);
        self.call("Emulation.setEmulatedMedia", &json!({ "media": medium, "features": features }));
    }

    /// The value of an expression in the page.
    #[track_caller]
    pub(crate) fn value(&mut self, expression: &str) -> Value {
        let found = self.call("Runtime.evaluate", &json!({ "expression": expression, "returnByValue": true }));
        assert!(found.get("exceptionDetails").is_none(), "{expression}: {found}");
        found["result"]["value"].clone()
    }

    /// Presses and releases a key.
    pub(crate) fn press(&mut self, key: &str, code: &str, text: &str) {
        for kind in ["keyDown", "keyUp"] {
            let mut event = json!({ "type": kind, "key": key, "code": code });
            if kind == "keyDown" && !text.is_empty() {
                event["text"] = json!(text);
            }
            if key == "Enter" {
                event["windowsVirtualKeyCode"] = json!(13);
            }
            self.call("Input.dispatchKeyEvent", &event);
        }
    }

    /// Moves the mouse to a place of the window, px.
    pub(crate) fn point_at(&mut self, x: f64, y: f64) {
        self.call("Input.dispatchMouseEvent", &json!({ "type": "mouseMoved", "x": x, "y": y }));
    }

    /// Saves a picture of the whole page into the folder that `FAASBENCH_SCREENSHOTS` names, for people to look at.
    pub(crate) fn screenshot(&mut self, name: &str) {
        let Some(folder) = std::env::var_os("FAASBENCH_SCREENSHOTS") else { return };
        let shot = self.call("Page.captureScreenshot", &json!({ "captureBeyondViewport": true }));
        let folder = Path::new(&folder);
        std::fs::create_dir_all(folder).unwrap();
        // Base64 is the browser's; the file is as it sends it, for `base64 -d`.
        std::fs::write(folder.join(format!("{name}.png.base64")), shot["data"].as_str().unwrap()).unwrap();
    }

    /// What the page complained about since it was opened: console messages, exceptions, refusals.
    pub(crate) fn complaints(&mut self) -> Vec<String> {
        // An answer comes after every event before it.
        self.value("1");
        let complaint = |event: &Value| {
            let parameters = &event["params"];
            match event["method"].as_str().unwrap_or_default() {
                "Runtime.exceptionThrown" => true,
                "Runtime.consoleAPICalled" => parameters["type"] != "log",
                "Log.entryAdded" => parameters["entry"]["level"] != "info",
                _ => false,
            }
        };
        self.events.iter().filter(|event| complaint(event)).map(Value::to_string).collect()
    }

    /// The addresses that the page asked for since it was opened.
    pub(crate) fn requests(&mut self) -> Vec<String> {
        self.value("1");
        let sent = self.events.iter().filter(|event| event["method"] == "Network.requestWillBeSent");
        sent.map(|event| event["params"]["request"]["url"].as_str().unwrap_or_default().to_owned()).collect()
    }

    fn wait_for(&mut self, method: &str) {
        while !self.events.iter().any(|event| event["method"] == method) {
            let message = self.receive();
            self.events.push_back(message);
        }
    }

    #[track_caller]
    fn call(&mut self, method: &str, parameters: &Value) -> Value {
        self.next += 1;
        let mut request = json!({ "id": self.next, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            request["sessionId"] = json!(session);
        }
        self.socket.send(Message::text(request.to_string())).unwrap();
        loop {
            let message = self.receive();
            if message["id"] == self.next {
                assert!(message.get("error").is_none(), "{method}: {message}");
                return message["result"].clone();
            }
            self.events.push_back(message);
        }
    }

    fn receive(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.socket.read().unwrap() {
                return serde_json::from_str(&text).unwrap();
            }
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // Its own helpers end with it.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Where the browser listens, once it does.
fn address(file: &Path) -> String {
    let begin = Instant::now();
    loop {
        let text = std::fs::read_to_string(file).unwrap_or_default();
        if let Some((port, path)) = text.trim().split_once('\n') {
            return format!("ws://127.0.0.1:{port}{path}");
        }
        assert!(begin.elapsed() < LONGEST, "the browser doesn't listen");
        std::thread::sleep(BETWEEN_LOOKS);
    }
}
