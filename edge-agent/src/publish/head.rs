//! The beginning of every payload: what is decided only when it is sent.
//!
//! Messages are packed with the epoch that their publisher began with. When that one had to be given up, those packed
//! before and after go out under the new one.

/// The first members of a payload.
pub(super) struct Head {
    /// `"epoch":"…"` as messages are packed with it, and as it goes out, once that differs.
    renamed: Option<(String, String)>,
    packed: String,
    sent: String,
}

impl Head {
    /// Messages are packed with this epoch, and sent with it.
    pub(super) fn new(epoch: String) -> Self {
        Self {
            renamed: None,
            packed: epoch.clone(),
            sent: epoch,
        }
    }

    /// The epoch that messages are sent with.
    pub(super) fn epoch(&self) -> &str {
        &self.sent
    }

    /// From here on messages are sent with another epoch.
    pub(super) fn rename(&mut self, epoch: String) {
        let member = |epoch: &str| format!("\"epoch\":\"{epoch}\"");
        self.renamed = Some((member(&self.packed), member(&epoch)));
        self.sent = epoch;
    }

    /// The payload as it goes out: the object with `from` as its first member.
    pub(super) fn payload(&self, body: &[u8], from: u64) -> Vec<u8> {
        let mut payload = Vec::with_capacity(body.len() + 64);
        payload.extend_from_slice(b"{\"from\":");
        payload.extend_from_slice(from.to_string().as_bytes());
        payload.push(b',');
        let rest = body.strip_prefix(b"{").unwrap_or(body);
        let found = self.renamed.as_ref().and_then(|(packed, sent)| {
            let at = rest
                .windows(packed.len())
                .position(|part| part == packed.as_bytes())?;
            Some((at, at + packed.len(), sent))
        });
        match found {
            Some((start, end, sent)) => {
                payload.extend_from_slice(&rest[..start]);
                payload.extend_from_slice(sent.as_bytes());
                payload.extend_from_slice(&rest[end..]);
            }
            None => payload.extend_from_slice(rest),
        }
        payload
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const BODY: &[u8] = br#"{"device":"d","epoch":"e","obs":[{"seq":7,"note":"\"epoch\":\"e\""}]}"#;

    #[test]
    fn a_payload_begins_with_from_and_has_the_epoch_in_force() {
        let text = |head: &Head| String::from_utf8(head.payload(BODY, 3)).unwrap();
        let mut head = Head::new("e".to_owned());
        let as_packed = r#"{"from":3,"device":"d","epoch":"e","obs":[{"seq":7,"note":"\"epoch\":\"e\""}]}"#;
        assert_eq!(text(&head), as_packed);
        for epoch in ["e-1", "e-2"] {
            head.rename(epoch.to_owned());
            let renamed = format!("\"d\",\"epoch\":\"{epoch}\",");
            assert_eq!(
                text(&head),
                as_packed.replace(r#""d","epoch":"e","#, &renamed),
                "the head alone"
            );
        }
    }
}
