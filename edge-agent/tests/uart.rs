//! Serial modules, over a pseudo-terminal: what arrives is what they said, averaged, whatever noise is between.
#![allow(clippy::unwrap_used)]

mod common;

use std::path::Path;
use std::time::Duration;

use common::{Broker, Ingester, edge, finish, signal, spawn, terminal, wait_for, write};

const DEVICE: &str = "110109-DY-0003";
/// The reference's own frame: atmospheric PM2.5 40, PM10 48.
const PMS: [u8; 32] = [
    0x42, 0x4D, 0x00, 0x1C, 0x00, 0x1E, 0x00, 0x2D, 0x00, 0x34, 0x00, 0x1C, 0x00, 0x28, 0x00, 0x30, 0x10,
    0x68, 0x04, 0xE2, 0x00, 0xD2, 0x00, 0x12, 0x00, 0x04, 0x00, 0x01, 0x97, 0x00, 0x04, 0x7C,
];

fn settings(folder: &Path, broker: &str, line: &Path) -> std::path::PathBuf {
    let text = format!(
        "[agent]\ndistrict = \"110109\"\ndevice = \"{DEVICE}\"\nbroker = \"{broker}\"\nsync_interval_ms = 50\n\n\
         [[source]]\nkind = \"uart\"\nmodule = \"pms7003\"\ndevice = \"{}\"\ninterval = \"1s\"\n",
        line.display()
    );
    write(folder, "edge.toml", &text)
}

#[test]
fn a_module_between_noise_is_heard() {
    let broker = Broker::start();
    let ingester = Ingester::start(broker.port, 0);
    let folder = tempfile::tempdir().unwrap();
    let (module, _held, name) = terminal();
    let config = settings(folder.path(), &broker.url(), &name);
    let agent = spawn(edge().arg("run").arg("--config").arg(&config));
    wait_for("three intervals", || {
        module.write(&[0x42, 0xFF, 0x00]).unwrap();
        module.write(&PMS).unwrap();
        std::thread::sleep(Duration::from_millis(50));
        ingester.with(|taken| taken.contiguous(DEVICE) >= 3)
    });
    signal(&agent, "TERM");
    assert!(finish(agent).status.success());
    ingester.with(|taken| {
        let said: Vec<&String> = taken
            .streams
            .values()
            .flat_map(|stream| stream.values())
            .collect();
        assert!(said.len() >= 3 && taken.contradictions.is_empty(), "{said:?}");
        for observation in said {
            assert!(
                observation.contains("\"pm25\":40") && observation.contains("\"pm10\":48"),
                "{observation}"
            );
        }
    });
}
