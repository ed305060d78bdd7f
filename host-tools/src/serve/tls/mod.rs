//! TLS: what the command line says of it, and the server's certificate, from a folder as nbdkit, QEMU and libnbd lay it out.
//!
//! | file | holds | needed |
//! |---|---|---|
//! | `server-cert.pem` | the server's certificate, and those between it and the authority's | always |
//! | `server-key.pem` | its private key, not encrypted | always |
//! | `ca-cert.pem` | certificates of the authorities that sign clients' | with `--tls-verify-peer` |
//! | `ca-crl.pem` | what they have revoked | never; heeded with `--tls-verify-peer` |

pub mod stream;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context, Result, anyhow, bail, ensure};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoClientAuth, NoServerSessionStorage, WebPkiClientVerifier};
use rustls::{InconsistentKeys, RootCertStore, ServerConfig};
use tracing::warn;

use super::protocol::TlsMode;

/// Names of the files.
const CA_CERT: &str = "ca-cert.pem";
const CA_CRL: &str = "ca-crl.pem";
const SERVER_CERT: &str = "server-cert.pem";
const SERVER_KEY: &str = "server-key.pem";

/// What the command line says.
#[derive(clap::Args, Clone, Debug)]
pub struct TlsArgs {
    /// Whether clients may encrypt with TLS (on), must (require), or cannot (off)
    #[arg(long, value_enum, default_value_t = TlsMode::Off, value_name = "MODE")]
    tls: TlsMode,
    /// Folder with server-cert.pem and server-key.pem, and with ca-cert.pem to verify clients
    #[arg(long, value_name = "DIR", required_if_eq_any([("tls", "on"), ("tls", "require")]))]
    tls_certificates: Option<PathBuf>,
    /// Turn away clients without a certificate that an authority of ca-cert.pem has signed
    #[arg(long, requires = "tls_certificates")]
    tls_verify_peer: bool,
}

/// What clients of this server may, or must, do; with all that it needs.
#[derive(Clone, Debug)]
pub enum Tls {
    /// No client can.
    Off,
    /// A client may, or must.
    Ready(Ready),
}

/// TLS that is set up.
#[derive(Clone, Debug)]
pub struct Ready {
    required: bool,
    /// Certificate, key, and whom to trust.
    pub config: Arc<ServerConfig>,
}

impl Tls {
    /// The mode that a handshake goes by.
    pub fn mode(&self) -> TlsMode {
        match self {
            Self::Off => TlsMode::Off,
            Self::Ready(Ready { required: false, .. }) => TlsMode::On,
            Self::Ready(Ready { required: true, .. }) => TlsMode::Require,
        }
    }

    /// Whether nobody is served without.
    pub fn is_required(&self) -> bool {
        self.mode() == TlsMode::Require
    }
}

impl TlsArgs {
    /// Reads what is needed.
    ///
    /// # Errors
    /// When options do not go together, or a file is missing, cannot be read or used, or does not go with another.
    pub fn load(&self) -> Result<Tls> {
        let required = self.tls == TlsMode::Require;
        let folder = match (self.tls, &self.tls_certificates) {
            (TlsMode::Off, None) => return Ok(Tls::Off),
            (TlsMode::Off, Some(folder)) => bail!(
                "serving with the certificates of {}: TLS is off; give --tls on or --tls require, or leave them out",
                folder.display()
            ),
            (_, None) => bail!("serving with TLS: there is no certificate; give --tls-certificates DIR"),
            (_, Some(folder)) => folder,
        };
        let config = load(folder, self.tls_verify_peer)
            .with_context(|| format!("serving with TLS, with the certificates of {}", folder.display()))?;
        if self.tls_verify_peer && !required {
            warn!("clients that do not ask for TLS are served without being verified; --tls require turns them away");
        }
        Ok(Tls::Ready(Ready { required, config: Arc::new(config) }))
    }
}

fn load(folder: &Path, verify_peer: bool) -> Result<ServerConfig> {
    ensure!(folder.is_dir(), "there is no such folder; name one that has {SERVER_CERT} and {SERVER_KEY}");
    let provider = Arc::new(ring::default_provider());
    let certificates = certificates(&folder.join(SERVER_CERT))?;
    let path = folder.join(SERVER_KEY);
    let key = PrivateKeyDer::from_pem_slice(&read(&path)?)
        .map_err(|error| unusable(&path, &error, "give a private key in PEM that is not encrypted"))?;
    let clients: Arc<dyn ClientCertVerifier> =
        if verify_peer { verifier(folder, &provider)? } else { Arc::new(NoClientAuth) };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(clients)
        .with_single_cert(certificates, key)
        .map_err(|error| match error {
            rustls::Error::InconsistentKeys(InconsistentKeys::KeyMismatch) => {
                anyhow!("{SERVER_KEY} is not the key of {SERVER_CERT}; put the two of one server there")
            }
            error => anyhow!("{SERVER_CERT} and {SERVER_KEY} cannot be used: {error}; make new ones"),
        })?;
    // Every connection stands for itself: none is resumed, so nothing of one is kept for another.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// Who decides whether a client is let in by its certificate.
fn verifier(folder: &Path, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ClientCertVerifier>> {
    let path = folder.join(CA_CERT);
    let mut roots = RootCertStore::empty();
    for certificate in certificates(&path)? {
        roots.add(certificate).map_err(|error| unusable(&path, &error, "give certificates of authorities"))?;
    }
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    let path = folder.join(CA_CRL);
    if path.try_exists().unwrap_or(true) {
        let lists = CertificateRevocationListDer::pem_slice_iter(&read(&path)?)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| unusable(&path, &error, "give lists of revoked certificates in PEM"))?;
        ensure!(!lists.is_empty(), "{} holds no list in PEM; give one, or take the file away", path.display());
        // An authority that has no list here has revoked nothing.
        builder = builder.with_crls(lists).allow_unknown_revocation_status();
    }
    builder.build().map_err(|error| anyhow!("{CA_CERT} or {CA_CRL} cannot be used: {error}; make new ones"))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let all = CertificateDer::pem_slice_iter(&read(path)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| unusable(path, &error, "give certificates in PEM"))?;
    ensure!(!all.is_empty(), "{} holds no certificate in PEM; give one", path.display());
    Ok(all)
}

fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).with_context(|| format!("reading {}; put it there, and make it readable", path.display()))
}

fn unusable(path: &Path, error: &dyn std::fmt::Display, advice: &str) -> anyhow::Error {
    anyhow!("{} cannot be used: {error}; {advice}", path.display())
}
