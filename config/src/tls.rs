//! TLS to the broker: whom we trust and who we are.
//!
//! Used by the ingester and the agents alike. The paths are decided when the settings are read; the files are read when
//! a connection is made, so that a renewed certificate is taken up by the next one.
//!
//! Invariant: `mqtts://` never falls back to clear text, and the broker's certificate is always checked, its name
//! included.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::{BrokerAddress, ConfigError};

/// Whom to trust and what to show.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// PEM file with the certificates of the authorities that may have signed the broker's; only these are trusted.
    /// `None`: those that the system trusts.
    pub ca_file: Option<PathBuf>,
    /// What to show when the broker asks who we are.
    pub identity: Option<ClientIdentity>,
}

/// A client certificate with its key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientIdentity {
    /// PEM file with the certificate, those between it and the authority behind it.
    pub cert_file: PathBuf,
    /// PEM file with the private key (PKCS#8, PKCS#1 or SEC1), without a passphrase.
    pub key_file: PathBuf,
}

/// Which of the three files a fault is about; each caller calls them by its own keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsPart {
    /// The authorities.
    Ca,
    /// The client certificate.
    Cert,
    /// Its key.
    Key,
}

/// What is wrong with the choice of files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFault {
    /// Which of them.
    pub part: TlsPart,
    /// What is wrong with it.
    pub message: String,
}

impl TlsSettings {
    /// What an address and the files given beside it mean; `None` for clear text.
    ///
    /// # Errors
    /// [`TlsFault`] for files with `mqtt://`, a certificate without its key or a key without its certificate, and a
    /// file that is not there. One that this user may not see is not missed: only connecting needs it.
    pub fn resolve(
        address: &BrokerAddress,
        ca: Option<PathBuf>,
        cert: Option<PathBuf>,
        key: Option<PathBuf>,
    ) -> Result<Option<Self>, TlsFault> {
        let fault = |part, message: &str| TlsFault {
            part,
            message: message.to_owned(),
        };
        let given = [(TlsPart::Ca, &ca), (TlsPart::Cert, &cert), (TlsPart::Key, &key)];
        for (part, file) in given {
            let Some(file) = file else { continue };
            if !address.tls() {
                let message = format!("is for TLS, and {address} is not: write mqtts://");
                return Err(TlsFault { part, message });
            }
            if matches!(file.try_exists(), Ok(false)) {
                let message = format!("{} is not there", file.display());
                return Err(TlsFault { part, message });
            }
        }
        let identity = match (cert, key) {
            (Some(cert_file), Some(key_file)) => Some(ClientIdentity { cert_file, key_file }),
            (None, None) => None,
            (Some(_), None) => return Err(fault(TlsPart::Key, "is needed with a client certificate")),
            (None, Some(_)) => return Err(fault(TlsPart::Cert, "is needed with a client key")),
        };
        Ok(address.tls().then_some(Self {
            ca_file: ca,
            identity,
        }))
    }

    /// The configuration of a connection, from the files as they are now.
    ///
    /// # Errors
    /// [`ConfigError::Read`] or [`ConfigError::Tls`] with the file at fault.
    pub fn client_config(&self) -> Result<Arc<ClientConfig>, ConfigError> {
        let roots = match &self.ca_file {
            Some(file) => own_roots(file)?,
            None => system_roots()?,
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        // The provider speaks the default versions; its own message is as good as any.
        let builder = versions.map_err(|e| fault(Path::new("TLS"), &e))?;
        let builder = builder.with_root_certificates(roots);
        let config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(ClientIdentity { cert_file, key_file }) => builder
                .with_client_auth_cert(certificates(cert_file)?, private_key(key_file)?)
                .map_err(|e| {
                    fault(
                        cert_file,
                        &format!("does not go with {}: {e}", key_file.display()),
                    )
                })?,
        };
        Ok(Arc::new(config))
    }

    /// What a failed connection means for whoever set it up, if it failed over TLS: `None` for anything else.
    pub fn explain(&self, error: &(dyn Error + 'static)) -> Option<String> {
        use rustls::{AlertDescription as Alert, CertificateError as Wrong, Error as Tls};
        Some(match tls_error(error)? {
            Tls::InvalidCertificate(Wrong::UnknownIssuer | Wrong::BadSignature) => match &self.ca_file {
                Some(file) => format!("the broker's certificate was not signed by {}", file.display()),
                None => "the broker's certificate was not signed by whom the system trusts; name its authority as ca_file"
                    .to_owned(),
            },
            Tls::InvalidCertificate(wrong) => format!("the broker's certificate is not valid: {wrong}"),
            Tls::AlertReceived(Alert::CertificateRequired) => "the broker asks for a client certificate".to_owned(),
            Tls::AlertReceived(alert) => format!("the broker does not accept us over TLS: {alert:?}"),
            Tls::InvalidMessage(_) => "the broker does not speak TLS at this port".to_owned(),
            other => format!("TLS: {other}"),
        })
    }
}

/// The error of the TLS library among the causes; those of input and output hide theirs.
fn tls_error<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        let hidden = error
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref);
        next = match hidden {
            Some(hidden) => Some(hidden),
            None => error.source(),
        };
    }
    None
}

fn fault(file: &Path, message: &dyn ToString) -> ConfigError {
    ConfigError::Tls {
        file: file.to_path_buf(),
        message: message.to_string(),
    }
}

fn own_roots(file: &Path) -> Result<RootCertStore, ConfigError> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(file)? {
        roots.add(certificate).map_err(|e| fault(file, &e))?;
    }
    Ok(roots)
}

fn system_roots() -> Result<RootCertStore, ConfigError> {
    let mut roots = RootCertStore::empty();
    let (taken, _unreadable) =
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if taken == 0 {
        let message = "there are none; name the file of the broker's authority as ca_file";
        return Err(fault(Path::new("the system's trusted certificates"), &message));
    }
    Ok(roots)
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, ConfigError> {
    let bytes = read(file)?;
    let all: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let all = all.map_err(|e| fault(file, &e))?;
    if all.is_empty() {
        return Err(fault(file, &"no certificate in it (-----BEGIN CERTIFICATE-----)"));
    }
    Ok(all)
}

fn private_key(file: &Path) -> Result<PrivateKeyDer<'static>, ConfigError> {
    let bytes = read(file)?;
    PrivateKeyDer::from_pem_slice(&bytes).map_err(|error| match error {
        rustls::pki_types::pem::Error::NoItemsFound => fault(
            file,
            &"no private key in it; one with a passphrase cannot be read (openssl pkey -in OLD -out NEW takes it off)",
        ),
        other => fault(file, &other),
    })
}

fn read(file: &Path) -> Result<Vec<u8>, ConfigError> {
    std::fs::read(file).map_err(|cause| ConfigError::Read {
        file: file.to_path_buf(),
        cause,
    })
}
