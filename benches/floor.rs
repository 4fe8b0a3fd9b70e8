//! The least that a client can cost: moves the bytes of stdin into a connection, and those of the
//! connection to stdout, and does nothing with them. `benches/compare` gives it frames for stdin,
//! the last of them a Close, and measures other clients by it.
//!
//! Reads and writes as much at once as `wirecat` does, a thread each way.

use std::fs::File;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::thread;

/// Moved at once, in bytes.
const BLOCK: usize = 64 * 1024;

fn main() -> io::Result<()> {
    let url = std::env::args().nth(1).unwrap_or_default();
    let (host, path) = url
        .strip_prefix("ws://")
        .and_then(|rest| rest.split_once('/'))
        .ok_or_else(|| io::Error::other("usage: floor ws://HOST:PORT/PATH"))?;
    let mut connection = TcpStream::connect(host)?;
    connection.set_nodelay(true)?;
    write!(
        connection,
        "GET /{path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )?;
    skip_head(&mut connection)?;
    // As files: the standard streams have buffers of their own.
    let stdin = File::from(io::stdin().as_fd().try_clone_to_owned()?);
    let mut stdout = File::from(io::stdout().as_fd().try_clone_to_owned()?);
    let mut sending = connection.try_clone()?;
    // A server that has said Close may not take the rest.
    let sender = thread::spawn(move || pump(stdin, &mut sending));
    pump(&mut connection, &mut stdout)?;
    let _ = connection.shutdown(Shutdown::Both);
    let _ = sender.join();
    Ok(())
}

/// Reads the head of the response, and nothing after it.
fn skip_head(connection: &mut TcpStream) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        connection.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    if head.starts_with(b"HTTP/1.1 101 ") {
        return Ok(());
    }
    Err(io::Error::other(
        String::from_utf8_lossy(&head).into_owned(),
    ))
}

fn pump(mut from: impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut block = vec![0; BLOCK];
    loop {
        match from.read(&mut block)? {
            0 => return Ok(()),
            size => to.write_all(&block[..size])?,
        }
    }
}
