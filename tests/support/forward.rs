//! Proxies that a user names with `-x`: they speak HTTP CONNECT or SOCKS, carry everything to one
//! server whatever they are asked for, and keep what was said to them apart from what they carried.
//! And TLS in front of any of them.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;

use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

use super::server::Wire;

/// What a proxy speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Speaks {
    Http,
    Socks4,
    Socks5,
    /// With this user and password.
    Socks5With(&'static str, &'static str),
}

/// What one client said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    /// To the proxy.
    pub(crate) to_proxy: Vec<u8>,
    /// Over the connection that the proxy made.
    pub(crate) carried: Vec<u8>,
}

/// A running proxy. Its threads end with their connections.
pub(crate) struct Forward {
    pub(crate) address: SocketAddr,
    said: Arc<Mutex<Vec<Said>>>,
}

impl Forward {
    /// Listens on a free port and connects every client to `server`.
    pub(crate) fn start(speaks: Speaks, server: SocketAddr) -> Forward {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let said = Arc::<Mutex<Vec<Said>>>::default();
        let kept = Arc::clone(&said);
        thread::spawn(move || {
            for (number, stream) in listener.incoming().enumerate() {
                let kept = Arc::clone(&kept);
                kept.lock().unwrap().push(Said::default());
                let stream = stream.unwrap();
                thread::spawn(move || serve(speaks, stream, server, &kept, number));
            }
        });
        Forward { address, said }
    }

    /// `http://127.0.0.1:1080`
    pub(crate) fn url(&self, scheme: &str) -> String {
        format!("{scheme}://{}", self.address)
    }

    /// What each client said so far.
    pub(crate) fn said(&self) -> Vec<Said> {
        self.said.lock().unwrap().clone()
    }
}

fn serve(
    speaks: Speaks,
    stream: TcpStream,
    server: SocketAddr,
    kept: &Arc<Mutex<Vec<Said>>>,
    number: usize,
) {
    let mut wire = Wire::new(stream);
    let mut heard = Vec::new();
    let answer = match speaks {
        Speaks::Http => http(&mut wire, &mut heard),
        Speaks::Socks4 => socks4(&mut wire, &mut heard),
        Speaks::Socks5 => socks5(&mut wire, None, &mut heard),
        Speaks::Socks5With(user, password) => socks5(&mut wire, Some((user, password)), &mut heard),
    };
    kept.lock().unwrap()[number].to_proxy = heard;
    let Some(answer) = answer else {
        return;
    };
    let mut inner = TcpStream::connect(server).unwrap();
    wire.send(answer);
    let (mut back, mut client) = (inner.try_clone().unwrap(), wire.0.try_clone().unwrap());
    thread::spawn(move || {
        let _ = std::io::copy(&mut back, &mut client);
        let _ = client.shutdown(Shutdown::Write);
    });
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = wire.0.read(&mut buffer) {
        let bytes = &buffer[..count];
        kept.lock().unwrap()[number]
            .carried
            .extend_from_slice(bytes);
        if inner.write_all(bytes).is_err() {
            break;
        }
    }
    let _ = inner.shutdown(Shutdown::Write);
}

fn http(wire: &mut Wire, heard: &mut Vec<u8>) -> Option<Vec<u8>> {
    heard.extend(wire.request().into_bytes());
    Some(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 test\r\n\r\n".to_vec())
}

/// Reads up to and with a NUL.
fn until_nul(wire: &mut Wire, heard: &mut Vec<u8>) {
    while {
        heard.extend(wire.take(1));
        heard.last() != Some(&0)
    } {}
}

fn socks4(wire: &mut Wire, heard: &mut Vec<u8>) -> Option<Vec<u8>> {
    heard.extend(wire.take(8));
    let has_name = heard[4..7] == [0, 0, 0];
    until_nul(wire, heard);
    if has_name {
        until_nul(wire, heard);
    }
    Some(vec![0, 90, 0, 0, 0, 0, 0, 0])
}

fn socks5(wire: &mut Wire, user: Option<(&str, &str)>, heard: &mut Vec<u8>) -> Option<Vec<u8>> {
    let mut hear = |wire: &mut Wire, count: usize| {
        let bytes = wire.take(count);
        heard.extend_from_slice(&bytes);
        bytes
    };
    let count = hear(wire, 2)[1];
    let methods = hear(wire, count.into());
    let method = if user.is_some() { 2 } else { 0 };
    assert!(methods.contains(&method), "{methods:?}");
    wire.send([5, method]);
    if let Some((user, password)) = user {
        let length = hear(wire, 2)[1];
        let name = hear(wire, length.into());
        let length = hear(wire, 1)[0];
        let right = name == user.as_bytes() && hear(wire, length.into()) == password.as_bytes();
        wire.send([1, u8::from(!right)]);
        if !right {
            return None;
        }
    }
    let length = match hear(wire, 4)[3] {
        1 => 4,
        3 => hear(wire, 1)[0],
        4 => 16,
        other => panic!("{other} is no type of addresses"),
    };
    hear(wire, usize::from(length) + 2);
    Some(vec![5, 0, 0, 1, 127, 0, 0, 1, 0, 1])
}

/// TLS in front of a server, with a certificate for 127.0.0.1.
pub(crate) struct TlsFront {
    pub(crate) address: SocketAddr,
    directory: tempfile::TempDir,
}

impl TlsFront {
    /// The certificate of the issuer, for `--cacert`.
    pub(crate) fn root(&self) -> String {
        self.file().display().to_string()
    }

    fn file(&self) -> PathBuf {
        self.directory.path().join("root.pem")
    }

    /// Listens on a free port and passes what it decrypts to `inner`.
    pub(crate) fn start(inner: SocketAddr) -> TlsFront {
        let mut root = CertificateParams::new([]).unwrap();
        root.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let (root_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let pem = root.self_signed(&root_key).unwrap().pem();
        let leaf = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        let leaf = leaf.signed_by(&key, &Issuer::new(root, root_key)).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = rustls::ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![leaf.der().clone()],
                PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
            )
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = { runtime }.enable_all().build().unwrap();
            runtime.block_on(decrypt(
                listener,
                TlsAcceptor::from(Arc::new(config)),
                inner,
            ));
        });
        let front = TlsFront {
            address,
            directory: tempfile::tempdir().unwrap(),
        };
        std::fs::write(front.file(), pem).unwrap();
        front
    }
}

async fn decrypt(listener: TcpListener, acceptor: TlsAcceptor, inner: SocketAddr) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    loop {
        let (tcp, _) = listener.accept().await.unwrap();
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            // A client that trusts nobody goes away here.
            if let Ok(mut tls) = acceptor.accept(tcp).await {
                let mut plain = tokio::net::TcpStream::connect(inner).await.unwrap();
                let _ = tokio::io::copy_bidirectional(&mut tls, &mut plain).await;
            }
        });
    }
}
