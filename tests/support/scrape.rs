//! What an ingester tells who asks over HTTP.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::TcpStream;

use super::process::Running;

/// Where an ingester says that its door is.
pub(crate) fn door(ingest: &mut Running) -> String {
    ingest.wait_for_log("the door", |line| line.contains("\"listen\""));
    let log = ingest.stderr();
    let line = log.lines().find(|line| line.contains("\"listen\"")).unwrap();
    let event: serde_json::Value = serde_json::from_str(line).unwrap();
    let listen = event
        .pointer("/fields/listen")
        .or_else(|| event.get("listen"))
        .unwrap();
    listen.as_str().unwrap().to_owned()
}

/// Status and body of a GET, without a library: what any probe does.
pub(crate) fn get(address: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

/// Samples by name and labels, and the type of each family, of a page that must be well formed.
pub(crate) struct Page {
    pub(crate) samples: BTreeMap<String, f64>,
    pub(crate) types: BTreeMap<String, String>,
}

impl Page {
    pub(crate) fn scrape(address: &str) -> Self {
        let (status, text) = get(address, "/metrics");
        assert_eq!(status, 200);
        let (mut samples, mut types, mut helped) = (BTreeMap::new(), BTreeMap::new(), BTreeSet::new());
        for line in text.lines().filter(|line| !line.is_empty()) {
            if let Some(rest) = line.strip_prefix("# TYPE ") {
                let (name, kind) = rest.split_once(' ').unwrap();
                assert!(
                    types.insert(name.to_owned(), kind.to_owned()).is_none(),
                    "{name} twice"
                );
            } else if let Some(rest) = line.strip_prefix("# HELP ") {
                helped.insert(rest.split_once(' ').unwrap().0.to_owned());
            } else {
                let (series, value) = line.rsplit_once(' ').unwrap();
                let value = if value == "+Inf" {
                    f64::INFINITY
                } else {
                    value.parse().unwrap()
                };
                assert!(
                    samples.insert(series.to_owned(), value).is_none(),
                    "{series} twice"
                );
            }
        }
        assert_eq!(
            helped,
            types.keys().cloned().collect(),
            "every family says what it is"
        );
        Self { samples, types }
    }

    pub(crate) fn value(&self, series: &str) -> f64 {
        *self.samples.get(series).unwrap_or_else(|| panic!("no {series}"))
    }

    /// Names of series, without labels: those that an expression may use.
    pub(crate) fn names(&self) -> BTreeSet<&str> {
        self.samples
            .keys()
            .map(|series| series.split_once('{').map_or(series.as_str(), |(name, _)| name))
            .collect()
    }
}
