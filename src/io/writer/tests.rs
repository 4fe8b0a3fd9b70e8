//! The writer with sinks that are slow, fail or block.

use std::sync::mpsc;

use super::*;

/// A sink that writes one chunk for each permit it is given, and records what it has written.
fn gated() -> (Sink, mpsc::Sender<()>, Arc<Mutex<Vec<u8>>>) {
    let (permit, permits) = mpsc::channel();
    let written = Arc::<Mutex<Vec<u8>>>::default();
    let theirs = Arc::clone(&written);
    let sink = Box::new(move |bytes: &[u8]| {
        // If the test is gone, all are permitted.
        let _ = permits.recv();
        theirs.lock().unwrap().extend_from_slice(bytes);
        Ok(())
    });
    (sink, permit, written)
}

fn finish(writer: Writer) {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    runtime.unwrap().block_on(writer.finish()).unwrap();
}

/// The memory that the queue holds, in bytes.
fn held(writer: &Writer) -> usize {
    let queue = writer.shared.queue();
    let buffers = queue.chunks.iter().chain(&queue.spares);
    let spares: usize = queue.spares.iter().map(Vec::capacity).sum();
    assert_eq!(spares, queue.spare_bytes);
    buffers.map(|buffer| buffer.capacity() + 24).sum()
}

#[test]
fn a_stall_costs_a_few_mebibytes_at_most() {
    let (sink, permit, written) = gated();
    let mut writer = Writer::new(sink);
    let (mut expected, mut most) = (Vec::new(), 0);
    let mut submit = |writer: &mut Writer, bytes: &[u8]| {
        writer.buffer().extend_from_slice(bytes);
        expected.extend_from_slice(bytes);
        writer.submit();
        most = most.max(held(writer));
    };
    for number in 0..60_000 {
        submit(&mut writer, format!("{number:015}").as_bytes());
    }
    // One large message, then many that fill a chunk.
    submit(&mut writer, &vec![b'y'; 20 << 20]);
    for _ in 0..200 {
        let _ = permit.send(());
    }
    for _ in 0..200 {
        let _ = permit.send(());
        submit(&mut writer, &vec![b'z'; CHUNK + 100]);
        while writer.shared.waiting.load(Ordering::Acquire) > MAX_WAITING {
            thread::yield_now();
        }
    }
    assert!(held(&writer) <= 4 << 20, "{}", held(&writer));
    drop(permit);
    finish(writer);
    assert!(most <= 32 << 20, "{most}");
    assert!(*written.lock().unwrap() == expected);
}

#[test]
fn small_chunks_share_a_buffer_while_the_thread_is_busy() {
    let mut queue = Queue::default();
    for number in 0..60_000 {
        queue.push(&mut format!("{number:015}").into_bytes(), false);
    }
    assert!(queue.chunks.len() <= FLOWING + 60_000 * 15 / CHUNK + 1);
    let mut last = b"last".to_vec();
    queue.push(&mut last, true);
    assert_eq!(queue.chunks.back().unwrap(), b"last");
    assert!(last.is_empty());
}

#[test]
fn log_lines_without_room_are_dropped_and_counted() {
    let (sink, permit, written) = gated();
    let mut log = Writer::new(sink);
    let line = [&[b'x'; 1023][..], b"\n"].concat();
    for _ in 0..2000 {
        log.buffer().extend_from_slice(&line);
        log.submit_or_drop();
    }
    let kept = MAX_WAITING / line.len();
    let dropped = format!("wirecat: {} log lines were dropped\n", 2000 - kept);
    drop(permit);
    finish(log);
    let written = written.lock().unwrap();
    assert!(written.ends_with(dropped.as_bytes()));
    assert_eq!(written.len(), kept * line.len() + dropped.len());
}
