//! A real browser: headless Chromium, driven over the WebDriver protocol by chromedriver.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;

/// A browser with one window.
pub(crate) struct Browser {
    driver: Child,
    port: u16,
    session: String,
    _profile: TempDir,
}

impl Browser {
    /// Starts it with an empty profile.
    pub(crate) fn start() -> Self {
        let mut driver = Command::new("chromedriver")
            .args(["--port=0", "--allowed-ips=127.0.0.1"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("chromedriver is needed for this test: install chromium-driver");
        let said = BufReader::new(driver.stdout.take().expect("its output is a pipe"));
        let port = said
            .lines()
            .map_while(Result::ok)
            .find_map(|line| {
                let rest = line.split("started successfully on port ").nth(1)?;
                rest.trim_end_matches('.').parse().ok()
            })
            .expect("chromedriver says its port");
        let profile = tempfile::tempdir().expect("a temporary folder can be made");
        let mut browser = Self {
            driver,
            port,
            session: String::new(),
            _profile: profile,
        };
        let folder = format!("--user-data-dir={}", browser._profile.path().display());
        let arguments = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--no-first-run",
            "--disable-background-networking",
            "--disable-component-update",
            "--disable-sync",
            "--hide-scrollbars",
            &folder,
        ];
        let answer = browser.send(
            "POST",
            "/session",
            &json!({"capabilities": {"alwaysMatch": {
                "goog:chromeOptions": {"args": arguments},
                "goog:loggingPrefs": {"browser": "ALL"},
            }}}),
        );
        browser.session = format!(
            "/session/{}",
            answer["sessionId"].as_str().expect("a session has an id")
        );
        browser
    }

    /// Makes the window so large, in CSS pixels; a phone's has fingers.
    pub(crate) fn resize(&self, width: u32, height: u32, is_phone: bool) {
        let scale = if is_phone { 2 } else { 1 };
        self.devtools(
            "Emulation.setDeviceMetricsOverride",
            &json!({"width": width, "height": height, "deviceScaleFactor": scale, "mobile": is_phone}),
        );
    }

    /// Opens a page and waits until it has loaded.
    pub(crate) fn open(&self, url: &str) {
        self.send("POST", &self.path("/url"), &json!({"url": url}));
    }

    /// What the body of a function gives in the page; a promise is waited for.
    pub(crate) fn run(&self, body: &str) -> Value {
        self.send(
            "POST",
            &self.path("/execute/sync"),
            &json!({"script": body, "args": []}),
        )
    }

    /// Waits until the body of a function gives true in the page.
    #[track_caller]
    pub(crate) fn wait_for(&self, what: &str, body: &str) {
        let since = Instant::now();
        while self.run(body) != Value::Bool(true) {
            assert!(
                since.elapsed() < Duration::from_secs(60),
                "waited in vain for {what}"
            );
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Presses a key of this name.
    pub(crate) fn press(&self, key: &str, code: u32) {
        for kind in ["rawKeyDown", "keyUp"] {
            let event = json!({"type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code});
            self.devtools("Input.dispatchKeyEvent", &event);
        }
    }

    /// What was logged as an error since it was asked last: scripts that fail, what is not found, what is not allowed.
    pub(crate) fn errors(&self) -> Vec<String> {
        let entries = self.send("POST", &self.path("/se/log"), &json!({"type": "browser"}));
        let entries = entries.as_array().cloned().unwrap_or_default();
        let severe = entries.into_iter().filter(|entry| entry["level"] == "SEVERE");
        severe.map(|entry| entry["message"].to_string()).collect()
    }

    /// Takes a picture of the whole page.
    pub(crate) fn picture(&self, file: &Path) {
        let shot = self.devtools(
            "Page.captureScreenshot",
            &json!({"format": "png", "captureBeyondViewport": true}),
        );
        let text = shot["data"].as_str().expect("a picture has data");
        std::fs::write(file, from_base64(text)).expect("a picture can be written");
    }

    fn devtools(&self, command: &str, parameters: &Value) -> Value {
        let body = json!({"cmd": command, "params": parameters});
        self.send("POST", &self.path("/goog/cdp/execute"), &body)
    }

    fn path(&self, rest: &str) -> String {
        format!("{}{rest}", self.session)
    }

    /// A request to chromedriver; its answer's value.
    fn send(&self, method: &str, path: &str, body: &Value) -> Value {
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).expect("chromedriver answers");
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .expect("a time-out can be set");
        let body = body.to_string();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\
             Connection: close\r\n\r\n{body}",
            self.port,
            body.len()
        )
        .expect("chromedriver listens");
        // It keeps the connection open, so the length is what ends an answer.
        let mut answer = BufReader::new(stream);
        let (mut status, mut length, mut line) = (String::new(), 0, String::new());
        while answer.read_line(&mut line).expect("chromedriver answers in time") > 2 {
            if status.is_empty() {
                status.clone_from(&line);
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length is a number");
            }
            line.clear();
        }
        let mut text = vec![0; length];
        answer
            .read_exact(&mut text)
            .expect("chromedriver answers in time");
        let mut parsed: Value = serde_json::from_slice(&text).unwrap_or_else(|e| panic!("{path}: {e}"));
        assert!(status.contains(" 200 "), "{method} {path}: {parsed:#}");
        parsed["value"].take()
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        if !self.session.is_empty() && !std::thread::panicking() {
            self.send("DELETE", &self.session, &json!({}));
        }
        drop(self.driver.kill());
        drop(self.driver.wait());
    }
}

fn from_base64(text: &str) -> Vec<u8> {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (mut out, mut held, mut bits) = (Vec::with_capacity(text.len() * 3 / 4), 0_u32, 0);
    for letter in text.bytes().filter(|letter| *letter != b'=') {
        let value = LETTERS
            .iter()
            .position(|known| *known == letter)
            .expect("base64 has 64 letters");
        held = held << 6 | value as u32;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            out.push((held >> bits) as u8);
        }
    }
    out
}
