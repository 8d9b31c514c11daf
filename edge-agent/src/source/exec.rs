//! A program that prints one JSON observation a line: any sensor for which somebody has a script.
//!
//! Its standard error goes to our log. When it ends, it is started again after a growing pause.

use std::process::Stdio;
use std::time::Duration;

use dustwatch_observation::json::Decoder;
use tokio::io::{AsyncBufRead, AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::time::Instant;

use super::{Intake, line};
use crate::Shutdown;

/// Longest line that is read, in bytes; a longer one is passed over.
const MAX_LINE_BYTES: usize = 64 << 10;
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Runs the program, again and again, until stopped.
pub(super) async fn run(command: &[String], intake: &Intake, mut shutdown: Shutdown) {
    let mut pause = FIRST_PAUSE;
    while !shutdown.is_requested() {
        let started = Instant::now();
        match start(command) {
            Ok(mut child) => {
                tokio::select! {
                    kept = read(&mut child, intake) => if !kept { return },
                    () = shutdown.requested() => {}
                }
                drop(child.start_kill());
                let status = child.wait().await;
                if shutdown.is_requested() {
                    return;
                }
                let status = status.map_or_else(|e| e.to_string(), |s| s.to_string());
                tracing::warn!(
                    program = command[0],
                    status,
                    "the source ended, will start it again"
                );
            }
            Err(error) => tracing::error!(program = command[0], %error, "the source does not start"),
        }
        pause = if started.elapsed() > LONGEST_PAUSE {
            FIRST_PAUSE
        } else {
            pause
        };
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = shutdown.requested() => {}
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

fn start(command: &[String]) -> std::io::Result<Child> {
    let mut program = Command::new(&command[0]);
    program
        .args(&command[1..])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit());
    program.kill_on_drop(true).spawn()
}

/// Keeps what the program says until it says no more; `false` when the spool is closed.
async fn read(child: &mut Child, intake: &Intake) -> bool {
    let Some(stdout) = child.stdout.take() else {
        return true;
    };
    let mut reader = BufReader::new(stdout);
    let mut decoder = Decoder::new(intake.parameters.clone());
    let (mut text, mut number) = (Vec::new(), 0u64);
    loop {
        number += 1;
        match read_line(&mut reader, &mut text).await {
            Ok(Line::Read) if text.trim_ascii().is_empty() => continue,
            Ok(Line::Read) => {}
            Ok(Line::TooLong) => {
                tracing::warn!(
                    line = number,
                    limit = MAX_LINE_BYTES,
                    "the source's line is too long"
                );
                continue;
            }
            Ok(Line::End) => return true,
            Err(error) => {
                tracing::warn!(%error, "the source cannot be read");
                return true;
            }
        }
        let (observations, faults) =
            line::observations(&mut decoder, &text, &intake.device, intake.clock.now());
        for fault in faults {
            let reason = fault.reason.code();
            tracing::warn!(
                line = number,
                reason,
                detail = fault.detail,
                "the source's line is no observation"
            );
        }
        for observation in observations {
            if !intake.take(observation).await {
                return false;
            }
        }
    }
}

enum Line {
    Read,
    TooLong,
    End,
}

/// Reads up to the next line feed, at most [`MAX_LINE_BYTES`]; what is longer is read and dropped.
async fn read_line(reader: &mut (impl AsyncBufRead + Unpin), text: &mut Vec<u8>) -> std::io::Result<Line> {
    text.clear();
    let mut too_long = false;
    loop {
        let chunk = reader.fill_buf().await?;
        if chunk.is_empty() {
            return Ok(if text.is_empty() { Line::End } else { Line::Read });
        }
        let (taken, ended) = match chunk.iter().position(|b| *b == b'\n') {
            Some(at) => (at + 1, true),
            None => (chunk.len(), false),
        };
        if text.len() + taken > MAX_LINE_BYTES {
            too_long = true;
            text.clear();
        } else if !too_long {
            text.extend_from_slice(&chunk[..taken]);
        }
        reader.consume(taken);
        if ended {
            return Ok(if too_long { Line::TooLong } else { Line::Read });
        }
    }
}

/// The first observation of the program, for a check.
pub(crate) async fn try_once(command: &[String], intake: &Intake) -> Result<String, String> {
    let mut child = start(command).map_err(|e| format!("does not start: {e}"))?;
    let stdout = child.stdout.take().ok_or("has no output")?;
    let mut reader = BufReader::new(stdout);
    let mut decoder = Decoder::new(intake.parameters.clone());
    let mut text = Vec::new();
    loop {
        match read_line(&mut reader, &mut text)
            .await
            .map_err(|e| e.to_string())?
        {
            Line::Read if text.trim_ascii().is_empty() => {}
            Line::Read => break,
            Line::TooLong => return Err(format!("its first line is longer than {MAX_LINE_BYTES} bytes")),
            Line::End => {
                let status = child.wait().await.map_err(|e| e.to_string())?;
                return Err(format!("ended without a line, {status}"));
            }
        }
    }
    let (observations, faults) = line::observations(&mut decoder, &text, &intake.device, intake.clock.now());
    match (observations.first(), faults.first()) {
        (_, Some(fault)) => Err(format!("{}: {}", fault.reason, fault.detail)),
        (Some(observation), None) => {
            let values = observation
                .readings()
                .iter()
                .filter(|r| r.value.is_some())
                .count();
            Ok(format!("observed {values} values at {}", observation.time))
        }
        (None, None) => Err("its first line holds no observation".to_owned()),
    }
}
