//! Chrome's DevTools: commands in sequence, events, and messages of more than a megabyte.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use super::Job;
use crate::support::PATIENCE;
use crate::support::components::chromedriver::devtools;

/// Dots of random colours, which no picture holds in less than three bytes each.
const NOISE: &str = "<!doctype html><title>here</title><canvas width=1200 height=900></canvas><script>
const canvas = document.querySelector('canvas'), context = canvas.getContext('2d');
const picture = context.createImageData(1200, 900);
for (let i = 0; i < picture.data.length; i++) picture.data[i] = i % 4 == 3 ? 255 : Math.random() * 256;
context.putImageData(picture, 0, 0);
</script>";

#[test]
#[ignore = "needs .ci/peers"]
fn chromes_devtools() {
    let chromium = devtools();
    let job = Job::of("Chrome's DevTools");
    let noise = job.folder().join("noise.html");
    let picture = job.folder().join("page.png");
    fs::write(&noise, NOISE).unwrap();
    page_of(chromium.port);
    let folder = job
        .on(9222, chromium.port)
        .at(
            "data:text/html,<title>here</title>",
            &format!("file://{}", noise.display()),
        )
        .run();
    let picture = fs::read(picture).unwrap();
    assert!(picture.starts_with(b"\x89PNG\r\n"));
    assert!(picture.len() > 1 << 20, "{}", picture.len());
    drop(folder);
}

/// The URL of the browser's page, once there is one.
#[track_caller]
pub(super) fn page_of(port: u16) -> String {
    let start = Instant::now();
    while start.elapsed() < PATIENCE {
        let list: Value = serde_json::from_str(&get(port, "/json/list")).unwrap();
        let pages = list.as_array().unwrap();
        if let Some(page) = pages.iter().find(|target| target["type"] == "page") {
            return page["webSocketDebuggerUrl"].as_str().unwrap().to_owned();
        }
        thread::sleep(Duration::from_millis(20));
    }
    panic!("the browser has no page");
}

/// The body of the answer to a request.
#[track_caller]
fn get(port: u16, path: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = BufReader::new(stream);
    let mut length = 0;
    for line in answer.by_ref().lines() {
        let line = line.unwrap().to_lowercase();
        if line.is_empty() {
            break;
        }
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    answer.read_exact(&mut body).unwrap();
    String::from_utf8(body).unwrap()
}
