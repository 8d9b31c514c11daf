//! What a service manager hears of an agent.
#![allow(clippy::unwrap_used)]

mod common;

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use common::{edge, finish, signal, spawn, write};

#[test]
fn the_service_manager_hears_ready_signs_of_life_and_stopping() {
    let folder = tempfile::tempdir().unwrap();
    let config = write(
        folder.path(),
        "edge.toml",
        "[agent]\ndistrict = \"110109\"\ndevice = \"110109-DY-0003\"\nbroker = \"mqtt://127.0.0.1:1\"\n\n\
         [[source]]\nkind = \"simulate\"\n",
    );
    let socket = folder.path().join("notify");
    let manager = UnixDatagram::bind(&socket).unwrap();
    manager.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let heard = || {
        let mut word = [0; 64];
        let length = manager.recv(&mut word).expect("the manager is told something");
        String::from_utf8_lossy(&word[..length]).trim().to_owned()
    };
    // Without a broker: what the agent observes is kept all the same.
    let mut command = edge();
    command
        .env("NOTIFY_SOCKET", &socket)
        .env("WATCHDOG_USEC", "4000000")
        .env_remove("WATCHDOG_PID");
    let agent = spawn(command.arg("run").arg("--config").arg(&config));
    assert_eq!(heard(), "READY=1");
    for _ in 0..3 {
        assert_eq!(heard(), "WATCHDOG=1");
    }
    signal(&agent, "TERM");
    let words: Vec<String> = std::iter::repeat_with(heard)
        .take_while(|word| word != "STOPPING=1")
        .collect();
    assert!(words.len() <= 2, "{words:?}");
    assert!(finish(agent).status.success());
}
