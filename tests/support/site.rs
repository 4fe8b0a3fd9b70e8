//! A server that answers each request as a test says, and keeps what it was asked.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

use super::server::{Wire, close};

/// What is answered.
pub(crate) enum Answer {
    /// 101 with these header lines (each ended by CRLF), and a Close 1000.
    Open(&'static str),
    /// These bytes, and the end of the connection.
    Bytes(Vec<u8>),
}

/// An answer that redirects.
pub(crate) fn redirect(status: u16, location: &str) -> Answer {
    redirect_with(status, location, "")
}

/// The same with more header lines, each ended by CRLF.
pub(crate) fn redirect_with(status: u16, location: &str, headers: &str) -> Answer {
    let head = format!(
        "HTTP/1.1 {status} Moved\r\nLocation: {location}\r\n{headers}Content-Length: 0\r\n\r\n"
    );
    Answer::Bytes(head.into_bytes())
}

/// The server, stopped when dropped.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

/// Starts a server whose answers `answer` gives: to the request's head, and its number from 1.
pub(crate) fn site(answer: impl Fn(&str, usize) -> Answer + Send + 'static) -> Site {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let requests = Arc::new(Mutex::new(Vec::new()));
    let stopped = Arc::new(AtomicBool::new(false));
    let (kept, stop) = (Arc::clone(&requests), Arc::clone(&stopped));
    let thread = thread::spawn(move || {
        for stream in listener.incoming() {
            if stop.load(Ordering::SeqCst) {
                return;
            }
            let mut wire = Wire::new(stream.unwrap());
            let request = wire.request();
            let number = {
                let mut kept = kept.lock().unwrap();
                kept.push(request.clone());
                kept.len()
            };
            match answer(&request, number) {
                Answer::Open(headers) => {
                    wire.accept(&request, headers, &close(1000, ""));
                    wire.until_close();
                }
                Answer::Bytes(bytes) => wire.send(bytes),
            }
        }
    });
    Site {
        address,
        requests,
        stopped,
        thread: Some(thread),
    }
}

impl Site {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("ws://{}{path}", self.address)
    }

    /// The heads of the requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// The targets of the requests so far.
    pub(crate) fn targets(&self) -> Vec<String> {
        let target = |head: &String| head.split(' ').nth(1).unwrap_or_default().to_owned();
        self.requests().iter().map(target).collect()
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
