//! `[broker]` from its keys to its settings: address, TLS, acknowledgement, and how several ingesters share the work.

use crate::raw::RawBroker;
use crate::resolve::Origin;
use crate::{
    AckAfter, BrokerAddress, BrokerSettings, ConfigError, Shard, ShardError, TlsPart, TlsSettings,
    UnknownDevice,
};

/// Longest name of a group, in bytes.
const MAX_SHARE_BYTES: usize = 64;

impl Origin<'_> {
    pub(crate) fn broker(
        &self,
        raw: RawBroker,
        password: Option<String>,
    ) -> Result<BrokerSettings, ConfigError> {
        let tls = self.tls(&raw)?;
        let (share, shard) = self.split(&raw)?;
        let ack_after = self.ack_after(raw.ack_after.as_deref(), share.is_some())?;
        let client_id = raw.client_id.unwrap_or_else(|| "dustwatch-ingest".to_owned());
        if client_id.is_empty() || client_id.contains(['+', '#', '/', '$']) {
            return Err(self.error(
                "broker.client_id",
                "must not be empty and must not have + # / $".to_owned(),
            ));
        }
        let max_payload_bytes = raw.max_payload_bytes.unwrap_or(1 << 20);
        if !(1 << 20..=16 << 20).contains(&max_payload_bytes) {
            return Err(self.error(
                "broker.max_payload_bytes",
                "must be 1048576, the most that an agent sends, to 16777216".to_owned(),
            ));
        }
        let session_expiry_seconds = raw.session_expiry_seconds.unwrap_or(60);
        if session_expiry_seconds > 86_400 {
            return Err(self.error(
                "broker.session_expiry_seconds",
                "must be at most 86400".to_owned(),
            ));
        }
        Ok(BrokerSettings {
            url: raw.url.unwrap_or_else(default_url),
            tls,
            embedded: raw.embedded.unwrap_or(false),
            client_id,
            username: raw.username,
            password: password.or(raw.password),
            ack_after,
            max_payload_bytes,
            unknown_device: self.word(
                "broker.unknown_device",
                raw.unknown_device.as_deref(),
                &[("reject", UnknownDevice::Reject), ("keep", UnknownDevice::Keep)],
            )?,
            future_tolerance_seconds: raw.future_tolerance_seconds.unwrap_or(600),
            rejects_per_device_per_hour: raw.rejects_per_device_per_hour.unwrap_or(600),
            reject_bytes_per_device_per_hour: raw.reject_bytes_per_device_per_hour.unwrap_or(16 << 20),
            share,
            session_expiry_seconds,
            shard,
        })
    }

    /// What the address and the files say about TLS.
    fn tls(&self, raw: &RawBroker) -> Result<Option<TlsSettings>, ConfigError> {
        let url = raw.url.clone().unwrap_or_else(default_url);
        let address: Result<BrokerAddress, _> = url.parse();
        let address = address.map_err(|e| self.error("broker.url", e.to_string()))?;
        if address.tls() && raw.embedded == Some(true) {
            let message = "the embedded broker speaks no TLS; use Mosquitto for mqtts://".to_owned();
            return Err(self.error("broker.embedded", message));
        }
        let [ca, cert, key] = [&raw.ca_file, &raw.client_cert_file, &raw.client_key_file]
            .map(|file| file.as_ref().map(|file| self.beside(file)));
        TlsSettings::resolve(&address, ca, cert, key).map_err(|fault| {
            let key = match fault.part {
                TlsPart::Ca => "broker.ca_file",
                TlsPart::Cert => "broker.client_cert_file",
                TlsPart::Key => "broker.client_key_file",
            };
            self.error(key, fault.message)
        })
    }

    /// How the work is shared with other ingesters, if it is.
    fn split(&self, raw: &RawBroker) -> Result<(Option<String>, Option<Shard>), ConfigError> {
        if raw.share.is_some() && raw.shard.is_some() {
            let message = "is for brokers without shared subscriptions; give share or shard, not both";
            return Err(self.error("broker.shard", message.to_owned()));
        }
        if let Some(share) = &raw.share {
            let is_odd = |c: char| matches!(c, '/' | '+' | '#' | '$') || c.is_whitespace() || c.is_control();
            if share.is_empty() || share.len() > MAX_SHARE_BYTES || share.contains(is_odd) {
                let message = format!(
                    "{share:?} is no name of a group: 1 to {MAX_SHARE_BYTES} bytes without / + # $ and spaces"
                );
                return Err(self.error("broker.share", message));
            }
            if raw.embedded == Some(true) {
                let message = "the embedded broker is for one ingester; use Mosquitto or EMQX to share";
                return Err(self.error("broker.share", message.to_owned()));
            }
        }
        let shard = raw.shard.as_deref().map(str::parse).transpose();
        let shard = shard.map_err(|e: ShardError| self.error("broker.shard", e.to_string()))?;
        Ok((raw.share.clone(), shard))
    }

    fn ack_after(&self, word: Option<&str>, shared: bool) -> Result<AckAfter, ConfigError> {
        let words = [("journal", AckAfter::Journal), ("lake", AckAfter::Lake)];
        let ack_after = self.word("broker.ack_after", word, &words)?;
        match (shared, word) {
            (false, _) => Ok(ack_after),
            (true, Some("journal")) => Err(self.error(
                "broker.ack_after",
                "must be \"lake\" with share: what is confirmed must not lie in one member's journal alone, \
                 since the others carry on without it"
                    .to_owned(),
            )),
            (true, _) => Ok(AckAfter::Lake),
        }
    }
}

fn default_url() -> String {
    "mqtt://127.0.0.1:1883".to_owned()
}
