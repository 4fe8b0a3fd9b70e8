//! Tests of `support::proxy`, with plain TCP.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::proxy::{Counts, Cut, Proxy};
use crate::support::{PATIENCE, server, wirecat};

/// How long nothing must come where nothing may. That can only be told by waiting.
const SILENCE: Duration = Duration::from_millis(60);

/// A server that sends back what comes, and ends a connection when the client has.
fn echo() -> SocketAddr {
    serve(|mut stream| {
        let mut bytes = [0; 4096];
        while let Ok(count @ 1..) = stream.read(&mut bytes) {
            if stream.write_all(&bytes[..count]).is_err() {
                return;
            }
        }
    })
}

/// What came over a connection, and how it ended.
type Collected = (Vec<u8>, io::Result<()>);

/// A server that reads every connection to its end and tells of it.
fn collects() -> (SocketAddr, mpsc::Receiver<Collected>) {
    let (sender, receiver) = mpsc::channel();
    let address = serve(move |mut stream| {
        let mut bytes = Vec::new();
        let end = stream.read_to_end(&mut bytes).map(drop);
        let _ = sender.send((bytes, end));
    });
    (address, receiver)
}

fn serve(script: impl Fn(TcpStream) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let script = script.clone();
            thread::spawn(move || script(stream.unwrap()));
        }
    });
    address
}

fn connect(proxy: &Proxy) -> TcpStream {
    let stream = TcpStream::connect(proxy.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.set_nodelay(true).unwrap();
    stream
}

#[track_caller]
fn echoes(stream: &mut TcpStream, bytes: &[u8]) {
    stream.write_all(bytes).unwrap();
    receives(stream, bytes);
}

#[track_caller]
fn receives(stream: &mut TcpStream, bytes: &[u8]) {
    let mut came = vec![0; bytes.len()];
    stream.read_exact(&mut came).unwrap();
    assert!(came == bytes, "what came back is not what was sent");
}

#[track_caller]
fn is_silent(stream: &mut TcpStream) {
    stream.set_read_timeout(Some(SILENCE)).unwrap();
    let error = stream.read(&mut [0]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WouldBlock, "{error}");
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
}

#[track_caller]
fn was_cut(end: io::Result<impl Into<u64>>, cut: Cut) {
    let end = end.map(Into::into).map_err(|error| error.kind());
    match cut {
        Cut::Fin => assert_eq!(end, Ok(0)),
        Cut::Reset => assert_eq!(end, Err(ErrorKind::ConnectionReset)),
    }
}

#[track_caller]
fn reads_the_cut(stream: &mut TcpStream, cut: Cut) {
    was_cut(stream.read(&mut [0]).map(|count| count as u64), cut);
}

/// Does not repeat itself at any power of two.
fn noise(len: usize) -> Vec<u8> {
    (0..len).map(|at| (at % 251) as u8).collect()
}

/// Writes all of it in a thread, and then ends that side.
fn send(stream: &TcpStream, bytes: Vec<u8>) {
    let mut stream = stream.try_clone().unwrap();
    thread::spawn(move || {
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(Shutdown::Write);
    });
}

#[test]
fn it_forwards_both_directions_with_ends_and_counts() {
    let proxy = Proxy::start(echo());
    for _ in 0..2 {
        let mut client = connect(&proxy);
        send(&client, noise(3 << 20));
        let mut came = Vec::new();
        client.read_to_end(&mut came).unwrap();
        assert!(came == noise(3 << 20));
    }
    let expected = Counts {
        accepted: 2,
        cuts: 0,
        to_server: 6 << 20,
        to_client: 6 << 20,
    };
    assert_eq!(proxy.counts(), expected);
}

#[test]
fn websockets_pass() {
    let server = server::serve();
    let proxy = Proxy::start(server.address);
    wirecat(["-1", "-d", "hi", &proxy.url("/echo")])
        .run()
        .exits(0)
        .prints("hi\n");
}

#[test]
fn new_connections_go_to_the_new_target() {
    let (first, _) = collects();
    let proxy = Proxy::start(first);
    let old = connect(&proxy);
    proxy.wait_for(|counts| counts.accepted == 1);
    proxy.retarget(echo());
    echoes(&mut connect(&proxy), b"new");
    drop(old);
}

#[test]
fn it_resets_without_a_listener() {
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = Proxy::start(nobody.local_addr().unwrap());
    drop(nobody);
    reads_the_cut(&mut connect(&proxy), Cut::Reset);
    assert_eq!(proxy.counts().accepted, 1);
}

#[test]
fn a_reset_of_the_server_is_passed_on() {
    let server = serve(|mut stream| {
        // With bytes unread, to close is to reset.
        let _ = stream.read(&mut [0]);
    });
    let proxy = Proxy::start(server);
    let mut client = connect(&proxy);
    client.write_all(b"two").unwrap();
    reads_the_cut(&mut client, Cut::Reset);
}

#[test]
fn a_delay_holds_each_chunk_back_but_not_the_throughput() {
    const DELAY: Duration = Duration::from_millis(100);
    let proxy = Proxy::start(echo());
    proxy.delay(DELAY);
    let mut client = connect(&proxy);
    let start = Instant::now();
    echoes(&mut client, b"there and back");
    assert!(start.elapsed() >= 2 * DELAY);
    // One chunk of the proxy at a time would take half a minute.
    let start = Instant::now();
    send(&client, noise(2 << 20));
    receives(&mut client, &noise(2 << 20));
    assert!(start.elapsed() < Duration::from_secs(10));
    // The end is held back, too.
    assert_eq!(client.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_throttle_passes_small_pieces() {
    let proxy = Proxy::start(echo());
    proxy.throttle(40_000);
    let mut client = connect(&proxy);
    let start = Instant::now();
    send(&client, noise(20_000));
    let mut reads = 0;
    let mut came = Vec::new();
    let mut bytes = [0; 20_000];
    while let count @ 1.. = client.read(&mut bytes).unwrap() {
        came.extend_from_slice(&bytes[..count]);
        reads += 1;
    }
    assert!(came == noise(20_000));
    let took = start.elapsed();
    assert!(took > Duration::from_millis(400), "{took:?}");
    assert!(reads > 5, "{reads}");
}

#[test]
fn a_throttle_holds_the_sender_back() {
    let (server, _) = collects();
    let proxy = Proxy::start(server);
    proxy.throttle(1_000);
    let mut client = connect(&proxy);
    client.set_write_timeout(Some(SILENCE)).unwrap();
    let mut taken = 0;
    while let Ok(count) = client.write(&[0; 1000]) {
        taken += count;
    }
    assert!(taken < 1_000_000, "{taken} bytes were taken");
}

#[test]
fn a_black_hole_passes_nothing_until_it_is_healed() {
    let proxy = Proxy::start(echo());
    let mut client = connect(&proxy);
    echoes(&mut client, b"before");
    proxy.black_hole();
    let before = proxy.counts();
    client.write_all(b"during").unwrap();
    is_silent(&mut client);
    let mut late = connect(&proxy);
    late.write_all(b"late").unwrap();
    is_silent(&mut late);
    assert_eq!(proxy.counts(), before);
    proxy.heal();
    receives(&mut client, b"during");
    receives(&mut late, b"late");
}

#[test]
fn a_black_hole_passes_no_end_either() {
    let proxy = Proxy::start(echo());
    let mut client = connect(&proxy);
    echoes(&mut client, b"before");
    proxy.black_hole();
    client.shutdown(Shutdown::Write).unwrap();
    is_silent(&mut client);
    proxy.heal();
    reads_the_cut(&mut client, Cut::Fin);
}

#[test]
fn a_black_hole_may_hold_the_present_connections_alone() {
    let proxy = Proxy::start(echo());
    let mut client = connect(&proxy);
    echoes(&mut client, b"before");
    proxy.black_hole_present();
    client.write_all(b"during").unwrap();
    is_silent(&mut client);
    echoes(&mut connect(&proxy), b"new");
    proxy.heal();
    receives(&mut client, b"during");
}

#[test]
fn a_cut_comes_after_the_given_number_of_bytes() {
    for cut in [Cut::Reset, Cut::Fin] {
        let (server, connections) = collects();
        let proxy = Proxy::start(server);
        for (after, sent) in [(1, 2), (100, 1000), (50_000, 300_000)] {
            proxy.cut_after(after, cut);
            let mut client = connect(&proxy);
            send(&client, noise(sent));
            let (bytes, end) = connections.recv_timeout(PATIENCE).unwrap();
            assert!(bytes == noise(after as usize), "{} {after}", bytes.len());
            was_cut(end.map(|()| 0_u64), cut);
            assert_eq!(client.read(&mut [0]).unwrap_or(0), 0);
        }
        let counts = proxy.counts();
        assert_eq!((counts.cuts, counts.to_server), (3, 50_101));
    }
}

#[test]
fn replies_are_cut_as_well() {
    for cut in [Cut::Reset, Cut::Fin] {
        let proxy = Proxy::start(echo());
        let mut client = connect(&proxy);
        echoes(&mut client, b"before");
        proxy.cut_replies_after(7, cut);
        client.write_all(b"a longer line").unwrap();
        receives(&mut client, b"a longe");
        reads_the_cut(&mut client, cut);
        echoes(&mut connect(&proxy), b"after");
        assert_eq!(proxy.counts().cuts, 1);
    }
}

#[test]
fn cuts_follow_each_other_over_connections() {
    let (server, connections) = collects();
    let proxy = Proxy::start(server);
    for bytes in [3, 0, 5] {
        proxy.cut_after(bytes, Cut::Reset);
    }
    for expected in [&b"abc"[..], b"", b"abcde", b"abcdefg"] {
        let mut client = connect(&proxy);
        client.write_all(b"abcdefg").unwrap();
        let _ = client.shutdown(Shutdown::Write);
        let (bytes, _) = connections.recv_timeout(PATIENCE).unwrap();
        assert_eq!(bytes, expected);
    }
    assert_eq!(proxy.counts().cuts, 3);
}

#[test]
fn healing_calls_cuts_off() {
    let proxy = Proxy::start(echo());
    proxy.cut_after(3, Cut::Reset);
    proxy.heal();
    echoes(&mut connect(&proxy), b"abcdefg");
}

#[test]
fn all_are_killed_while_they_wait_to_read_and_to_write() {
    for cut in [Cut::Reset, Cut::Fin] {
        let (server, connections) = collects();
        let proxy = Proxy::start(server);
        let mut idle = connect(&proxy);
        proxy.wait_for(|counts| counts.accepted == 1);
        proxy.kill_all(cut);
        reads_the_cut(&mut idle, cut);
        was_cut(connections.recv().unwrap().1.map(|()| 0_u64), cut);

        // One that writes to a server that does not read.
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        proxy.retarget(listener.local_addr().unwrap());
        let mut busy = connect(&proxy);
        send(&busy, noise(8 << 20));
        proxy.wait_for(|counts| counts.to_server > 10_000);
        proxy.kill_all(cut);
        // Which of them meets the reset, the write or this, is open.
        assert_eq!(busy.read(&mut [0]).unwrap_or(0), 0);

        let mut lost = connect(&proxy);
        proxy.wait_for(|counts| counts.accepted == 3);
        proxy.black_hole();
        proxy.kill_all(cut);
        reads_the_cut(&mut lost, cut);
    }
}
