//! A page in Chromium, by the WebDriver protocol (<https://www.w3.org/TR/webdriver2/>): requests with
//! JSON to chromedriver.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use super::PATIENCE;
use super::components::Component;
use super::components::chromedriver::{OPTIONS, chromedriver, chromium};

/// Keys as WebDriver writes them (§17.4.2).
pub(crate) const ENTER: &str = "\u{e007}";
pub(crate) const TAB: &str = "\u{e004}";

/// A browser with one window, which ends when it is dropped.
pub(crate) struct Browser {
    /// The path of the session, without a slash at its end.
    session: String,
    driver: Component,
}

impl Browser {
    /// Starts a browser.
    #[track_caller]
    pub(crate) fn start() -> Browser {
        Browser::start_with(&[])
    }

    /// Starts a browser with these options of Chromium. It accepts every certificate.
    #[track_caller]
    pub(crate) fn start_with(more: &[&str]) -> Browser {
        let mut browser = Browser {
            session: String::new(),
            driver: chromedriver(),
        };
        let arguments = [OPTIONS, more].concat();
        let options = json!({"binary": chromium(), "args": arguments});
        let wanted = json!({"capabilities": {"alwaysMatch": {
            "acceptInsecureCerts": true,
            "goog:loggingPrefs": {"browser": "ALL"},
            "goog:chromeOptions": options,
            "timeouts": {"script": millis(PATIENCE), "pageLoad": millis(PATIENCE)},
        }}});
        let session = browser.call("POST", "/session", &wanted);
        browser.session = format!("/session/{}", session["sessionId"].as_str().unwrap());
        browser
    }

    /// Goes to this URL and waits until the page has loaded.
    #[track_caller]
    pub(crate) fn open(&self, url: &str) {
        self.post("/url", &json!({"url": url}));
    }

    /// What the body of a function returns; its `arguments` are these.
    #[track_caller]
    pub(crate) fn run(&self, script: &str, arguments: &[Value]) -> Value {
        let call = json!({"script": script, "args": arguments});
        self.post("/execute/sync", &call)
    }

    /// What a script passes to the last of its `arguments`, a function; the others are these.
    #[track_caller]
    pub(crate) fn run_async(&self, script: &str, arguments: &[Value]) -> Value {
        let call = json!({"script": script, "args": arguments});
        self.post("/execute/async", &call)
    }

    /// Waits until an expression is true.
    #[track_caller]
    pub(crate) fn wait(&self, expression: &str, arguments: &[Value]) {
        // The page looks itself, as often as it draws.
        let script = format!(
            "const done = arguments[arguments.length - 1], test = (...arguments) => {expression};
             const args = [...arguments].slice(0, -1);
             const look = () => test(...args) ? done(true) : setTimeout(look, 20);
             look();"
        );
        let call = json!({"script": script, "args": arguments});
        let path = format!("{}/execute/async", self.session);
        if let Err(error) = self.try_call("POST", &path, &call) {
            let page = self.run("return document.body.innerText", &[]);
            panic!(
                "never {expression} {arguments:?}: {error}\n{}",
                page.as_str().unwrap()
            );
        }
    }

    /// Waits until the text of an element contains this one.
    #[track_caller]
    pub(crate) fn wait_for(&self, selector: &str, text: &str) {
        let contains = "document.querySelector(arguments[0])?.textContent.includes(arguments[1])";
        self.wait(contains, &[json!(selector), json!(text)]);
    }

    /// Types into an element after what is there.
    #[track_caller]
    pub(crate) fn type_into(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.post(&format!("/element/{element}/value"), &json!({"text": text}));
    }

    /// Types instead of what is there.
    #[track_caller]
    pub(crate) fn replace(&self, selector: &str, text: &str) {
        let element = self.element(selector);
        self.post(&format!("/element/{element}/clear"), &json!({}));
        self.type_into(selector, text);
    }

    #[track_caller]
    pub(crate) fn click(&self, selector: &str) {
        let element = self.element(selector);
        self.post(&format!("/element/{element}/click"), &json!({}));
    }

    /// Presses keys, one after the other, wherever the focus is.
    #[track_caller]
    pub(crate) fn press(&self, keys: &str) {
        let key = |kind: &str, key: char| json!({"type": kind, "value": key.to_string()});
        let strokes = keys.chars();
        let strokes: Vec<Value> = strokes
            .flat_map(|c| [key("keyDown", c), key("keyUp", c)])
            .collect();
        let keyboard = json!({"type": "key", "id": "keyboard", "actions": strokes});
        self.post("/actions", &json!({"actions": [keyboard]}));
    }

    /// What the console has printed since the last time: errors, and what a policy has blocked.
    #[track_caller]
    pub(crate) fn console(&self) -> Vec<String> {
        let entries = self.post("/se/log", &json!({"type": "browser"}));
        let entries = entries.as_array().unwrap().iter();
        entries
            .map(|entry| entry["message"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Calls a method of the Chrome DevTools Protocol.
    #[track_caller]
    pub(crate) fn devtools(&self, method: &str, parameters: &Value) {
        let call = json!({"cmd": method, "params": parameters});
        self.post("/goog/cdp/execute", &call);
    }

    #[track_caller]
    fn element(&self, selector: &str) -> String {
        let found = json!({"using": "css selector", "value": selector});
        let found = self.post("/element", &found);
        let reference = found.as_object().unwrap().values().next();
        reference.unwrap().as_str().unwrap().to_owned()
    }

    #[track_caller]
    fn post(&self, path: &str, body: &Value) -> Value {
        self.call("POST", &format!("{}{path}", self.session), body)
    }

    #[track_caller]
    fn call(&self, method: &str, path: &str, body: &Value) -> Value {
        let called = self.try_call(method, path, body);
        called.unwrap_or_else(|error| panic!("{method} {path}: {error}"))
    }

    fn try_call(&self, method: &str, path: &str, body: &Value) -> Result<Value, String> {
        let body = body.to_string();
        let request = format!(
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut answer = exchange(self.driver.port, &request).map_err(|error| error.to_string())?;
        let value = answer["value"].take();
        match &value["error"] {
            Value::String(error) => Err(format!("{error}: {}", value["message"])),
            _ => Ok(value),
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The browser is no child of this process; it ends with its session.
        if !self.session.is_empty() {
            let _ = self.try_call("DELETE", &self.session, &json!({}));
        }
    }
}

/// Sends a request and reads the JSON of its answer.
fn exchange(port: u16, request: &str) -> std::io::Result<Value> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    // An answer may come as late as a script's.
    stream.set_read_timeout(Some(PATIENCE * 2))?;
    stream.write_all(request.as_bytes())?;
    let mut reader = BufReader::new(stream);
    let (mut line, mut length) = (String::new(), 0);
    while reader.read_line(&mut line)? > 2 {
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
        line.clear();
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(serde_json::from_slice(&body)?)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap()
}
