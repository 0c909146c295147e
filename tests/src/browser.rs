//! A real browser without a screen, driven as WebDriver (W3C) says.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use base64::Engine;
use kindling_base::{Command, Error, Silent};
use kindling_host::{HostPackage, Proof, ensure};
use serde_json::{Value, json};

/// Packages that it needs. Debian has them; Ubuntu has neither as a package.
const PACKAGES: &[HostPackage] = &[
    HostPackage {
        name: "chromium",
        proof: Proof::Program("chromium"),
        reason: "to look at desktops in the tests",
    },
    HostPackage {
        name: "chromium-driver",
        proof: Proof::Program("chromedriver"),
        reason: "to drive the browser in the tests",
    },
];

/// Longer than anything takes on a busy machine.
const LIMIT: Duration = Duration::from_secs(120);

/// A browser with one window.
pub struct Browser {
    driver: Child,
    /// Address of the session.
    session: String,
    agent: ureq::Agent,
}

impl Browser {
    /// Starts one whose page has this size in pixels.
    ///
    /// # Errors
    /// The machine has no browser and cannot be given one.
    pub fn start(width: u32, height: u32) -> Result<Self, Error> {
        ensure(PACKAGES, true, &Silent)?;
        let mut command = Command::new("chromedriver").arg("--port=0").to_std();
        let mut driver = command
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(driver.stdout.take().unwrap()).lines();
        let port = lines.by_ref().map_while(Result::ok).find_map(|line| {
            let (_, port) = line.split_once("successfully on port ")?;
            Some(port.trim_end_matches('.').to_owned())
        });
        std::thread::spawn(move || lines.for_each(drop)); // so that it never waits for a reader
        let config = ureq::Agent::config_builder().timeout_global(Some(LIMIT));
        let agent = ureq::Agent::new_with_config(config.http_status_as_error(false).build());
        let mut browser = Self {
            driver,
            session: format!("http://127.0.0.1:{}/session", port.unwrap()),
            agent,
        };
        // Root's Chromium refuses to start with its sandbox; it only sees pages of our own guests here.
        let args = [
            "--headless=new",
            "--no-sandbox",
            "--disable-gpu",
            "--disable-dev-shm-usage",
            "--hide-scrollbars",
        ];
        let options = json!({"goog:chromeOptions": {"args": args}});
        let made = browser.post("", &json!({"capabilities": {"alwaysMatch": options}}));
        let id = made["sessionId"].as_str().unwrap().to_owned();
        browser.session = format!("{}/{id}", browser.session);
        let metrics =
            json!({"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false});
        let command = "Emulation.setDeviceMetricsOverride";
        browser.post(
            "/goog/cdp/execute",
            &json!({"cmd": command, "params": metrics}),
        );
        Ok(browser)
    }

    /// Opens an address.
    pub fn open(&self, url: &str) {
        self.post("/url", &json!({"url": url}));
    }

    /// Calls a script in the page until what it returns is true.
    pub fn wait(&self, script: &str) {
        let started = Instant::now();
        while self.script(script) != Value::Bool(true) {
            let page = self.script("return document.documentElement?.outerHTML.slice(0, 2000)");
            assert!(started.elapsed() < LIMIT, "`{script}` stays false\n{page}");
        }
    }

    /// Runs a script in the page; returns its result.
    pub fn script(&self, script: &str) -> Value {
        self.post("/execute/sync", &json!({"script": script, "args": []}))
    }

    /// Clicks at a place of the page, in pixels.
    pub fn click(&self, x: u32, y: u32) {
        let actions = json!([
            {"type": "pointerMove", "duration": 0, "x": x, "y": y},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]);
        let source = json!({"type": "pointer", "id": "mouse", "actions": actions});
        self.post("/actions", &json!({"actions": [source]}));
    }

    /// Types a text, as a person does.
    pub fn type_text(&self, text: &str) {
        let keys = text.chars().flat_map(|key| {
            // WebDriver 17.4.2: the return key.
            let key = if key == '\n' { '\u{e006}' } else { key };
            ["keyDown", "keyUp"].map(|kind| json!({"type": kind, "value": key.to_string()}))
        });
        let source = json!({"type": "key", "id": "keyboard", "actions": keys.collect::<Vec<_>>()});
        self.post("/actions", &json!({"actions": [source]}));
    }

    /// Takes a screenshot of the page.
    pub fn look(&self) -> Picture {
        let response = self
            .agent
            .get(format!("{}/screenshot", self.session))
            .call();
        let text = response.unwrap().body_mut().read_to_string().unwrap();
        let value: Value = serde_json::from_str(&text).unwrap();
        let encoded = value["value"].as_str().unwrap();
        let bytes = base64::engine::general_purpose::STANDARD.decode(encoded);
        Picture::read(bytes.unwrap())
    }

    /// Looks until the picture is as it should be.
    pub fn look_for(&self, what: &str, is_there: impl Fn(&Picture) -> bool) -> Picture {
        let started = Instant::now();
        loop {
            let picture = self.look();
            if is_there(&picture) {
                return picture;
            }
            if started.elapsed() > LIMIT {
                let path = std::env::temp_dir().join("kindling-not-seen.png");
                picture.save(&path);
                panic!("{what} is not to be seen; look at {}", path.display());
            }
        }
    }

    fn post(&self, path: &str, body: &Value) -> Value {
        let request = self.agent.post(format!("{}{path}", self.session));
        let request = request.header("Content-Type", "application/json");
        let response = request.send(body.to_string());
        let text = response.unwrap().body_mut().read_to_string().unwrap();
        let mut value: Value = serde_json::from_str(&text).unwrap();
        let answer = value["value"].take();
        assert!(answer["error"].is_null(), "{path}: {answer}");
        answer
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.agent.delete(&self.session).call(); // ends the browser
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

/// A screenshot.
pub struct Picture {
    png: Vec<u8>,
    width: usize,
    channels: usize,
    bytes: Vec<u8>,
}

impl Picture {
    fn read(png: Vec<u8>) -> Self {
        let mut reader = png::Decoder::new(std::io::Cursor::new(&png))
            .read_info()
            .unwrap();
        let mut bytes = vec![0; reader.output_buffer_size().unwrap()];
        let info = reader.next_frame(&mut bytes).unwrap();
        Self {
            width: info.width as usize,
            channels: info.color_type.samples(),
            bytes,
            png,
        }
    }

    /// Red, green and blue of a pixel.
    pub fn at(&self, x: usize, y: usize) -> [u8; 3] {
        let start = (y * self.width + x) * self.channels;
        std::array::from_fn(|channel| self.bytes[start + channel])
    }

    /// Whether a pixel has a colour, nearly.
    pub fn is(&self, x: usize, y: usize, colour: [u8; 3]) -> bool {
        let pairs = self.at(x, y).into_iter().zip(colour);
        pairs.into_iter().all(|(a, b)| a.abs_diff(b) <= 8)
    }

    /// Counts the bright pixels of a rectangle: text on a dark ground.
    pub fn bright(&self, xs: std::ops::Range<usize>, ys: std::ops::Range<usize>) -> usize {
        let pixels = ys.flat_map(|y| xs.clone().map(move |x| (x, y)));
        pixels
            .filter(|&(x, y)| self.at(x, y).into_iter().any(|channel| channel > 140))
            .count()
    }

    /// Writes it to a file.
    pub fn save(&self, path: &Path) {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, &self.png).unwrap();
    }
}
