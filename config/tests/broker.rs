//! `[broker]` as a user writes it: TLS files, groups and shards; what is taken, what is refused, and how it is said.
#![allow(clippy::unwrap_used)]

use std::fs;
use std::path::Path;

use dustwatch_config::{AckAfter, BrokerOverrides, BrokerSettings, ConfigError, Settings, TlsSettings};
use rcgen::{CertificateParams, KeyPair};

fn load(folder: &Path, broker: &str) -> Result<BrokerSettings, ConfigError> {
    let file = folder.join("dustwatch.toml");
    fs::write(&file, format!("[broker]\n{broker}\n")).unwrap();
    Settings::load(Some(&file)).map(|settings| settings.broker)
}

#[track_caller]
fn complains(broker: &str, words: &[&str]) {
    let folder = tempfile::tempdir().unwrap();
    for name in ["ca.crt", "a.crt", "a.key"] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    let said = load(folder.path(), broker).unwrap_err().to_string();
    for word in ["dustwatch.toml"].iter().chain(words) {
        assert!(said.contains(word), "{broker}\nsays {said}\nwithout {word}");
    }
}

/// A certificate and its key as PEM files.
fn certificate(folder: &Path, name: &str) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()])
        .unwrap()
        .self_signed(&key)
        .unwrap();
    fs::write(folder.join(format!("{name}.crt")), certificate.pem()).unwrap();
    fs::write(folder.join(format!("{name}.key")), key.serialize_pem()).unwrap();
}

#[test]
fn tls_takes_its_files_from_beside_the_settings() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), "ca");
    certificate(folder.path(), "ingest");
    let broker = load(
        folder.path(),
        "url = \"mqtts://broker.example\"\nca_file = \"ca.crt\"\n\
         client_cert_file = \"ingest.crt\"\nclient_key_file = \"ingest.key\"",
    )
    .unwrap();
    let tls = broker.tls.unwrap();
    assert_eq!(
        tls.ca_file.as_deref(),
        Some(folder.path().join("ca.crt").as_path())
    );
    assert!(tls.client_config().unwrap().client_auth_cert_resolver.has_certs());

    let plain = load(folder.path(), "url = \"mqtt://broker.example\"").unwrap();
    assert_eq!(plain.tls, None);
}

#[test]
fn tls_files_that_cannot_be_meant_are_named_with_their_key() {
    let tls = "url = \"mqtts://b\"\n";
    complains("ca_file = \"ca.crt\"", &["broker.ca_file", "mqtts://"]);
    complains(
        "url = \"mqtt://b\"\nclient_cert_file = \"a.crt\"\nclient_key_file = \"a.key\"",
        &["broker.client_cert_file", "mqtt://b:1883"],
    );
    complains(
        &format!("{tls}client_cert_file = \"a.crt\""),
        &["broker.client_key_file", "needed"],
    );
    complains(
        &format!("{tls}client_key_file = \"a.key\""),
        &["broker.client_cert_file", "needed"],
    );
    complains(
        &format!("{tls}ca_file = \"nowhere.crt\""),
        &["broker.ca_file", "nowhere.crt"],
    );
    complains(&format!("{tls}embedded = true"), &["broker.embedded", "TLS"]);
}

#[test]
fn tls_files_that_cannot_be_used_are_named() {
    let folder = tempfile::tempdir().unwrap();
    certificate(folder.path(), "one");
    certificate(folder.path(), "other");
    fs::write(folder.path().join("empty.pem"), "nothing of use\n").unwrap();
    let path = |name: &str| folder.path().join(name);
    let says = |ca: &str, cert: &str, key: &str| {
        let address = "mqtts://b".parse().unwrap();
        let tls = TlsSettings::resolve(&address, Some(path(ca)), Some(path(cert)), Some(path(key))).unwrap();
        tls.unwrap().client_config().unwrap_err().to_string()
    };
    assert!(says("empty.pem", "one.crt", "one.key").contains("empty.pem"));
    assert!(says("one.crt", "empty.pem", "one.key").contains("empty.pem"));
    assert!(says("one.crt", "one.crt", "empty.pem").contains("empty.pem"));
    let mismatch = says("one.crt", "one.crt", "other.key");
    assert!(
        mismatch.contains("one.crt") && mismatch.contains("other.key"),
        "{mismatch}"
    );
}

#[test]
fn a_group_confirms_after_the_table() {
    let folder = tempfile::tempdir().unwrap();
    let broker = load(folder.path(), "share = \"dust\"").unwrap();
    assert_eq!(
        (broker.share.as_deref(), broker.ack_after),
        (Some("dust"), AckAfter::Lake)
    );
    let broker = load(folder.path(), "share = \"dust\"\nack_after = \"lake\"").unwrap();
    assert_eq!(broker.ack_after, AckAfter::Lake);
    complains(
        "share = \"dust\"\nack_after = \"journal\"",
        &["broker.ack_after", "lake"],
    );
    for name in ["", "a/b", "a+", "#", "$share", "a b", &"x".repeat(65)] {
        complains(&format!("share = \"{name}\""), &["broker.share"]);
    }
    complains("share = \"dust\"\nshard = \"1/2\"", &["broker.shard", "not both"]);
    complains("share = \"dust\"\nembedded = true", &["broker.share", "embedded"]);
    complains("shard = \"3/2\"", &["broker.shard", "1 ≤ i ≤ n"]);
}

#[test]
fn the_command_line_wins_and_is_checked_alike() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("dustwatch.toml");
    let with = |text: &str, overrides: BrokerOverrides| {
        fs::write(&file, text).unwrap();
        Settings::load_with(Some(&file), overrides).map(|settings| settings.broker)
    };
    let share = || BrokerOverrides {
        share: Some("dust".to_owned()),
        ..BrokerOverrides::default()
    };
    assert_eq!(with("", share()).unwrap().ack_after, AckAfter::Lake);
    let said = with("[broker]\nack_after = \"journal\"\n", share())
        .unwrap_err()
        .to_string();
    assert!(said.contains("broker.ack_after"), "{said}");

    // No way from mqtts:// back to clear text without taking the files out as well.
    fs::write(folder.path().join("ca.crt"), "").unwrap();
    let secured = "[broker]\nurl = \"mqtts://b\"\nca_file = \"ca.crt\"\n";
    let plain = BrokerOverrides {
        url: Some("mqtt://b".to_owned()),
        ..BrokerOverrides::default()
    };
    let said = with(secured, plain).unwrap_err().to_string();
    assert!(said.contains("broker.ca_file"), "{said}");
    let other = BrokerOverrides {
        url: Some("mqtts://c:9".to_owned()),
        shard: Some("2/3".to_owned()),
        ..BrokerOverrides::default()
    };
    let broker = with(secured, other).unwrap();
    assert_eq!(broker.url, "mqtts://c:9");
    assert_eq!(broker.shard.unwrap().to_string(), "2/3");
}
