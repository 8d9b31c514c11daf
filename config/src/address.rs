//! Where a broker is: `mqtt://HOST:PORT`, or `mqtts://HOST:PORT` for TLS.

use std::fmt;
use std::str::FromStr;

/// Why a text is no broker's address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("broker {text:?}: {what}")]
pub struct AddressError {
    text: String,
    what: &'static str,
}

/// A broker's address. Prints as it is written: `mqtt://127.0.0.1:1883`, `mqtts://broker.example:8883`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrokerAddress {
    host: String,
    port: u16,
    tls: bool,
}

impl BrokerAddress {
    /// Host name or address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// TCP port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the connection is to be encrypted, `mqtts://`. There is no way back to clear text.
    pub fn tls(&self) -> bool {
        self.tls
    }
}

impl FromStr for BrokerAddress {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let fail = |what: &'static str| AddressError {
            text: text.to_owned(),
            what,
        };
        let form = "the form is mqtt://HOST:PORT or mqtts://HOST:PORT";
        let (rest, tls) = match (text.strip_prefix("mqtt://"), text.strip_prefix("mqtts://")) {
            (Some(rest), _) => (rest, false),
            (None, Some(rest)) => (rest, true),
            (None, None) => return Err(fail(form)),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains('@') {
            return Err(fail(
                "give the user as --username and the password in DUSTWATCH_BROKER_PASSWORD",
            ));
        }
        let (host, port) = match rest.strip_prefix('[') {
            Some(v6) => {
                let (host, after) = v6.split_once(']').ok_or_else(|| fail(form))?;
                (host, after.strip_prefix(':'))
            }
            None => rest
                .split_once(':')
                .map_or((rest, None), |(host, port)| (host, Some(port))),
        };
        let port = port
            .map_or(Ok(if tls { 8883 } else { 1883 }), str::parse)
            .map_err(|_| fail("the port is a number from 1 to 65535"))?;
        if host.is_empty() || host.contains(['/', '?', '#', ' ']) || port == 0 {
            return Err(fail(form));
        }
        Ok(Self {
            host: host.to_owned(),
            port,
            tls,
        })
    }
}

impl fmt::Display for BrokerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "mqtts" } else { "mqtt" };
        if self.host.contains(':') {
            write!(f, "{scheme}://[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{scheme}://{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn reads_what_it_prints() {
        for text in [
            "mqtt://127.0.0.1:1883",
            "mqtt://broker.example:8883",
            "mqtt://[::1]:1883",
            "mqtts://broker.example:8883",
        ] {
            assert_eq!(text.parse::<BrokerAddress>().unwrap().to_string(), text);
        }
        let address = |text: &str| text.parse::<BrokerAddress>().unwrap();
        assert_eq!(
            (address("mqtt://broker/").port(), address("mqtt://broker/").tls()),
            (1883, false)
        );
        assert_eq!(
            (address("mqtts://broker").port(), address("mqtts://broker").tls()),
            (8883, true)
        );
    }

    #[test]
    fn refuses_what_is_no_address() {
        for text in [
            "",
            "broker:1883",
            "http://broker",
            "mqtt://",
            "mqtt://b:0",
            "mqtt://b:70000",
            "mqtt://u:p@b:1883",
            "mqtt://a/b",
        ] {
            assert!(text.parse::<BrokerAddress>().is_err(), "{text}");
        }
    }
}
