//! What a receiver is sent, and what it has to answer.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use dustwatch_analytics::notice::Register;
use dustwatch_config::{Delivery, DeliveryKind};
use serde_json::{Value, json};

/// Longest wait for an answer.
const PATIENCE: Duration = Duration::from_secs(15);

/// Bytes that a robot of WeChat Work takes in one message.
const WECOM_BYTES: usize = 4096;

/// Sends a notice; anything but an answer that says that it was taken is a failure.
pub(super) async fn send(
    way: &Delivery,
    folder: &Path,
    stem: &str,
    register: &Register,
) -> anyhow::Result<()> {
    let file = folder.join(format!("{stem}.md"));
    let markdown = std::fs::read_to_string(&file).with_context(|| format!("reading {}", file.display()))?;
    let body = match way.kind {
        DeliveryKind::Webhook => webhook(stem, register, &markdown)?,
        DeliveryKind::Wecom => wecom(&markdown),
    };
    let client = reqwest::Client::builder().timeout(PATIENCE).build()?;
    let request = client
        .post(way.url.address())
        .header("content-type", "application/json")
        .body(body.to_string());
    // The address is a secret with most receivers.
    let answer = request.send().await.map_err(reqwest::Error::without_url)?;
    let status = answer.status();
    if !status.is_success() {
        bail!("the answer was {status}");
    }
    if way.kind == DeliveryKind::Wecom {
        let said: Value = serde_json::from_slice(&answer.bytes().await.map_err(reqwest::Error::without_url)?)
            .context("the answer is no JSON")?;
        // A robot refuses with status 200.
        if said["errcode"] != json!(0) {
            bail!("the robot refused: {} {}", said["errcode"], said["errmsg"]);
        }
    }
    Ok(())
}

/// Everything, for programs.
fn webhook(stem: &str, register: &Register, markdown: &str) -> anyhow::Result<Value> {
    let provenance = &register.provenance;
    Ok(json!({
        "notice": stem,
        "kind": provenance.kind,
        "district": provenance.district,
        "period": provenance.period,
        "revision": provenance.revision,
        "issued_on": register.issued_on.to_string(),
        "markdown": markdown,
        "register": serde_json::from_str::<Value>(&register.to_json())?,
    }))
}

/// The text without its tables, which a robot does not show, cut at the end of a line.
fn wecom(markdown: &str) -> Value {
    const MORE: &str = "\n\n（全文见通报文件）";
    let mut content = String::new();
    for line in markdown.lines().filter(|line| !line.starts_with('|')) {
        if content.len() + line.len() + 1 + MORE.len() > WECOM_BYTES {
            content.push_str(MORE);
            break;
        }
        if !(line.is_empty() && content.ends_with("\n\n")) {
            content.push_str(line);
            content.push('\n');
        }
    }
    json!({"msgtype": "markdown", "markdown": {"content": content}})
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_robot_gets_no_tables_and_no_more_than_it_takes() {
        let text = format!(
            "# 通报\n\n| a | b |\n\n{}",
            "本周，全区十三个镇街。\n\n".repeat(400)
        );
        let body = wecom(&text);
        let content = body["markdown"]["content"].as_str().unwrap();
        assert!(
            content.len() <= WECOM_BYTES && content.len() > WECOM_BYTES - 100,
            "{}",
            content.len()
        );
        assert!(content.starts_with("# 通报\n\n本周") && content.ends_with("（全文见通报文件）"));
        assert!(!content.contains('|'));
    }
}
