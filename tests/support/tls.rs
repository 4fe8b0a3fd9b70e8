//! TLS servers with certificates that are made for a test, right or wrong.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rcgen::{
    BasicConstraints, Certificate, CertificateParams, DnType, IsCa, Issuer, KeyPair, date_time_ymd,
};
use rustls::RootCertStore;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{
    ClientCertVerifierBuilder, ClientHello, ResolvesServerCert, WebPkiClientVerifier,
};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;

pub(crate) const DAY: u64 = 86_400;

/// A certificate authority that exists for one test.
pub(crate) struct Authority {
    pub(crate) issuer: Issuer<'static, KeyPair>,
    pub(crate) directory: tempfile::TempDir,
}

pub(crate) fn authority() -> Authority {
    authority_with(valid)
}

pub(crate) fn authority_with(change: impl FnOnce(&mut CertificateParams)) -> Authority {
    let mut params = CertificateParams::new([]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params
        .distinguished_name
        .push(DnType::CommonName, "wirecat test root");
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let directory = tempfile::tempdir().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    std::fs::write(directory.path().join("root.pem"), pem).unwrap();
    Authority {
        issuer: Issuer::new(params, key),
        directory,
    }
}

impl Authority {
    pub(crate) fn file(&self) -> PathBuf {
        self.directory.path().join("root.pem")
    }

    /// The path of a file beside the root.
    pub(crate) fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    /// Writes a file beside the root, and returns its path.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::write(&path, content).unwrap();
        path
    }

    pub(crate) fn cacert(&self) -> String {
        self.file().display().to_string()
    }

    /// The configuration with a certificate for 127.0.0.1.
    pub(crate) fn certified(
        &self,
        config: rustls::ConfigBuilder<rustls::ServerConfig, rustls::server::WantsServerCert>,
    ) -> rustls::ServerConfig {
        let (leaf, key) = leaf(&["127.0.0.1"], valid, &self.issuer);
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        config
            .with_single_cert(vec![leaf.der().clone()], key)
            .unwrap()
    }

    /// Serves TLS in front of `inner` with a certificate for these names.
    pub(crate) fn serve(
        &self,
        names: &[&str],
        change: impl FnOnce(&mut CertificateParams),
        inner: SocketAddr,
    ) -> Tls {
        let (leaf, key) = leaf(names, change, &self.issuer);
        terminate(&leaf, &key, inner)
    }

    /// Serves TLS with a certificate for 127.0.0.1 that follows from this authority over others.
    /// They are made from the top, and all are sent, but for those that `sent` leaves out.
    pub(crate) fn serve_below(
        &self,
        between: &[&dyn Fn(&mut CertificateParams)],
        sent: impl Fn(usize) -> bool,
        inner: SocketAddr,
    ) -> Tls {
        let mut chain = Vec::new();
        let mut issuer: Option<Issuer<'static, KeyPair>> = None;
        for (place, change) in between.iter().enumerate() {
            let mut params = CertificateParams::new([]).unwrap();
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            let name = format!("intermediate {}", place + 1);
            params.distinguished_name.push(DnType::CommonName, name);
            change(&mut params);
            let key = KeyPair::generate().unwrap();
            let above = issuer.as_ref().unwrap_or(&self.issuer);
            let certificate = params.signed_by(&key, above).unwrap();
            if sent(place) {
                chain.insert(0, certificate.der().clone());
            }
            issuer = Some(Issuer::new(params, key));
        }
        let above = issuer.as_ref().unwrap_or(&self.issuer);
        let (leaf, key) = leaf(&["127.0.0.1"], valid, above);
        chain.insert(0, leaf.der().clone());
        terminate_with(
            single(chain, PrivateKeyDer::try_from(key.serialize_der()).unwrap()),
            inner,
        )
    }
}

pub(crate) fn leaf(
    names: &[&str],
    change: impl FnOnce(&mut CertificateParams),
    issuer: &Issuer<'static, KeyPair>,
) -> (Certificate, KeyPair) {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names).unwrap();
    params
        .distinguished_name
        .push(DnType::CommonName, "the server");
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, issuer).unwrap();
    (certificate, key)
}

/// TLS in front of a plain server, for as long as it is held.
pub(crate) struct Tls {
    pub(crate) address: SocketAddr,
    _stop: tokio::sync::oneshot::Sender<()>,
}

impl Tls {
    pub(crate) fn url(&self, path: &str) -> String {
        format!("wss://{}{path}", self.address)
    }
}

pub(crate) fn terminate(certificate: &Certificate, key: &KeyPair, inner: SocketAddr) -> Tls {
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    terminate_with(single(vec![certificate.der().clone()], key), inner)
}

pub(crate) type Builder = rustls::ConfigBuilder<rustls::ServerConfig, rustls::WantsVerifier>;

pub(crate) fn server_config() -> Builder {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
}

/// The same for these versions of TLS alone.
pub(crate) fn versions(versions: &[&'static rustls::SupportedProtocolVersion]) -> Builder {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    rustls::ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(versions)
        .unwrap()
}

/// Serves TLS to clients with a certificate of `authority`, which also issued that of the server.
pub(crate) fn clients_of(
    authority: &Authority,
    offered: &[&'static rustls::SupportedProtocolVersion],
    inner: SocketAddr,
) -> Tls {
    let verifier = client_verifier(authority).build().unwrap();
    let config = versions(offered).with_client_cert_verifier(verifier);
    terminate_with(authority.certified(config), inner)
}

/// A server that asks for a client certificate and needs none.
pub(crate) fn asking(authority: &Authority) -> rustls::ServerConfig {
    let verifier = client_verifier(authority).allow_unauthenticated();
    let config = server_config().with_client_cert_verifier(verifier.build().unwrap());
    authority.certified(config)
}

pub(crate) fn client_verifier(authority: &Authority) -> ClientCertVerifierBuilder {
    let mut roots = RootCertStore::empty();
    roots
        .add(CertificateDer::from_pem_file(authority.file()).unwrap())
        .unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
}

/// Runs openssl to its end.
#[track_caller]
pub(crate) fn openssl(args: &[&str]) {
    let output = Command::new("openssl").args(args).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {stderr}");
}

/// A server that sends this chain, its own certificate first, whatever is wrong with it.
pub(crate) fn single(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> rustls::ServerConfig {
    let key = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key).unwrap();
    let chain = Arc::new(CertifiedKey::new(chain, key));
    server_config()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Unchecked(chain)))
}

/// Unlike rustls' own, it does not check whether a client could accept the certificate.
#[derive(Debug)]
struct Unchecked(Arc<CertifiedKey>);

impl ResolvesServerCert for Unchecked {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.0))
    }
}

pub(crate) fn terminate_with(config: rustls::ServerConfig, inner: SocketAddr) -> Tls {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener).unwrap();
            let acceptor = TlsAcceptor::from(Arc::new(config));
            let forward = async {
                loop {
                    let (tcp, _) = listener.accept().await.unwrap();
                    let acceptor = acceptor.clone();
                    tokio::spawn(async move {
                        // A client that trusts nobody goes away here.
                        let Ok(mut tls) = acceptor.accept(tcp).await else {
                            return;
                        };
                        let mut plain = tokio::net::TcpStream::connect(inner).await.unwrap();
                        let _ = tokio::io::copy_bidirectional(&mut tls, &mut plain).await;
                    });
                }
            };
            tokio::select! {
                () = forward => {}
                _ = stopped => {}
            }
        });
    });
    Tls {
        address,
        _stop: stop,
    }
}

pub(crate) fn valid(_: &mut CertificateParams) {}

/// How many days from now, as the certificate's calendar has it.
pub(crate) fn in_days(days: i64) -> impl Fn(&mut CertificateParams) {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs();
    // An hour of grace: the whole day must be over.
    let end = now.checked_add_signed(days * DAY as i64 - 3600).unwrap();
    move |params| params.not_after = date_time_ymd(1970, 1, 1) + Duration::from_secs(end)
}
