//! The broker on the command line, which wins over the settings.

use std::path::PathBuf;

use dustwatch_config::TlsPart;
use dustwatch_edge::EdgeError;
use dustwatch_edge::publish::{BrokerAddress, TlsSettings};

#[derive(Debug, clap::Args)]
pub(super) struct BrokerArgs {
    /// The broker, mqtt://HOST:PORT or mqtts://HOST:PORT [default: the configuration's].
    #[arg(long, value_name = "URL")]
    broker: Option<String>,
    /// User name at the broker; the password comes from DUSTWATCH_BROKER_PASSWORD [default: the configuration's].
    #[arg(long, value_name = "NAME")]
    username: Option<String>,
    /// With mqtts://, the certificate of who signed the broker's [default: the configuration's, or the system's list].
    #[arg(long, value_name = "FILE")]
    ca: Option<PathBuf>,
    /// Client certificate, if the broker asks for one [default: the configuration's].
    #[arg(long, value_name = "FILE")]
    cert: Option<PathBuf>,
    /// Key of the client certificate.
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

/// The broker that counts.
pub(super) struct Broker {
    pub(super) address: BrokerAddress,
    pub(super) tls: Option<TlsSettings>,
    pub(super) username: Option<String>,
}

impl BrokerArgs {
    /// What the command line says, over what is set. TLS files that work are needed from the start, though they are
    /// read again with each connection.
    pub(super) fn over(
        &self,
        address: &BrokerAddress,
        tls: Option<TlsSettings>,
        username: Option<String>,
    ) -> Result<Broker, EdgeError> {
        let address = match &self.broker {
            Some(url) => url.parse()?,
            None => address.clone(),
        };
        let TlsSettings { ca_file, identity } = tls.unwrap_or_default();
        let (cert, key) = identity.map(|i| (i.cert_file, i.key_file)).unzip();
        let tls = TlsSettings::resolve(
            &address,
            self.ca.clone().or(ca_file),
            self.cert.clone().or(cert),
            self.key.clone().or(key),
        );
        let tls = tls.map_err(|fault| {
            let flag = match fault.part {
                TlsPart::Ca => "--ca (ca_file)",
                TlsPart::Cert => "--cert (client_cert_file)",
                TlsPart::Key => "--key (client_key_file)",
            };
            EdgeError::Usage(format!("{flag} {}", fault.message))
        })?;
        if let Some(tls) = &tls {
            tls.client_config()?;
        }
        Ok(Broker {
            address,
            tls,
            username: self.username.clone().or(username),
        })
    }
}
