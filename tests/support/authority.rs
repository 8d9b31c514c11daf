//! An authority of the test's own, and the certificates that it signs, as PEM files in a folder.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

/// Who signs. Its own certificate is `ca.crt` in its folder.
pub(crate) struct Authority {
    folder: PathBuf,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    /// Makes itself up, in a folder that is made too.
    pub(crate) fn new(folder: &Path) -> Self {
        std::fs::create_dir_all(folder).expect("a folder can be made");
        let key = KeyPair::generate().expect("a key can be made");
        let mut params = CertificateParams::default();
        params
            .distinguished_name
            .push(DnType::CommonName, format!("authority of {}", folder.display()));
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key).expect("a certificate can be signed");
        write(folder, "ca.crt", &certificate.pem());
        Self {
            folder: folder.to_path_buf(),
            issuer: Issuer::new(params, key),
        }
    }

    /// The broker's certificate, for an address: `broker.crt` and `broker.key`.
    pub(crate) fn certify_broker(&self, address: &str) {
        self.certify(
            "broker",
            vec![address.to_owned()],
            ExtendedKeyUsagePurpose::ServerAuth,
        );
    }

    /// A client's certificate: `NAME.crt` and `NAME.key`.
    pub(crate) fn certify_client(&self, name: &str) {
        self.certify(name, Vec::new(), ExtendedKeyUsagePurpose::ClientAuth);
    }

    fn certify(&self, name: &str, addresses: Vec<String>, usage: ExtendedKeyUsagePurpose) {
        let key = KeyPair::generate().expect("a key can be made");
        let mut params = CertificateParams::new(addresses).expect("addresses are names or numbers");
        params.distinguished_name.push(DnType::CommonName, name);
        params.extended_key_usages = vec![usage];
        let certificate = params
            .signed_by(&key, &self.issuer)
            .expect("a certificate can be signed");
        write(&self.folder, &format!("{name}.crt"), &certificate.pem());
        write(&self.folder, &format!("{name}.key"), &key.serialize_pem());
    }

    /// The file of this name, as a command takes it.
    pub(crate) fn file(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }

    /// TLS for a client with its certificate, put together without what is under test.
    pub(crate) fn client(&self, name: &str) -> ClientConfig {
        let certificate =
            |file: String| CertificateDer::from_pem_file(file).expect("a certificate can be read");
        let mut roots = RootCertStore::empty();
        roots
            .add(certificate(self.file("ca.crt")))
            .expect("an authority can be trusted");
        let key = PrivateKeyDer::from_pem_file(self.file(&format!("{name}.key"))).expect("a key can be read");
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("the provider speaks them")
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![certificate(self.file(&format!("{name}.crt")))], key)
            .expect("certificate and key go together")
    }
}

fn write(folder: &Path, name: &str, text: &str) {
    std::fs::write(folder.join(name), text).expect("a file can be written");
}
