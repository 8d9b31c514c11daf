//! Data loggers, more than the process may open files for: those that are connected stay so, and the spool works.
#![allow(clippy::unwrap_used)]

mod common;

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::Duration;

use common::{finish, signal, spawn, stderr, wait_for, write};

/// The reference's own frame.
const FRAME: &str = "##0121QN=20250131202809340;ST=39;CN=2011;PW=123456;MN=0507A010003242;Flag=4;CP=&&DataTime=20250131202809;a34001-Rtd=92;Flag=N&&BF41\r\n";
/// A sign of life, which is answered by 9013.
const SIGN_OF_LIFE: &str =
    "##0087QN=20260801085857223;ST=39;CN=9015;PW=123456;MN=110109006000000000000001;Flag=9;CP=&&&&6E80\r\n";

fn is_answered(mut logger: &TcpStream) -> bool {
    let mut heard = [0; 512];
    logger.write_all(SIGN_OF_LIFE.as_bytes()).is_ok()
        && logger
            .read(&mut heard)
            .is_ok_and(|length| String::from_utf8_lossy(&heard[..length]).contains("CN=9013"))
}

#[test]
fn loggers_that_find_no_connection_do_not_cost_others_theirs() {
    let folder = tempfile::tempdir().unwrap();
    let port = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .port();
    let config = write(
        folder.path(),
        "edge.toml",
        &format!(
            "[agent]\ndistrict = \"110109\"\ndevice = \"110109-DY-0003\"\nbroker = \"mqtt://127.0.0.1:1\"\n\n\
             [[source]]\nkind = \"hj212\"\nlisten = \"127.0.0.1:{port}\"\n"
        ),
    );
    let mut command = Command::new("sh");
    command
        .args([
            "-c",
            "ulimit -n 100 && exec \"$@\"",
            "sh",
            env!("CARGO_BIN_EXE_dustwatch-edge"),
        ])
        .arg("run")
        .arg("--config")
        .arg(&config)
        .env_remove("RUST_LOG");
    let agent = spawn(&mut command);
    let connect = || {
        let logger = TcpStream::connect(("127.0.0.1", port)).ok()?;
        logger.set_read_timeout(Some(Duration::from_secs(3))).unwrap();
        Some(logger)
    };
    let mut first = None;
    wait_for("the agent", || {
        first = connect();
        first.is_some()
    });
    let first = first.unwrap();
    assert!(is_answered(&first));
    (&first).write_all(FRAME.as_bytes()).unwrap();
    let crowd: Vec<TcpStream> = (0..60).filter_map(|_| connect()).collect();
    // The last of them is turned away, so that the spool has files to open.
    assert!(!is_answered(crowd.last().unwrap()));
    assert!(is_answered(&first), "who was there before is served on");
    drop(crowd);
    let mut late = None;
    wait_for("a connection once there is room", || {
        late = connect();
        late.as_ref().is_some_and(is_answered)
    });
    signal(&agent, "TERM");
    let output = finish(agent);
    assert!(output.status.success());
    assert!(
        stderr(&output).contains("too many loggers at once"),
        "{}",
        stderr(&output)
    );
}
