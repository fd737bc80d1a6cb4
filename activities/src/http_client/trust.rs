//! Which authorities may vouch for a server.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};
use rustls::{ClientConfig, RootCertStore};

/// The authorities that a client trusts: the machine's own, and those of a file.
///
/// The machine's are read once, when the first client is made; `SSL_CERT_FILE` and `SSL_CERT_DIR` say
/// where they are, if not in the usual places.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    extra: Vec<CertificateDer<'static>>,
}

/// Why a file of authorities cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TrustError {
    /// It cannot be read, or is no PEM.
    #[error("failed to read the certificates of {path}: {error}")]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What went wrong.
        error: pem::Error,
    },
    /// It holds no certificate, or one that no authority can have.
    #[error("{path} holds no certificate of an authority: {reason}")]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: String,
    },
}

impl Trust {
    /// The machine's authorities.
    pub fn system() -> Self {
        Self::default()
    }

    /// Those of a PEM file beside the machine's.
    ///
    /// # Errors
    /// When the file cannot be read, or holds no certificate.
    pub fn with_ca_file(mut self, path: &Path) -> Result<Self, TrustError> {
        let unreadable = |error| TrustError::Unreadable { path: path.to_owned(), error };
        let unusable = |reason: String| TrustError::Unusable { path: path.to_owned(), reason };
        let before = self.extra.len();
        for certificate in CertificateDer::pem_file_iter(path).map_err(unreadable)? {
            let certificate = certificate.map_err(unreadable)?;
            let checked = RootCertStore::empty().add(certificate.clone());
            checked.map_err(|error| unusable(error.to_string()))?;
            self.extra.push(certificate);
        }
        match self.extra.len() > before {
            true => Ok(self),
            false => Err(unusable("nothing begins with `BEGIN CERTIFICATE`".to_owned())),
        }
    }

    /// How a client begins a TLS connection.
    pub(super) fn config(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(machine().iter().cloned());
        roots.add_parsable_certificates(self.extra.iter().cloned());
        let provider = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        #[expect(clippy::expect_used, reason = "the provider's own versions are among its own")]
        let versions = provider.with_safe_default_protocol_versions().expect("TLS 1.2 and 1.3");
        versions.with_root_certificates(roots).with_no_client_auth()
    }
}

/// The machine's authorities. A machine without any can still be told of one by a file.
fn machine() -> &'static [CertificateDer<'static>] {
    static READ: OnceLock<Vec<CertificateDer<'static>>> = OnceLock::new();
    READ.get_or_init(|| {
        let found = rustls_native_certs::load_native_certs();
        for error in &found.errors {
            tracing::debug!(%error, "failed to read some of the machine's certificates");
        }
        found.certs
    })
}
