//! The settings in force as keys and values, for a person to read; secrets are starred.

use crate::{AckAfter, Settings, UnknownDevice};

impl Settings {
    /// Every key of `dustwatch.toml` with the value in force.
    pub fn describe(&self) -> Vec<(String, String)> {
        let mut out: Vec<(String, String)> = Vec::new();
        let mut add = |key: &str, value: String| out.push((key.to_owned(), value));
        self.describe_district(&mut add);
        self.describe_broker(&mut add);
        self.describe_storage(&mut add);
        self.describe_rules(&mut add);
        for (key, value) in self.qc.describe() {
            add(&format!("qc.{key}"), value);
        }
        for (key, value) in self.alarm.describe() {
            add(&format!("alarm.{key}"), value);
        }
        for (key, value) in self.hotspots.describe() {
            add(&format!("hotspots.{key}"), value);
        }
        self.hj212.describe(&mut add);
        self.dustfall.describe(&mut add);
        self.describe_notice(&mut add);
        add("serve.listen", self.serve_listen.clone());
        add("serve.metrics_listen", self.metrics_listen.clone());
        out
    }

    fn describe_district(&self, add: &mut dyn FnMut(&str, String)) {
        add("district.code", self.district.code.to_string());
        add("district.name", self.district.name.clone());
        add("district.timezone", self.district.timezone.to_string());
        add(
            "district.townships",
            format!("{} townships", self.registry.townships().len()),
        );
        add(
            "district.stations",
            format!("{} stations", self.registry.stations().len()),
        );
        let keys: Vec<&str> = self.parameters.iter().map(|(_, p)| p.key.as_str()).collect();
        add("district.parameters", keys.join(" "));
        let kinds: Vec<&str> = self.ledgers.iter().map(|kind| kind.key.as_str()).collect();
        add("district.ledgers", kinds.join(" "));
    }

    fn describe_broker(&self, add: &mut dyn FnMut(&str, String)) {
        let broker = &self.broker;
        add("broker.url", broker.url.clone());
        add("broker.embedded", broker.embedded.to_string());
        add("broker.client_id", broker.client_id.clone());
        add("broker.username", broker.username.clone().unwrap_or_default());
        add(
            "broker.password",
            broker
                .password
                .as_ref()
                .map(|_| "***".to_owned())
                .unwrap_or_default(),
        );
        let file =
            |file: Option<&std::path::PathBuf>| file.map(|f| f.display().to_string()).unwrap_or_default();
        let tls = broker.tls.as_ref();
        let identity = tls.and_then(|t| t.identity.as_ref());
        add("broker.ca_file", file(tls.and_then(|t| t.ca_file.as_ref())));
        add("broker.client_cert_file", file(identity.map(|i| &i.cert_file)));
        add("broker.client_key_file", file(identity.map(|i| &i.key_file)));
        add("broker.share", broker.share.clone().unwrap_or_default());
        add(
            "broker.session_expiry_seconds",
            broker.session_expiry_seconds.to_string(),
        );
        add(
            "broker.shard",
            broker.shard.map(|s| s.to_string()).unwrap_or_default(),
        );
        let ack_after = match broker.ack_after {
            AckAfter::Journal => "journal",
            AckAfter::Lake => "lake",
        };
        add("broker.ack_after", ack_after.to_owned());
        add("broker.max_payload_bytes", broker.max_payload_bytes.to_string());
        let unknown_device = match broker.unknown_device {
            UnknownDevice::Reject => "reject",
            UnknownDevice::Keep => "keep",
        };
        add("broker.unknown_device", unknown_device.to_owned());
        add(
            "broker.future_tolerance_seconds",
            broker.future_tolerance_seconds.to_string(),
        );
        add(
            "broker.rejects_per_device_per_hour",
            broker.rejects_per_device_per_hour.to_string(),
        );
        add(
            "broker.reject_bytes_per_device_per_hour",
            broker.reject_bytes_per_device_per_hour.to_string(),
        );
    }

    fn describe_storage(&self, add: &mut dyn FnMut(&str, String)) {
        add("journal.dir", self.journal.dir.display().to_string());
        add("journal.segment_bytes", self.journal.segment_bytes.to_string());
        add(
            "journal.group_commit_ms",
            self.journal.group_commit_ms.to_string(),
        );
        add("lake.uri", self.lake.uri.clone());
        add(
            "lake.commit_interval_seconds",
            self.lake.commit_interval_seconds.to_string(),
        );
        add("lake.commit_rows", self.lake.commit_rows.to_string());
        add("lake.open_day_files", self.lake.open_day_files.to_string());
        add(
            "lake.keep_versions_days",
            self.lake.keep_versions_days.to_string(),
        );
        add("lake.retain_days", self.lake.retain_days.to_string());
        add("lake.shutdown_seconds", self.lake.shutdown_seconds.to_string());
    }

    fn describe_notice(&self, add: &mut dyn FnMut(&str, String)) {
        add("notice.agency", self.notice.agency.clone());
        add("notice.issuer", self.notice.issuer.clone());
        add("notice.document_prefix", self.notice.document_prefix.clone());
        add("notice.recipients", self.notice.recipients.join("；"));
        add("notice.copies", self.notice.copies.join("；"));
        add("notice.contact", self.notice.contact.clone().unwrap_or_default());
        let template = self.notice.template.as_deref();
        add(
            "notice.template",
            template
                .map(|file| file.display().to_string())
                .unwrap_or_default(),
        );
        let due = self.notice.due.as_ref();
        let text = |of: &dyn Fn(&crate::DueSettings) -> String| due.map(of).unwrap_or_default();
        add("notice.due.out", text(&|due| due.out.display().to_string()));
        add("notice.due.kinds", text(&|due| due.kinds.join(" ")));
        add("notice.due.hour", text(&|due| due.hour.to_string()));
        add("notice.due.formats", text(&|due| due.formats.join(" ")));
        add(
            "notice.due.deliver",
            text(&|due| {
                let ways = due.deliver.iter().map(|way| format!("{}: {}", way.name, way.url));
                ways.collect::<Vec<_>>().join(" ")
            }),
        );
    }

    fn describe_rules(&self, add: &mut dyn FnMut(&str, String)) {
        let standards = &self.standards;
        add(
            "standards.hour_min_percent",
            standards.hour_min_percent.to_string(),
        );
        add("standards.week_min_days", standards.week_min_days.to_string());
        add(
            "standards.half_month_min_days",
            standards.half_month_min_days.to_string(),
        );
        add("standards.month_min_days", standards.month_min_days.to_string());
        add(
            "standards.february_min_days",
            standards.february_min_days.to_string(),
        );
        add("standards.year_min_days", standards.year_min_days.to_string());
        add(
            "standards.range_min_percent",
            standards.range_min_percent.to_string(),
        );
        add(
            "standards.tsp_day_min_hours",
            standards.tsp_day_min_hours.to_string(),
        );
        add(
            "standards.tsp_month_min_days",
            standards.tsp_month_min_days.to_string(),
        );
        add(
            "standards.tsp_year_min_days",
            standards.tsp_year_min_days.to_string(),
        );
        let rules = &self.rules;
        add("rules.r1_n", rules.r1_n.to_string());
        add("rules.r1_warn_delta", rules.r1_warn_delta.to_string());
        add("rules.r2_k", rules.r2_k.to_string());
        add("rules.r2_improved", rules.r2_improved.clone());
        add("rules.r3_basis", rules.r3_basis.clone());
        add("rules.r3_combine", rules.r3_combine.clone());
        add("rules.r3c_months", rules.r3c_months.to_string());
        add("rules.r4_limit", rules.r4_limit.to_string());
        add("rules.r4_period", rules.r4_period.clone());
        add("rules.r5_limit", rules.r5_limit.to_string());
        add("rules.r5_decreases", rules.r5_decreases.to_string());
        add("rules.last_n", rules.last_n.to_string());
        add("rules.boundary", rules.boundary.clone());
        add("rules.limit_compare", rules.limit_compare.clone());
        add("rules.streak_missing", rules.streak_missing.clone());
    }
}
