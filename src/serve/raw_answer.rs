//! Answers to a handshake that hyper would not send: raw bytes on the connection, in place of its own
//! answer. It reads nothing but the end of the client's side.

use std::io;
use std::pin::pin;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split};
use tokio::time::{sleep, timeout};

use super::handshake_faults::{Asked, Ending, HandshakeFault, Step};

/// How long the client may take to end the connection.
const CLIENT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long it may take where nothing is sent, or no end of it.
const PATIENCE: Duration = Duration::from_secs(120);

/// How often bytes are repeated at most: 64 MiB of the usual 8 KiB.
const MAX_REPEATS: usize = 8192;

/// What is sent in place of an answer, if the connection is HTTP/1.1. It is an extension of the answer
/// that it replaces.
#[derive(Clone, Debug)]
pub(super) struct RawAnswer {
    pub(super) fault: &'static HandshakeFault,
    pub(super) asked: Asked,
}

/// Sends the answer and waits for the client to end the connection, where that is left to it.
pub(super) async fn send<S>(io: &mut S, answer: &RawAnswer)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let (reader, writer) = split(io);
    let mut client_end = pin!(read_to_end(reader));
    let steps = answer.fault.steps(&answer.asked);
    let says_nothing = steps.is_empty();
    tokio::select! {
        () = &mut client_end => return,
        // Where it fails, the client has gone.
        _ = write(writer, steps) => {}
    }
    if answer.fault.ending == Ending::Wait {
        let patience = if says_nothing {
            PATIENCE
        } else {
            CLIENT_TIMEOUT
        };
        let _ = timeout(patience, client_end).await;
    }
}

async fn write(mut io: impl AsyncWrite + Unpin, steps: Vec<Step>) -> io::Result<()> {
    for step in steps {
        match step {
            Step::Send(bytes) => io.write_all(&bytes).await?,
            Step::Drip(bytes, pause) => {
                for byte in bytes {
                    sleep(pause).await;
                    io.write_all(&[byte]).await?;
                    io.flush().await?;
                }
            }
            Step::Repeat(bytes) => {
                for _ in 0..MAX_REPEATS {
                    io.write_all(&bytes).await?;
                }
            }
        }
    }
    io.flush().await
}

async fn read_to_end(mut io: impl AsyncRead + Unpin) {
    let mut buffer = [0; 1024];
    while io.read(&mut buffer).await.is_ok_and(|count| count > 0) {}
}

#[cfg(test)]
mod tests {
    use tokio::io::duplex;
    use tokio::time::Instant;

    use super::super::handshake_faults::find;
    use super::*;

    fn answer(name: &str) -> RawAnswer {
        RawAnswer {
            fault: find(name).unwrap(),
            asked: Asked {
                accept: "x".to_owned(),
                subprotocols: Vec::new(),
            },
        }
    }

    /// What a client receives that reads for this long, and then leaves.
    async fn receives(name: &str, patience: Duration) -> Vec<u8> {
        let (mut ours, mut theirs) = duplex(1 << 16);
        let server = async {
            send(&mut ours, &answer(name)).await;
            drop(ours);
        };
        let client = async {
            let mut received = Vec::new();
            let _ = timeout(patience, theirs.read_to_end(&mut received)).await;
            drop(theirs);
            received
        };
        tokio::join!(server, client).1
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_answer_is_slow() {
        let received = receives("drip", Duration::from_millis(9500)).await;
        assert_eq!(received, b"HTTP/1.1 ");
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_stays_is_left() {
        let start = Instant::now();
        let hour = Duration::from_secs(3600);
        assert!(
            receives("no-accept", hour)
                .await
                .starts_with(b"HTTP/1.1 101 ")
        );
        assert_eq!(start.elapsed(), CLIENT_TIMEOUT);
        assert!(receives("silence", hour).await.is_empty());
        assert_eq!(start.elapsed(), CLIENT_TIMEOUT + PATIENCE);
        assert!(receives("closed", hour).await.is_empty());
        assert_eq!(start.elapsed(), CLIENT_TIMEOUT + PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn an_endless_answer_has_an_end() {
        let hour = Duration::from_secs(3600);
        let received = receives("endless-header", hour).await;
        assert!(received.len() > 64 << 20);
    }
}
