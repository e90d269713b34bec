//! TLS of our own listener, for those who put no proxy in front: certificate and key from two PEM files.
//!
//! Whoever renews a certificate replaces the files and does nothing else: they are looked at once a minute and read again
//! when either has changed. Files that cannot be used leave the last good pair in place, since a half-written key must not
//! close the door. How long the certificate lasts is told to the status board, which warns before it ends.

use crate::app::App;
use crate::domain::time::Timestamp;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio_rustls::TlsAcceptor;

/// How often the files are looked at.
const EVERY: Duration = Duration::from_secs(60);

/// Sentences for the operator.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    #[error("{} cannot be read: {problem}", path.display())]
    Unreadable { path: PathBuf, problem: std::io::Error },
    #[error("{} holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)", .0.display())]
    NoCertificate(PathBuf),
    #[error("{} holds no private key in PEM form (-----BEGIN PRIVATE KEY-----)", .0.display())]
    NoKey(PathBuf),
    #[error("certificate and key cannot be used together: {0}")]
    Unusable(#[from] rustls::Error),
}

pub struct Tls {
    certificate: PathBuf,
    key: PathBuf,
    current: Mutex<Loaded>,
}

struct Loaded {
    config: Arc<ServerConfig>,
    ends_at: Timestamp,
    /// What the files were when they were read.
    seen: [Option<Mark>; 2],
}

/// A file as it was; a replaced one has another.
type Mark = (u64, u64, i64, i64);

impl Tls {
    pub fn load(certificate: PathBuf, key: PathBuf) -> Result<Tls, TlsError> {
        let current = Mutex::new(load(&certificate, &key)?);
        Ok(Tls { certificate, key, current })
    }

    pub fn acceptor(&self) -> TlsAcceptor {
        TlsAcceptor::from(Arc::clone(&self.current().config))
    }

    /// When the certificate ends.
    pub fn ends_at(&self) -> Timestamp {
        self.current().ends_at
    }

    /// Reads the files again if they have changed; true if others are in use now.
    pub fn refresh(&self) -> Result<bool, TlsError> {
        let now = marks(&self.certificate, &self.key);
        if self.current().seen == now {
            return Ok(false);
        }
        let loaded = load(&self.certificate, &self.key);
        let mut current = self.current();
        // Said once, not every minute: the next look is worth it when the files have changed again.
        current.seen = now;
        *current = loaded?;
        Ok(true)
    }

    /// Never ends.
    pub async fn keep_fresh(&self, app: &App) {
        loop {
            app.board.certificate_ends(self.ends_at());
            tokio::time::sleep(EVERY).await;
            match self.refresh() {
                Ok(true) => tracing::info!(ends_at = %self.ends_at(), "a new TLS certificate is in use"),
                Ok(false) => {}
                Err(error) => tracing::error!("the TLS certificate was not replaced, the last one stays: {error}"),
            }
        }
    }

    fn current(&self) -> std::sync::MutexGuard<'_, Loaded> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn load(certificate: &Path, key: &Path) -> Result<Loaded, TlsError> {
    let seen = marks(certificate, key);
    let chain = CertificateDer::pem_slice_iter(&read(certificate)?).collect::<Result<Vec<_>, _>>();
    let chain = chain.unwrap_or_default();
    let no_certificate = || TlsError::NoCertificate(certificate.to_owned());
    let ends_at = chain.first().and_then(|first| end_of(first)).ok_or_else(no_certificate)?;
    let key = PrivateKeyDer::from_pem_slice(&read(key)?).map_err(|_| TlsError::NoKey(key.to_owned()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Loaded { config: Arc::new(config), ends_at, seen })
}

fn end_of(certificate: &CertificateDer<'_>) -> Option<Timestamp> {
    let (_, parsed) = x509_parser::parse_x509_certificate(certificate).ok()?;
    Some(Timestamp::from_second(parsed.validity().not_after.timestamp()))
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|problem| TlsError::Unreadable { path: path.to_owned(), problem })
}

fn marks(certificate: &Path, key: &Path) -> [Option<Mark>; 2] {
    let mark = |path: &Path| {
        let meta = fs::metadata(path).ok()?;
        Some((meta.ino(), meta.len(), meta.mtime(), meta.mtime_nsec()))
    };
    [mark(certificate), mark(key)]
}
